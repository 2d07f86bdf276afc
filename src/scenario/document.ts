import { type Document, isAlias, isMap, isNode, isScalar, type LineCounter } from 'yaml';
import { formatKey, InputError, type InputProblem, shorten } from './input-error.ts';
import { MOST_LEVELS, parseYaml, plainValue, tooDeep } from './yaml.ts';

export type Path = readonly (string | number)[];

/** The part of an entry that a problem is shown at. */
export type Anchor = 'value' | 'key';

/** An option of the command line that sets a key, such as `--runtime virtual`. */
export interface FlagOverride {
  /** The option, which messages name in place of the key. */
  readonly flag: string;
  /** The key, such as `runtime` or `migration.recordPages`. */
  readonly key: string;
  readonly value: string | boolean;
}

/** A key that was set after the document was read. */
interface Override {
  readonly path: Path;
  /** Where messages say that its value stands. */
  readonly place: string;
}

/** The `schema` of results, each of which keeps its scenario under the key `scenario`. */
const RESULTS: ReadonlySet<unknown> = new Set([
  'pageferry/run@1',
  'pageferry/evacuation@1',
  'pageferry/fleet@1',
  'pageferry/host@1',
  'pageferry/protect@1',
]);

/** A YAML document that knows the place of each of its keys. */
export class ScenarioDocument {
  readonly source: string;
  readonly #document: Document;
  /** It is undefined when the document comes from a value of a program, which has no lines. */
  readonly #lines: LineCounter | undefined;
  readonly #overrides: Override[] = [];
  /** The value, until an override changes it. */
  #value: { readonly plain: unknown } | undefined;

  /**
   * `source` is what errors call the document; without `hasLines` they give no line, as the content is a value of a
   * program, written as JSON. Throws InputError when the text is not YAML.
   */
  constructor(source: string, content: string, hasLines = true) {
    this.source = source;
    const { document, lines, problems } = parseYaml(content);
    this.#document = document;
    this.#lines = hasLines ? lines : undefined;
    if (problems.length === 0) return;
    throw new InputError(
      problems.map(({ offset, sentence }): InputProblem => ({
        place: this.#at(offset),
        key: '',
        sentence,
      })),
    );
  }

  /** Returns the document as a plain value, in which aliases are resolved. */
  value(): unknown {
    this.#value ??= { plain: plainValue(this.#document) ?? {} };
    return this.#value.plain;
  }

  /** Whether `set` has changed the document. */
  get isOverridden(): boolean {
    return this.#overrides.length > 0;
  }

  /** Whether the key at a path, or a map around it, was set after the document was read. */
  isSet(path: Path): boolean {
    return this.#overrideOf(path) !== undefined;
  }

  /** If the document is a result, makes its scenario the document, so that a result can be run again. */
  openResult(): void {
    const scenario = this.#document.contents;
    if (!isMap(scenario) || !RESULTS.has(scenario.get('schema'))) return;
    this.openKey('scenario');
  }

  /** Makes the map under a key the document, whose keys keep their places; does nothing when there is no such map. */
  openKey(key: string): void {
    const { contents } = this.#document;
    const inner = isMap(contents) ? contents.get(key, true) : undefined;
    if (!isMap(inner)) return;
    this.#document.contents = inner;
    this.#value = undefined;
  }

  /** Sets a key to the value of an option of its own, of which a text stays a text. Errors name that option. */
  setFlag({ flag, key, value }: FlagOverride): void {
    this.setKey(parseKey(key)!, value, flag);
  }

  /**
   * Sets a key to a plain value; null removes it. Errors say that the value stands at `place`. Throws InputError when
   * the key can't be set in this document.
   */
  setKey(path: Path, value: unknown, place: string): void {
    this.#openParents(path, place);
    this.#overrides.push({ path, place });
    this.#value = undefined;
    // No key has the value `null`, so it stands for the key's absence.
    if (value === null) {
      // The document may lack the map around the key as well, in which yaml could delete nothing.
      if (this.#document.hasIn(path)) this.#document.deleteIn(path);
    } else {
      this.#document.setIn(path, this.#document.createNode(value));
    }
  }

  /**
   * Sets a key from a `--set key=value` argument; `key=null` removes it. Throws InputError when the argument has
   * another form, or when its key can't be set in this document.
   */
  set(argument: string): void {
    const match = /^([^=]+)=(.*)$/s.exec(argument);
    const path = match ? parseKey(match[1]!) : undefined;
    if (!match || !path) {
      throw new InputError([
        {
          place: '--set',
          key: '',
          sentence: `expected key=value such as link.bandwidth=1Gbit/s, got "${shorten(argument)}"`,
        },
      ]);
    }
    const refuse = (sentence: string): never => {
      throw new InputError([{ place: '--set', key: shorten(match[1]!), sentence }]);
    };
    if (path.length > MOST_LEVELS) refuse(tooDeep());
    const { document: value, problems } = parseYaml(match[2]!);
    if (problems.some(({ sentence }) => sentence === tooDeep())) refuse(tooDeep());
    if (problems.length > 0) refuse(`${shorten(match[2]!)} is not a YAML value`);
    // An empty text is a value that is missing, which is another thing than `null`.
    const isRemoved = value.contents !== null && plainValue(value) === null;
    this.setKey(path, isRemoved ? null : (plainValue(value) ?? undefined), '--set');
  }

  /**
   * Makes sure that the parents of a path are lists and maps, and creates the maps that are missing. Throws
   * InputError when a parent is something else, or a list that ends before the path's index.
   */
  #openParents(path: Path, place: string): void {
    const document = this.#document;
    if (document.contents === null) document.contents = document.createNode({});
    for (let depth = 0; depth < path.length; depth++) {
      const parentPath = path.slice(0, depth);
      const parent = depth === 0 ? document.contents : document.getIn(parentPath, true);
      const plain: unknown = isNode(parent) ? parent.toJS(document) : undefined;
      const part = path[depth]!;
      const isOpen =
        typeof part === 'number'
          ? Array.isArray(plain) && part <= plain.length
          : (plain ?? undefined) === undefined ||
            (typeof plain === 'object' && !Array.isArray(plain));
      if (!isOpen) throw new InputError([closedParent(path, depth, place)]);
      // An alias is replaced by a copy of its value, so that only this place changes; an empty value is replaced too.
      if (isAlias(parent)) document.setIn(parentPath, document.createNode(plain));
      else if (plain === null && depth > 0) document.deleteIn(parentPath);
      else if (plain === null) document.contents = document.createNode({});
    }
  }

  /**
   * Returns `FILE:LINE:COL` of a key or its value, or of the nearest parent that the document has; for a key that was
   * overridden `--set`, or the option that did it.
   */
  place(path: Path, anchor: Anchor): string {
    const override = this.#overrideOf(path);
    if (override) return override.place;
    for (let length = path.length; length >= 0; length--) {
      const part = path.slice(0, length);
      const offset = this.#offset(part, length === path.length ? anchor : 'value');
      if (offset !== undefined) return this.#at(offset);
      const within = this.#overrides.find((set) => startsWith(set.path, part));
      if (length > 0 && within) return within.place;
    }
    return this.#at(0);
  }

  /** Returns the last override of a key or of a map around it. */
  #overrideOf(path: Path): Override | undefined {
    return this.#overrides.findLast((set) => startsWith(path, set.path));
  }

  #at(offset: number): string {
    if (!this.#lines) return this.source;
    const { line, col } = this.#lines.linePos(offset);
    return `${this.source}:${Math.max(1, line)}:${Math.max(1, col)}`;
  }

  #offset(path: Path, anchor: Anchor): number | undefined {
    const last = path.at(-1);
    if (anchor === 'key' && last !== undefined) {
      const parent =
        path.length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, -1), true);
      if (!isMap(parent)) return undefined;
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === last);
      return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
    }
    const node = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    return isNode(node) ? node.range?.[0] : undefined;
  }
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((part, i) => part === path[i]);
}

function closedParent(path: Path, depth: number, place: string): InputProblem {
  const parent = depth === 0 ? 'the scenario' : formatKey(path.slice(0, depth));
  const sentence =
    typeof path[depth] === 'number'
      ? `the scenario has no ${formatKey(path.slice(0, depth + 1))} to set a key of`
      : `${parent} is not a map`;
  return { place, key: formatKey(path), sentence };
}

/** Parses a key such as `guest.workloads[0].rate` into its path; returns undefined when it has another form. */
export function parseKey(key: string): Path | undefined {
  if (!/^[A-Za-z]\w*(\[\d+\])*(\.[A-Za-z]\w*(\[\d+\])*)*$/.test(key.trim())) return undefined;
  return Array.from(key.trim().matchAll(/([A-Za-z]\w*)|\[(\d+)\]/g), (match) =>
    match[1] === undefined ? Number(match[2]) : match[1],
  );
}
