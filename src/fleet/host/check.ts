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
  return guests.flatMap(({ start, stop }, index): Problem[] => {
    const startNs = parseDuration(start);
    if (startNs >= endNs) {
      const sentence = `the host lives for ${duration}, so a guest can't start at ${start}`;
      return [{ path: ['guests', index, 'start'], sentence }];
    }
    if (stop === undefined || parseDuration(stop) > startNs) return [];
    const sentence = `expected a time after its start at ${start}, got ${stop}`;
    return [{ path: ['guests', index, 'stop'], sentence }];
  });
}

function checkChanges({ changes, guests }: HostFile): Problem[] {
  const names = new Set(guests.flatMap(namesOf));
  return changes.flatMap(({ idleTax, guest, shares }, index): Problem[] => {
    const path = ['changes', index];
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

/** Returns what is wrong with the memory that is guaranteed: each guest's, and all of it beside the host's. */
export function checkReservations(
  file: HostFile,
  guests: readonly { readonly group: number; readonly bytes: number; readonly minBytes: number }[],
): Problem[] {
  const own = guests.flatMap(({ group, bytes, minBytes }): Problem[] => {
    if (minBytes <= bytes) return [];
    const sentence = `a guest can't be guaranteed more than its memory of ${bytes} bytes`;
    return [{ path: ['guests', group, 'min'], sentence }];
  });
  if (own.length > 0) return own.slice(0, 1);
  const { host } = file;
  const overhead = parseSize(host.overhead);
  const reserved = guests.reduce((sum, { minBytes }) => sum + minBytes + overhead, 0);
  const machine = parseSize(host.memory);
  if (reserved > machine) {
    const sentence = `the guests' minima and overheads are ${mib(reserved)}, but the host has ${mib(machine)}: lower min, or take a guest away`;
    return [{ path: ['host', 'memory'], sentence }];
  }
  const paged = guests.reduce((sum, { bytes, minBytes }) => sum + bytes - minBytes, 0);
  if (host.swap.size === undefined || parseSize(host.swap.size) >= paged) return [];
  const sentence = `${mib(paged)} of the guests' memory are not guaranteed, so the swap store must hold as much, got ${host.swap.size}`;
  return [{ path: ['host', 'swap', 'size'], sentence }];
}

const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
