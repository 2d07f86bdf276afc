import type { Problem } from '../../scenario/problem.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseSize } from '../../units/size.ts';
import { checkNames, namesOf } from '../group-names.ts';
import type { HostFile } from './schema.ts';

/** Returns what is impossible about a host's file; its guests' scenarios are checked on their own. */
export function checkHost(file: HostFile): Problem[] {
  return [
    ...checkThresholds(file),
    ...checkNames(file.guests),
    ...checkTimes(file),
    ...checkSample(file),
    ...checkChanges(file),
  ];
}

function checkThresholds({ host: { thresholds } }: HostFile): Problem[] {
  const { high, soft, hard, low } = thresholds;
  if (high >= soft && soft >= hard && hard >= low) return [];
  const sentence = `expected high ≥ soft ≥ hard ≥ low, got ${high}, ${soft}, ${hard}, ${low}`;
  return [{ path: ['host', 'thresholds'], sentence }];
}

function checkTimes({ guests, duration }: HostFile): Problem[] {
  const endNs = parseDuration(duration);
  return guests.flatMap(({ start, stop, resetAt }, index): Problem[] => {
    const startNs = parseDuration(start);
    if (startNs >= endNs) {
      const sentence = `the host lives for ${duration}, so a guest can't start at ${start}`;
      return [{ path: ['guests', index, 'start'], sentence }];
    }
    if (stop !== undefined && parseDuration(stop) <= startNs) {
      const sentence = `expected a time after its start at ${start}, got ${stop}`;
      return [{ path: ['guests', index, 'stop'], sentence }];
    }
    if (resetAt === undefined) return [];
    const until = stop ?? duration;
    const resetNs = parseDuration(resetAt);
    if (resetNs > startNs && resetNs < parseDuration(until)) return [];
    const sentence = `the guest runs from ${start} to ${until}, so it can't reset at ${resetAt}`;
    return [{ path: ['guests', index, 'resetAt'], sentence }];
  });
}

/** Nobody needs more points than this in a series, and each is kept in memory. */
const MOST_SAMPLES = 1_000_000;

function checkSample({ duration, sample }: HostFile): Problem[] {
  const leastNs = parseDuration(duration) / MOST_SAMPLES;
  if (parseDuration(sample) >= leastNs) return [];
  const sentence = `expected at least a millionth of the host's ${duration}, got ${sample}`;
  return [{ path: ['sample'], sentence }];
}

function checkChanges({ changes, guests, duration }: HostFile): Problem[] {
  const groups = new Map(guests.flatMap((group) => namesOf(group).map((name) => [name, group])));
  const names = new Set(groups.keys());
  const endNs = parseDuration(duration);
  return changes.flatMap(({ at, idleTax, guest, shares }, index): Problem[] => {
    const path = ['changes', index];
    const atNs = parseDuration(at);
    if (atNs > endNs) {
      const sentence = `the host lives for ${duration}, so nothing can change at ${at}`;
      return [{ path: [...path, 'at'], sentence }];
    }
    const group = guest === undefined ? undefined : groups.get(guest);
    if (group && atNs < parseDuration(group.start)) {
      const sentence = `guest ${guest} starts only at ${group.start}, so it can't change at ${at}`;
      return [{ path: [...path, 'at'], sentence }];
    }
    if (group?.stop !== undefined && atNs >= parseDuration(group.stop)) {
      const sentence = `guest ${guest} stops at ${group.stop}, so it can't change at ${at}`;
      return [{ path: [...path, 'at'], sentence }];
    }
    if (idleTax === undefined && shares === undefined) {
      return [{ path, sentence: 'changes nothing: give idleTax, or guest and shares' }];
    }
    if ((guest === undefined) !== (shares === undefined)) {
      return [{ path, sentence: 'guest and shares belong together: give both or neither' }];
    }
    if (guest === undefined || names.has(guest)) return [];
    const sentence = `there is no guest ${guest}: there are ${[...names].join(', ')}`;
    return [{ path: [...path, 'guest'], sentence }];
  });
}

/** The records of a machine page take some 24 bytes, so that those of so many are 6 GiB. */
const MOST_MACHINE_PAGES = 2 ** 28;

/** A guest of a file: the number of its group, its memory, and what of that is guaranteed. */
interface SizedGuest {
  readonly group: number;
  readonly bytes: number;
  readonly minBytes: number;
}

/**
 * Returns what is wrong with the memory that is guaranteed: each guest's, and all of it beside the host's, of the guests
 * that live at one time. Minima and overheads are whole pages of `pageSize` bytes, as the host reserves them.
 */
export function checkReservations(
  file: HostFile,
  guests: readonly SizedGuest[],
  pageSize: number,
): Problem[] {
  const own = guests.flatMap(({ group, bytes, minBytes }): Problem[] => {
    if (minBytes <= bytes) return [];
    const sentence = `a guest can't be guaranteed more than its memory of ${bytes} bytes`;
    return [{ path: ['guests', group, 'min'], sentence }];
  });
  if (own.length > 0) return own.slice(0, 1);
  const { host } = file;
  const whole = (bytes: number): number => Math.ceil(bytes / pageSize) * pageSize;
  const overhead = whole(parseSize(host.overhead));
  const reserved = mostAtOnce(file, guests, ({ minBytes }) => whole(minBytes) + overhead);
  const machine = Math.floor(parseSize(host.memory) / pageSize) * pageSize;
  if (machine / pageSize > MOST_MACHINE_PAGES) {
    const sentence = `expected at most ${MOST_MACHINE_PAGES} pages of ${pageSize} bytes, got ${host.memory}`;
    return [{ path: ['host', 'memory'], sentence }];
  }
  if (reserved.bytes > machine) {
    const sentence = `the guests' minima and overheads are ${mib(reserved.bytes)}${reserved.at}, but the host has ${mib(machine)}: lower min, or take a guest away`;
    return [{ path: ['host', 'memory'], sentence }];
  }
  const paged = mostAtOnce(file, guests, ({ bytes, minBytes }) => bytes - minBytes);
  if (host.swap.size === undefined || parseSize(host.swap.size) >= paged.bytes) return [];
  const sentence = `${mib(paged.bytes)} of the guests' memory are not guaranteed${paged.at}, so the swap store must hold as much, got ${host.swap.size}`;
  return [{ path: ['host', 'swap', 'size'], sentence }];
}

/** Returns the most bytes that the guests take which live at one time, and, unless it is the first, at which. */
function mostAtOnce(
  { guests: groups }: HostFile,
  guests: readonly SizedGuest[],
  bytesOf: (guest: SizedGuest) => number,
): { readonly bytes: number; readonly at: string } {
  let most = { bytes: -1, at: '' };
  for (const start of new Set(groups.map((group) => group.start))) {
    const nowNs = parseDuration(start);
    const living = guests.filter(({ group }) => {
      const { start: from, stop } = groups[group]!;
      return parseDuration(from) <= nowNs && (stop === undefined || parseDuration(stop) > nowNs);
    });
    const bytes = living.reduce((sum, guest) => sum + bytesOf(guest), 0);
    if (bytes > most.bytes) most = { bytes, at: nowNs > 0 ? ` at ${start}` : '' };
  }
  return most;
}

const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
