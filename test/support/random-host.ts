import type { OvercommitConfig } from '../../src/overcommit/config.ts';
import { DEFAULT_THRESHOLDS } from '../../src/overcommit/memory-state.ts';
import type { Contents } from '../../src/memory/contents/contents.ts';
import { type Backing, storedBytesOf } from '../../src/memory/layout.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { Generator } from '../../src/random/generator.ts';
import {
  type HostProof,
  VirtualOvercommittedHost,
} from '../../src/runtime/virtual/overcommitted-host.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import type { OvercommittedGuestSpec } from '../../src/runtime/virtual/overcommitted-guest.ts';
import { type BalloonBefore, FIRST_HOST } from '../../src/runtime/virtual/overcommitted-moves.ts';
import { smallRun } from './run-config.ts';

const PAGE = 4096;

/** A random overcommitted host: two to four guests of some dozens to hundreds of pages that live for some seconds. */
export interface RandomHost {
  readonly config: OvercommitConfig;
  readonly guests: readonly OvercommittedGuestSpec[];
  readonly durationNs: number;
  /** A second host to which guests move, if there is one; it may use the first one's swap store. */
  readonly other?: { readonly config: OvercommitConfig; readonly sharesSwap: boolean };
  readonly moves: readonly RandomMove[];
}

/** A migration between a random host and its second one. */
export interface RandomMove {
  readonly atNs: number;
  readonly guest: string;
  readonly to: string;
  readonly balloon?: BalloonBefore;
}

export function drawHost(seed: number): RandomHost {
  const random = new Generator(seed, 0x4057);
  const between = (low: number, high: number): number => low + random.below(high - low + 1);
  const chance = (share: number): boolean => random.next() < share * 4294967296;
  // This draw has a generator of its own, so that with it the rest of a host stays what it was.
  const backing = new Generator(seed, 0x4058).next() < 0.25 * 4294967296 ? 'versions' : 'bytes';
  const durationNs = between(20, 60) * 1e8;
  const guests = Array.from({ length: between(2, 4) }, (_, i) =>
    drawGuest(`guest-${i}`, hashOf(seed, i), durationNs, backing, { between, chance }),
  );
  const all = guests.reduce((sum, { config }) => sum + config.guest.memoryBytes / PAGE, 0);
  const min = guests.reduce((sum, { grant }) => sum + grant.minPages, 0);
  const overheadPages = between(0, 3);
  const least = min + guests.length * overheadPages + 8;
  const config: OvercommitConfig = {
    seed,
    pageSize: PAGE,
    storedBytes: storedBytesOf(backing, PAGE),
    machinePages: Math.max(least, Math.round((all * between(35, 90)) / 100)),
    overheadPages,
    ...(chance(0.85)
      ? {
          sharing: { guestPagesPerSecond: between(50, 2000), pagesPerSecond: between(100, 4000) },
        }
      : {}),
    ...(chance(0.4) ? { hashBits: between(1, 5) } : {}),
    swap: { latencyNs: between(0, 5e6), bytesPerSecond: between(1, 50) * 1e6, pages: all },
    idleTax: [0, 0.5, 0.75, 0.95][random.below(4)]!,
    sampling: {
      pages: between(4, 32),
      periodNs: between(2, 10) * 1e8,
      slowGain: 0.25,
      fastGain: 0.72,
    },
    balanceNs: between(2, 20) * 1e8,
    thresholds: DEFAULT_THRESHOLDS,
    costs: { zeroFaultNs: 1000, copyNs: 1500, sampleNs: 1000 },
  };
  return { durationNs, config, ...drawMoves(seed, config, guests, durationNs) };
}

/** Draws a second host for most hosts, and migrations to it and back, each guest with an algorithm of its own. */
function drawMoves(
  seed: number,
  config: OvercommitConfig,
  guests: readonly OvercommittedGuestSpec[],
  durationNs: number,
): Omit<RandomHost, 'durationNs' | 'config'> {
  const random = new Generator(seed, 0x30e5);
  const between = (low: number, high: number): number => low + random.below(high - low + 1);
  const chance = (share: number): boolean => random.next() < share * 4294967296;
  if (chance(0.25)) return { guests, moves: [] };
  const moving = guests.map((spec) => ({
    ...spec,
    config: withMigration(spec.config, { between, chance }),
  }));
  const count = between(1, 6);
  const moves = Array.from({ length: count }, (): RandomMove => {
    const { name, config: own } = moving[random.below(moving.length)]!;
    const pages = own.guest.memoryBytes / PAGE;
    return {
      atNs: Math.floor((durationNs * between(5, 95)) / 100),
      guest: name,
      to: chance(0.5) ? 'other' : FIRST_HOST,
      ...(chance(0.4)
        ? { balloon: { leavePages: between(pages >>> 2, pages), withinNs: between(1, 10) * 1e8 } }
        : {}),
    };
  }).toSorted((a, b) => a.atNs - b.atNs);
  const least = Math.max(...guests.map(({ grant }) => grant.minPages)) + config.overheadPages + 8;
  const machinePages = Math.max(least, Math.round((config.machinePages * between(40, 110)) / 100));
  return {
    guests: moving,
    other: { config: { ...config, machinePages, seed: seed + 1 }, sharesSwap: chance(0.6) },
    moves,
  };
}

function withMigration(config: RunConfig, { between, chance }: Draw): RunConfig {
  const algorithms = ['precopy', 'precopy', 'postcopy', 'hybrid', 'stop-and-copy'] as const;
  return {
    ...config,
    guest: { ...config.guest, dirtyLog: (['bitmap', 'ring', 'bytemap'] as const)[between(0, 2)]! },
    link: {
      ...config.link,
      bytesPerSecond: between(1, 20) * 1e6,
      latencyNs: between(0, 500) * 1e3,
    },
    migration: {
      ...config.migration,
      algorithm: algorithms[between(0, algorithms.length - 1)]!,
      rounds: between(1, 4),
      ...(chance(0.5) ? { pageOrder: 'bubbling' as const } : {}),
    },
  };
}

const hashOf = (seed: number, guest: number): number => (seed * 31 + guest * 7919) % 1_000_003;

interface Draw {
  readonly between: (low: number, high: number) => number;
  readonly chance: (share: number) => boolean;
}

function drawGuest(
  name: string,
  seed: number,
  durationNs: number,
  backing: Backing,
  { between, chance }: Draw,
): OvercommittedGuestSpec {
  const pages = between(48, 320);
  const vcpus = between(1, 2);
  const hasManager = chance(0.8);
  const contents: Contents[] = [
    { firstGfn: 0, pages, kind: 'duplicate', zeroShare: between(0, 5) / 10, seed: 99 },
    { firstGfn: pages >>> 1, pages: pages >>> 2, kind: 'random', zeroShare: 0.2 },
  ];
  const half = pages >>> 1;
  const workloads: Workload[] = Array.from({ length: vcpus }, (_, vcpu) => ({
    pattern: chance(0.5) ? { kind: 'uniform' } : { kind: 'sequential' },
    firstGfn: 8 + vcpu * half - (vcpu > 0 ? 8 : 0),
    pages: half - 8,
    rate: between(20, 3000),
    writes: between(0, 10) / 10,
    wordsPerPage: between(1, 4),
    fromNs: chance(0.3) ? between(1, 10) * 1e8 : 0,
    untilNs: chance(0.3) ? between(11, 40) * 1e8 : Infinity,
    vcpu,
  }));
  const { guest, ...rest } = smallRun({ seed, runtime: 'virtual', verify: 'full' });
  return {
    name,
    config: {
      ...rest,
      guest: {
        ...guest,
        memoryBytes: pages * PAGE,
        backing,
        vcpus,
        memslots: between(1, 3),
        contents,
        workloads,
        ...(hasManager
          ? {
              memoryManager: {
                kernelPages: 8,
                used: [],
                cache: chance(0.5) ? [{ firstGfn: pages - 16, pages: 16 }] : [],
                deflatePages: 8,
                cacheReclaimShare: 0.5,
                release: 'none',
              },
              ...(chance(0.5) ? { lruScanNs: 1e8 } : {}),
            }
          : {}),
      },
    },
    grant: { minPages: between(4, pages >>> 1), shares: between(1, 1000) },
    diskNs: between(0, 5) * 1e6,
    populate: chance(0.5) ? 'all' : 'contents',
    ...(chance(0.9)
      ? {
          balloon: {
            pollNs: between(1, 5) * 1e8,
            pagesPerSecond: between(20, 2000),
            mostPages: between(pages >>> 1, pages - 8),
            bootNs: between(0, 5) * 1e8,
          },
        }
      : {}),
    startNs: chance(0.3) ? Math.floor(durationNs / between(2, 8)) : 0,
    ...(chance(0.2) ? { stopNs: Math.floor(durationNs / 1.5) } : {}),
    ...drawBoot(seed, durationNs, hasManager),
  };
}

/** Draws whether the guest zeroes its memory when it boots, and when it resets. */
function drawBoot(seed: number, durationNs: number, hasManager: boolean) {
  const random = new Generator(seed, 0x4058);
  return {
    ...(random.below(3) === 0 ? { zeroesPerSecond: 100 + random.below(4000) } : {}),
    ...(hasManager && random.below(2) === 0
      ? { resetNs: Math.floor((durationNs * (30 + random.below(60))) / 100) }
      : {}),
  };
}

/** What happened in a host's life, so that a suite can tell whether it has tried anything. */
export const HOST_FACTS = [
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
  'moved',
  'moved back',
  'moved by post-copy',
  'slots moved',
  'fetched to be sent',
  'moved while shared',
  'ballooned before',
  'popped',
  'versions',
] as const;

export interface HostRun {
  readonly facts: readonly (typeof HOST_FACTS)[number][];
  readonly proof: HostProof;
}

/** Lets a random host live, and proves it. */
export async function liveAndProve(random: RandomHost): Promise<HostRun> {
  const { config, guests, durationNs, other, moves } = random;
  const host = new VirtualOvercommittedHost(
    config,
    { mostEvents: 200_000 },
    other ? { other: other.config } : {},
    other?.sharesSwap,
  );
  await host.settle(guests);
  let movedShared = false;
  for (const { atNs, guest, to, balloon } of moves) {
    await host.live(atNs);
    const one = host.guests.find(({ spec }) => spec.name === guest);
    if (!one) continue;
    movedShared ||= one.resident.pages.shared > 0 && one.memory !== host.hosts.get(to);
    host.migrate(guest, to, balloon);
  }
  await host.live(durationNs);
  await host.endMigrations();
  const moved = host.migrations.filter(({ report }) => report?.source.outcome === 'completed');
  const { sharing, paging } = host.memory;
  const managers = host.guests.flatMap(({ guest }) => guest.place.crew.managers);
  const disk = managers.map((manager) => manager.disk?.counts);
  const counts = sharing?.counts;
  const has: Readonly<Record<(typeof HOST_FACTS)[number], boolean>> = {
    shared: (counts?.shared ?? 0) > 0,
    broken: (counts?.copied ?? 0) + (counts?.takenOver ?? 0) > 0,
    'shared again': (counts?.copied ?? 0) > 0 && (counts?.shared ?? 0) > sharing!.savedPages,
    'false match': (counts?.falseMatches ?? 0) > 0,
    'swapped in': paging.counts.swappedIn > 0,
    'shared instead': paging.counts.sharedInstead > 0,
    ballooned: managers.some(({ balloonPages }) => balloonPages > 0),
    'paged by the guest': disk.some((one) => (one?.in ?? 0) > 0),
    'double paged': disk.some((one) => (one?.doublePaged ?? 0) > 0),
    left: host.guests.some(({ isRunning }) => !isRunning),
    moved: moved.length > 0,
    'moved back': moved.some(({ from }) => from === 'other'),
    'moved by post-copy': moved.some(({ report }) => report!.source.postcopy !== undefined),
    'slots moved': moved.some(({ report }) => (report!.source.swappedPages ?? 0) > 0),
    'fetched to be sent': moved.some(({ fetchedPages }) => fetchedPages! > 0),
    'moved while shared': movedShared && moved.length > 0,
    'ballooned before': moved.some(
      ({ balloonPages, startNs, askedNs }) => balloonPages! > 0 && startNs! > askedNs,
    ),
    popped: host.guests.some(({ resident }) => resident.popped > 0),
    versions: guests[0]!.config.guest.backing === 'versions' && (counts?.copied ?? 0) > 0,
  };
  const proof = (await host.prove())!;
  return { facts: HOST_FACTS.filter((fact) => has[fact]), proof };
}

/** Returns what is wrong with a proof; an empty list when all is proved. */
export function problemsOf({ guests, problems }: HostProof): string[] {
  const differing = guests.filter(({ proof }) => !proof.ok);
  return [
    ...problems,
    ...differing.map(({ name, proof }) => {
      const first = JSON.stringify(proof.firstDifference);
      return `${name}: ${proof.differingPages} pages differ, ${first} ${proof.problems.join('; ')}`;
    }),
  ];
}
