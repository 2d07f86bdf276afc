import type { Path } from '../scenario/document.ts';
import { MOST_PROBLEMS, shorten } from '../scenario/input-error.ts';
import type { Problem } from '../scenario/problem.ts';
import { nearest } from '../scenario/suggest.ts';

/** An entry of a file's `guests`, which stands for one guest or for several equal ones. */
export interface GuestGroupName {
  readonly name: string;
  readonly count?: number | undefined;
}

/** Returns the names of a group's guests, which are numbered from 1 on when the group has a count. */
export function namesOf({ name, count }: GuestGroupName): string[] {
  if (count === undefined) return [name];
  return Array.from({ length: count }, (_, i) => `${name}-${i + 1}`);
}

/** Returns a problem for each group with a guest whose name another one has. */
export const checkNames = (groups: readonly GuestGroupName[]): Problem[] =>
  checkTwice(groups.map(namesOf), 'guests', 'guest');

/** Returns a problem for each entry of the file's `key` with a name that an entry before it has; `what` has a name. */
export function checkTwice(
  entries: readonly (readonly string[])[],
  key: string,
  what: string,
): Problem[] {
  const seen = new Set<string>();
  return entries.flatMap((names, index) => {
    const twice = names.find((name) => seen.has(name));
    for (const name of names) seen.add(name);
    if (twice === undefined) return [];
    return [{ path: [key, index, 'name'], sentence: `two ${what}s are called ${twice}` }];
  });
}

/** Finds names that are not among those that are known; `what` has a name. */
export class KnownNames {
  readonly #what: string;
  readonly #names: readonly string[];
  readonly #set: ReadonlySet<string>;
  #unknown = 0;

  constructor(what: string, names: readonly string[]) {
    this.#what = what;
    this.#names = names;
    this.#set = new Set(names);
  }

  /** Returns a problem at `path` when the name is not known. */
  check(name: string | undefined, path: Path): Problem[] {
    if (name === undefined || this.#set.has(name)) return [];
    // Nobody sees the hints of the problems that are not listed, and they take long to find.
    const hint = this.#unknown++ < MOST_PROBLEMS ? `: ${this.#hintOf(name)}` : '';
    return [{ path, sentence: `there is no ${this.#what} ${name}${hint}` }];
  }

  #hintOf(name: string): string {
    const guess = nearest(name, this.#names);
    if (guess) return `did you mean ${guess}?`;
    return `there ${this.#names.length === 1 ? 'is' : 'are'} ${shorten(this.#names.join(', '))}`;
  }
}
