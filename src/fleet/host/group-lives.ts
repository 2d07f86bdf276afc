import type { Problem } from '../../scenario/problem.ts';
import { parseDuration } from '../../units/duration.ts';
import { namesOf } from '../group-names.ts';
import type { HostFile } from './schema.ts';

type Group = HostFile['guests'][number];

/** Returns the entry of `guests` that each guest is of, by the guest's name. */
export const groupsByName = (guests: readonly Group[]): ReadonlyMap<string, Group> =>
  new Map(guests.flatMap((group) => namesOf(group).map((name) => [name, group])));

/** Something that is to happen to a guest, such as `migrate`, at a time as the file has it. */
export interface GuestEvent {
  readonly at: string | number;
  readonly guest: string;
  readonly does: string;
}

/** Returns what is wrong with the time of an event, if its guest does not live then. */
export function lifeProblem(
  { at, guest, does }: GuestEvent,
  { start, stop }: Group,
  path: Problem['path'],
): Problem[] {
  const atNs = parseDuration(at);
  if (atNs < parseDuration(start)) {
    const sentence = `guest ${guest} starts only at ${start}, so it can't ${does} at ${at}`;
    return [{ path, sentence }];
  }
  if (stop !== undefined && atNs >= parseDuration(stop)) {
    const sentence = `guest ${guest} stops at ${stop}, so it can't ${does} at ${at}`;
    return [{ path, sentence }];
  }
  return [];
}
