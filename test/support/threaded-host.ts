import type { Workload } from '../../src/guest/workload.ts';
import type { WorkerPool } from '../../src/runtime/threads/pool.ts';
import {
  runThreadedHost,
  type ThreadedHostReport,
} from '../../src/runtime/threads/overcommitted-host.ts';
import type { OvercommittedGuestSpec } from '../../src/runtime/virtual/overcommitted-guest.ts';
import { drawHost, type RandomHost } from './random-host.ts';
import { smallRun } from './run-config.ts';

/** A random host is drawn for a virtual clock; in real time it lives so many times as fast. */
const HASTE = 5;
/** A guest occupies a thread for each of its vCPUs, two at most, so a host has no more than seven threads. */
const MOST_GUESTS = 3;
export const THREADS = 1 + 2 * MOST_GUESTS;

/** Busy hosts live for so long, and have so much of their guests' memory. */
const BUSY_NS = 0.3e9;
const BUSY_SHARE = 0.88;

/**
 * Draws a random host for a life in real time. The guests of every second one are busy: they write as fast as they can,
 * so that their host meets them in the middle of their batches. The others live for 0.4 to 1.2 seconds.
 */
export function drawThreadedHost(seed: number): RandomHost {
  const drawn = drawHost(seed);
  const guests = drawn.guests.slice(0, MOST_GUESTS);
  return seed % 2 === 0 ? busy(drawn, guests) : hasty(drawn, guests);
}

/** Nearly all pages are there, so that batches are long, and the device is fast, so that nobody waits for it. */
function busy({ config }: RandomHost, guests: readonly OvercommittedGuestSpec[]): RandomHost {
  const all = guests.reduce((sum, one) => sum + one.config.guest.memoryBytes / config.pageSize, 0);
  return {
    durationNs: BUSY_NS,
    moves: [],
    guests: guests.map((guest) =>
      hasten(guest, (workload) => ({ ...workload, rate: Infinity, writes: 1, wordsPerPage: 64 })),
    ),
    config: {
      ...hastened(config),
      machinePages: atLeast(guests, config.overheadPages, Math.round(all * BUSY_SHARE)),
      swap: { ...config.swap, latencyNs: 0, bytesPerSecond: 1e9 },
    },
  };
}

function hasty(drawn: RandomHost, guests: readonly OvercommittedGuestSpec[]): RandomHost {
  const { config, durationNs } = drawn;
  const part = Math.round((config.machinePages * guests.length) / drawn.guests.length);
  const { swap } = config;
  return {
    durationNs: durationNs / HASTE,
    moves: [],
    guests: guests.map((guest) =>
      hasten(guest, (workload) => ({ ...workload, rate: workload.rate * HASTE })),
    ),
    config: {
      ...hastened(config),
      machinePages: atLeast(guests, config.overheadPages, part),
      swap: {
        ...swap,
        latencyNs: swap.latencyNs / HASTE,
        bytesPerSecond: swap.bytesPerSecond * HASTE,
      },
    },
  };
}

/** Returns so many pages, or as many as the guests' minima and overheads need. */
function atLeast(
  guests: readonly OvercommittedGuestSpec[],
  overheadPages: number,
  pages: number,
): number {
  const least = guests.reduce((sum, { grant }) => sum + grant.minPages + overheadPages, 8);
  return Math.max(least, pages);
}

function hastened(config: RandomHost['config']): RandomHost['config'] {
  const { sharing, sampling, balanceNs } = config;
  return {
    ...config,
    ...(sharing
      ? {
          sharing: {
            guestPagesPerSecond: sharing.guestPagesPerSecond * HASTE,
            pagesPerSecond: sharing.pagesPerSecond * HASTE,
          },
        }
      : {}),
    sampling: { ...sampling, periodNs: sampling.periodNs / HASTE },
    balanceNs: balanceNs / HASTE,
    storedBytes: PAGE,
  };
}

function hasten(
  spec: OvercommittedGuestSpec,
  change: (workload: Workload) => Workload,
): OvercommittedGuestSpec {
  const { config, balloon } = spec;
  const { lruScanNs } = config.guest;
  const workloads = config.guest.workloads.map((workload) => ({
    ...change(workload),
    fromNs: workload.fromNs / HASTE,
    untilNs: workload.untilNs / HASTE,
  }));
  return {
    ...spec,
    config: {
      ...config,
      runtime: 'threads',
      guest: {
        ...config.guest,
        backing: 'bytes',
        workloads,
        ...(lruScanNs === undefined ? {} : { lruScanNs: lruScanNs / HASTE }),
      },
    },
    ...(balloon
      ? {
          balloon: {
            ...balloon,
            pollNs: balloon.pollNs / HASTE,
            bootNs: balloon.bootNs / HASTE,
            pagesPerSecond: balloon.pagesPerSecond * HASTE,
          },
        }
      : {}),
    startNs: spec.startNs / HASTE,
    ...(spec.stopNs === undefined ? {} : { stopNs: spec.stopNs / HASTE }),
  };
}

const MIB = 1024 * 1024;
const PAGE = 4096;

/** Returns a host of larger guests, each with one vCPU: a third of their memory is equal, and the host has 60 % of all. */
export function largeHost(sizesMiB: readonly number[], durationNs: number): RandomHost {
  const guests = sizesMiB.map((sizeMiB, i): OvercommittedGuestSpec => {
    const pages = (sizeMiB * MIB) / PAGE;
    const equal = Math.floor(pages / 3);
    const { guest, ...rest } = smallRun({ seed: 100 + i, runtime: 'threads', verify: 'full' });
    return {
      name: `guest-${i}`,
      config: {
        ...rest,
        guest: {
          ...guest,
          memoryBytes: sizeMiB * MIB,
          vcpus: 1,
          contents: [
            { firstGfn: 0, pages: equal, kind: 'random', zeroShare: 0, seed: 7 },
            { firstGfn: equal, pages: pages - equal, kind: 'random', zeroShare: 0.1 },
          ],
          workloads: [
            {
              pattern: { kind: 'uniform' },
              firstGfn: 64,
              pages: Math.floor(pages / 2),
              rate: 20_000,
              writes: 0.5,
              wordsPerPage: 1,
              fromNs: 0,
              untilNs: Infinity,
            },
          ],
          memoryManager: {
            kernelPages: 64,
            used: [],
            cache: [{ firstGfn: pages - 1024, pages: 1024 }],
            deflatePages: 128,
            cacheReclaimShare: 0.5,
            release: 'none',
          },
        },
      },
      grant: { minPages: 1024, shares: 1000 },
      diskNs: 0,
      populate: 'contents',
      balloon: { pollNs: 50e6, pagesPerSecond: 100_000, mostPages: equal, bootNs: 50e6 },
      startNs: 0,
    };
  });
  const all = (sizesMiB.reduce((sum, size) => sum + size, 0) * MIB) / PAGE;
  const { config } = drawHost(1);
  return {
    durationNs,
    moves: [],
    guests,
    config: {
      ...config,
      storedBytes: PAGE,
      machinePages: Math.round(all * 0.6),
      overheadPages: 16,
      sharing: { guestPagesPerSecond: 20_000, pagesPerSecond: 60_000 },
      swap: { latencyNs: 50_000, bytesPerSecond: 1e9, pages: all },
      sampling: { ...config.sampling, pages: 100, periodNs: 100e6 },
      balanceNs: 100e6,
    },
  };
}

/** What happened in a host's life in real time. */
export const THREADED_FACTS = [
  'shared',
  'broken',
  'shared again',
  'false match',
  'swapped in',
  'shared instead',
  'ballooned',
  'paged by the guest',
  'double paged',
  'left',
] as const;

export type ThreadedFact = (typeof THREADED_FACTS)[number];

/** Returns what happened in a host's life, so that a suite can tell whether it has tried anything. */
export function factsOf(report: ThreadedHostReport, host: RandomHost): readonly ThreadedFact[] {
  const { sharing, paging, guests, savedPages, endedNs } = report;
  const has: Readonly<Record<ThreadedFact, boolean>> = {
    shared: (sharing?.shared ?? 0) > 0,
    broken: (sharing?.copied ?? 0) + (sharing?.takenOver ?? 0) > 0,
    'shared again': (sharing?.copied ?? 0) > 0 && (sharing?.shared ?? 0) > savedPages,
    'false match': (sharing?.falseMatches ?? 0) > 0,
    'swapped in': paging.swappedIn > 0,
    'shared instead': paging.sharedInstead > 0,
    ballooned: guests.some(({ balloonPages }) => balloonPages > 0),
    'paged by the guest': guests.some(({ disk }) => disk.in > 0),
    'double paged': guests.some(({ disk }) => disk.doublePaged > 0),
    left: host.guests.some(({ stopNs }) => stopNs !== undefined && stopNs < endedNs),
  };
  return THREADED_FACTS.filter((fact) => has[fact]);
}

/** Lets a random host live in real time, and proves it. */
export function liveInThreads(host: RandomHost, pool: WorkerPool): Promise<ThreadedHostReport> {
  return runThreadedHost(host.config, host.guests, host.durationNs, { pool });
}
