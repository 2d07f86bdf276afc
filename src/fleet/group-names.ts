import type { Problem } from '../scenario/problem.ts';

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
export function checkNames(groups: readonly GuestGroupName[]): Problem[] {
  const seen = new Set<string>();
  return groups.flatMap((group, index) => {
    const names = namesOf(group);
    const twice = names.find((name) => seen.has(name));
    for (const name of names) seen.add(name);
    if (twice === undefined) return [];
    return [{ path: ['guests', index, 'name'], sentence: `two guests are called ${twice}` }];
  });
}
