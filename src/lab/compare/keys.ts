import { nearest } from '../../scenario/suggest.ts';
import { keyName } from './compare.ts';
import { refuse } from './json-file.ts';
import type { Side } from './side.ts';

/**
 * Returns the name under which runs have a key of a scenario, which is given as `guest.memory` or `guest_memory`. Throws
 * InputError, which says where the key was given, when no run has it.
 */
export function columnOf(key: string, place: string, sides: readonly Side[]): string {
  const known = new Set<string>();
  for (const { runs } of sides) {
    for (const { scenario } of runs) for (const name in scenario) known.add(name);
  }
  const column = [...known].find((name) => name === key || keyName(name) === key);
  if (column !== undefined) return column;
  const guess = nearest(key, [...known].map(keyName));
  const hint = guess === undefined ? 'expected one such as guest.memory' : `did you mean ${guess}?`;
  throw refuse(place, `no run has this key (${hint})`);
}
