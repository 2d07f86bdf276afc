import { FIRST_HOST } from '../../runtime/virtual/overcommitted-moves.ts';
import type { Problem } from '../../scenario/problem.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseSize } from '../../units/size.ts';
import { keysOf } from './host-configs.ts';
import type { HostFile } from './schema.ts';

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
  const on = (name: string): SizedGuest[] =>
    guests.filter(({ group }) => (file.guests[group]!.host ?? FIRST_HOST) === name);
  return [
    ...checkOne(file, file.host, on(FIRST_HOST), pageSize, ['host']),
    ...file.others.flatMap((other, index) =>
      checkOne(file, keysOf(file.host, other), on(other.name), pageSize, ['others', index]),
    ),
  ];
}

/** Returns what is wrong with what one host guarantees to the guests that start on it. */
function checkOne(
  file: HostFile,
  host: HostFile['host'],
  guests: readonly SizedGuest[],
  pageSize: number,
  path: readonly (string | number)[],
): Problem[] {
  const whole = (bytes: number): number => Math.ceil(bytes / pageSize) * pageSize;
  const overhead = whole(parseSize(host.overhead));
  const reserved = mostAtOnce(file, guests, ({ minBytes }) => whole(minBytes) + overhead);
  const machine = Math.floor(parseSize(host.memory) / pageSize) * pageSize;
  if (machine / pageSize > MOST_MACHINE_PAGES) {
    const sentence = `expected at most ${MOST_MACHINE_PAGES} pages of ${pageSize} bytes, got ${host.memory}`;
    return [{ path: [...path, 'memory'], sentence }];
  }
  if (reserved.bytes > machine) {
    const sentence = `the guests' minima and overheads are ${mib(reserved.bytes)}${reserved.at}, but the host has ${mib(machine)}: lower min, or take a guest away`;
    return [{ path: [...path, 'memory'], sentence }];
  }
  const paged = mostAtOnce(file, guests, ({ bytes, minBytes }) => bytes - minBytes);
  if (host.swap.size === undefined || parseSize(host.swap.size) >= paged.bytes) return [];
  const sentence = `${mib(paged.bytes)} of the guests' memory are not guaranteed${paged.at}, so the swap store must hold as much, got ${host.swap.size}`;
  return [{ path: [...path, 'swap', 'size'], sentence }];
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
