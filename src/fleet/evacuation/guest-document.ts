import { type Anchor, type Path, ScenarioDocument } from '../../scenario/document.ts';
import { formatKey, InputError, type InputProblem } from '../../scenario/input-error.ts';

type Keys = Record<string, unknown>;

/** The parts of an evacuation's file that the scenario of one of its guests is made of. */
export interface GuestParts {
  /** Which entry of `guests` it is. */
  readonly index: number;
  /** That entry's `migration`, and the file's own, as written. */
  readonly migration: Keys;
  readonly common: Keys;
}

/**
 * The scenario of one guest within an evacuation's file: its values come from several places of the
 * file, and errors name those.
 */
export class GuestDocument extends ScenarioDocument {
  readonly #file: ScenarioDocument;
  readonly #parts: GuestParts;
  readonly #value: unknown;
  /** Keys of the file, by keys of the scenario: those that somebody asked the place of. */
  readonly #keys = new Map<string, string>();

  constructor(file: ScenarioDocument, parts: GuestParts, value: unknown) {
    super(file.source, '');
    this.#file = file;
    this.#parts = parts;
    this.#value = value;
  }

  override value(): unknown {
    return this.#value;
  }

  override place(path: Path, anchor: Anchor): string {
    const there = this.#inFile(path);
    this.#keys.set(formatKey(path), formatKey(there));
    return this.#file.place(there, anchor);
  }

  /** What `act` returns; its input errors name keys of the file. */
  explained<Value>(act: () => Value): Value {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(
        error.problems.map((problem): InputProblem => {
          return { ...problem, key: this.#keys.get(problem.key) ?? problem.key };
        }),
      );
    }
  }

  /** The path in the file of a path in the scenario. */
  #inFile(path: Path): Path {
    const { index, migration, common } = this.#parts;
    const [section, key] = path;
    if (section === undefined) return ['guests', index];
    if (section === 'guest') return ['guests', index, ...path];
    if (section === 'link') return ['core', ...path.slice(1)];
    if (section !== 'migration') return path;
    const isOwn = typeof key === 'string' && Object.hasOwn(migration, key);
    const isCommon = typeof key === 'string' && Object.hasOwn(common, key);
    const hasOwnKeys = Object.keys(migration).length > 0;
    return isOwn || (!isCommon && hasOwnKeys) ? ['guests', index, ...path] : path;
  }
}
