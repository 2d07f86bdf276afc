import { type Anchor, type Path, ScenarioDocument } from '../../scenario/document.ts';
import { formatKey, InputError, type InputProblem } from '../../scenario/input-error.ts';

type Keys = Record<string, unknown>;

/** The parts of an evacuation's file from which the scenario of one of its guests is made. */
export interface GuestParts {
  /** The index of the guest's entry in `guests`. */
  readonly index: number;
  /** The `migration` of that entry, as written. */
  readonly migration: Keys;
  /** The `migration` of the whole file, as written. */
  readonly common: Keys;
  /** Returns the path in the file of a path within a scenario's `link`; without it, `core` has the link's keys. */
  readonly linkPath?: (path: Path) => Path;
}

const inCore = (path: Path): Path => ['core', ...path];

/**
 * The scenario of one guest within an evacuation's file. Its values come from several places of the file, and its
 * errors name those places.
 */
export class GuestDocument extends ScenarioDocument {
  readonly #file: ScenarioDocument;
  readonly #parts: GuestParts;
  readonly #value: unknown;
  /** The key of the file for each key of the scenario whose place was asked for. */
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

  override isSet(path: Path): boolean {
    return this.#file.isSet(this.#inFile(path));
  }

  override place(path: Path, anchor: Anchor): string {
    const there = this.#inFile(path);
    this.#keys.set(formatKey(path), formatKey(there));
    return this.#file.place(there, anchor);
  }

  /** Returns what `act` returns; an InputError that it throws is changed to name keys of the file. */
  explained<Value>(act: () => Value): Value {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(
        error.problems.map((problem): InputProblem => {
          return { ...problem, key: this.#keys.get(problem.key) ?? problem.key };
        }),
        error.more,
      );
    }
  }

  /** Returns the path in the file of a path in the scenario. */
  #inFile(path: Path): Path {
    const { index, migration, common, linkPath = inCore } = this.#parts;
    const [section, key] = path;
    if (section === undefined) return ['guests', index];
    if (section === 'guest') return ['guests', index, ...path];
    if (section === 'link') return linkPath(path.slice(1));
    if (section !== 'migration') return path;
    const isOwn = typeof key === 'string' && Object.hasOwn(migration, key);
    const isCommon = typeof key === 'string' && Object.hasOwn(common, key);
    const hasOwnKeys = Object.keys(migration).length > 0;
    return isOwn || (!isCommon && hasOwnKeys) ? ['guests', index, ...path] : path;
  }
}
