import type { GuestGroupName } from '../group-names.ts';
import { namesOf } from '../group-names.ts';

/** Returns the names of all members of a list of groups, with the index of each one's group. */
export function membersOf(
  groups: readonly GuestGroupName[],
): { readonly name: string; readonly group: number }[] {
  return groups.flatMap((of, group) => namesOf(of).map((name) => ({ name, group })));
}

/**
 * Returns the members that a name stands for: all of the group that is called so, or the one member with that name.
 * Undefined when there are none.
 */
export function membersCalled(
  groups: readonly GuestGroupName[],
  name: string,
): readonly string[] | undefined {
  const group = groups.find((one) => one.name === name);
  if (group) return namesOf(group);
  return groups.some((one) => namesOf(one).includes(name)) ? [name] : undefined;
}
