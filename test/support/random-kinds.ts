import { withHints } from '../../src/lab/fuzz/hints.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import type { RunOptions } from '../../src/runtime/threads/run.ts';
import { isPushing, losing } from './losses.ts';
import { configOf, type Drawn } from './random-scenario.ts';

/** A kind of random run, and what its runs must show so that the test is not empty. */
export interface Kind {
  /** Changes a drawn scenario as the kind needs it; everything else stays as it was drawn. */
  readonly force: (drawn: Drawn) => Drawn;
  /** Changes the configuration of a drawn scenario, where `force` can't. */
  readonly adapt?: (config: RunConfig) => RunConfig;
  /** Returns the run's options, which come on top of its configuration. */
  readonly options?: () => RunOptions;
  /** Conditions; each must have held in enough runs. */
  readonly shows: Readonly<Record<string, (report: RunReport) => boolean>>;
}

const KIB = 1024;

/** Gives the guest so many pages, and so slow a link, that a pass takes from 150 to 300 ms. */
const slow = (drawn: Drawn): Drawn => ({
  ...drawn,
  pages: Math.max(768, drawn.pages),
  pageSize: 4 * KIB,
  zeroShare: 0,
  bytesPerSecond: 20e6,
  timeoutMs: 60_000,
  outages: [],
});

/** Lets the first workload access pages all over memory, 60 a millisecond. */
const busy = (drawn: Drawn): Drawn => {
  const [first, ...others] = drawn.workloads;
  const everywhere = {
    ...first!,
    pattern: { kind: 'uniform' as const },
    from: 0,
    size: 1,
    rate: 60_000,
    writes: 0.7,
  };
  const calm = others.map((other) => ({ ...other, rate: Math.min(other.rate, 20_000) }));
  return { ...drawn, workloads: [everywhere, ...calm] };
};

/** Changes the seed to the next one with which the guest's memory manager is as wanted. */
function withSeed(
  drawn: Drawn,
  isWanted: (guest: ReturnType<typeof configOf>['guest']) => boolean,
) {
  for (let { seed } = drawn; ; seed = (seed + 1) % 2 ** 31) {
    const one = { ...drawn, seed };
    if (isWanted(configOf(one).guest)) return one;
  }
}

const unmanaged = (drawn: Drawn): Drawn => withSeed(drawn, (guest) => !guest.memoryManager);

const pausesOf = ({ source }: RunReport) => source.postcopy?.pauses ?? [];

export const KINDS: Readonly<Record<string, Kind>> = {
  'pre-copy of a busy guest': {
    force: (drawn) =>
      unmanaged(
        busy({
          ...slow(drawn),
          algorithm: 'precopy',
          policy: 'rounds',
          rounds: Math.max(2, drawn.rounds),
          memslots: Math.max(2, drawn.memslots),
          dirtyLog: drawn.dirtyLog === 'ring' ? 'bitmap' : drawn.dirtyLog,
        }),
      ),
    shows: {
      'two live rounds and more': ({ source }) =>
        source.rounds.filter((round) => !round.stopped).length >= 2,
      'a non-empty last set': ({ source }) => pagesOf(source.rounds.at(-1)!.tally, 'raw') > 0,
      skips: ({ source }) => source.rounds.some((round) => round.skippedPages > 0),
      reads: ({ proof }) => proof!.readsChecked > 0,
    },
  },
  'post-copy that sends pages twice': {
    force: (drawn) =>
      unmanaged(busy({ ...slow(drawn), algorithm: 'postcopy', pageOrder: 'twice' })),
    shows: {
      faults: ({ guest }) => (guest.faults?.count ?? 0) > 0,
      'late duplicates': ({ destination }) => (destination?.droppedPages ?? 0) > 0,
    },
  },
  'hybrid of a busy guest': {
    force: (drawn) =>
      unmanaged(
        busy({
          ...slow(drawn),
          algorithm: 'hybrid',
          policy: 'rounds',
          rounds: 30,
          postcopyAfter: 1,
        }),
      ),
    shows: {
      'stale pages discarded': ({ source }) =>
        source.postcopy !== undefined && pagesOf(source.postcopy.tally, 'raw') > 0,
    },
  },
  'a guest that gives pages back': {
    force: (drawn) => {
      const { workloads } = drawn;
      const few = workloads.slice(0, 1).map((one) => ({ ...one, from: 0, size: 0.3 }));
      const one = { ...drawn, pages: Math.max(200, drawn.pages), workloads: few, outages: [] };
      const isReleasing = (release?: string): boolean => release === 'free' || release === 'cache';
      return withSeed({ ...one, timeoutMs: 60_000 }, ({ memoryManager }) =>
        isReleasing(memoryManager?.release),
      );
    },
    shows: { 'pages given back': ({ source }) => source.releasedPages > 0 },
  },
  'a guest that hints its free pages': {
    force: (drawn) => {
      const writing = { size: 0.4, rate: 20_000, writes: 0.7 };
      const few = drawn.workloads.slice(0, 2).map((one) => ({ ...one, ...writing }));
      const calm = { ...slow(drawn), bytesPerSecond: 40e6, workloads: few };
      return { ...calm, algorithm: 'precopy', policy: 'rounds', rounds: 2 };
    },
    adapt: (config) => {
      const { config: hinting } = withHints(config.seed, { config, trouble: { kind: 'none' } });
      const { memoryManager } = hinting.guest;
      const guest = { ...hinting.guest, memoryManager: { ...memoryManager!, release: 'none' } };
      return { ...hinting, guest } as RunConfig;
    },
    shows: {
      'pages skipped because of hints': ({ source }) => source.hints!.skippedPages > 0,
      'hints of several rounds': ({ source }) => source.rounds.length > 2,
    },
  },
  'post-copy that loses its connection': {
    force: (drawn) => unmanaged(busy({ ...slow(drawn), algorithm: 'postcopy' })),
    options: () => losing({ when: isPushing() }, { when: isPushing(500) }),
    shows: {
      'recoveries of post-copy': (report) =>
        pausesOf(report).some(({ connectedNs }) => connectedNs !== undefined),
    },
  },
  'small rings': {
    force: (drawn) => {
      const [first] = drawn.workloads;
      const fast = { ...first!, pattern: { kind: 'uniform' as const }, rate: Infinity, writes: 1 };
      const small = { ...slow(drawn), pages: 300, bytesPerSecond: 40e6 };
      return unmanaged({
        ...small,
        algorithm: 'precopy',
        policy: 'rounds',
        rounds: 1,
        dirtyLog: 'ring',
        dirtyRingSize: 16,
        workloads: [{ ...fast, from: 0, size: 1 }],
      });
    },
    shows: { 'full rings': ({ guest }) => guest.rings.some(({ stalls }) => stalls > 0) },
  },
  'anything at all': { force: (drawn) => drawn, shows: {} },
};
