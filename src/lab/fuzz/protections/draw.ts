import type { Workload } from '../../../guest/workload.ts';
import { Generator } from '../../../random/generator.ts';
import {
  COMPRESSIONS,
  DEADLINE_ACTIONS,
  type DeadlineConfig,
  type ReplicationConfig,
} from '../../../replication/config.ts';
import { COST_PROFILES } from '../../../runtime/costs.ts';
import {
  type ProtectConfig,
  type TroubleAt,
  TROUBLES,
} from '../../../runtime/virtual/replication/config.ts';

const PAGE = 4096;
/** This number keeps these draws apart from all else that is drawn from a seed. */
const DRAWS = 0x2e305;
/** This share of the guests is protected by COLO, the others by Remus. */
const COLO_SHARE = 0.35;

interface Draw {
  /** Returns a whole number of [low, high]. */
  readonly between: (low: number, high: number) => number;
  readonly chance: (share: number) => boolean;
  readonly one: <Item>(items: readonly Item[]) => Item;
}

/**
 * Draws a small guest that is protected for some hundreds of milliseconds while hosts and connections die, at any time.
 * Intervals, heartbeats and leases are short, so that much happens.
 */
export function drawProtection(seed: number): ProtectConfig {
  const random = new Generator(seed, DRAWS);
  const draw: Draw = {
    between: (low, high) => low + random.below(high - low + 1),
    chance: (share) => random.next() < share * 4294967296,
    one: (items) => items[random.below(items.length)]!,
  };
  const { between, chance, one } = draw;
  const vcpus = between(1, 2);
  const pages = between(32, 256);
  const workloads = Array.from({ length: between(1, 3) }, () => drawWorkload(draw, pages));
  const durationNs = between(60, 260) * 1e6;
  const isCopyOnWrite = chance(0.5);
  const hasDisk = chance(0.6);
  const blocks = between(8, 64);
  const heartbeatNs = between(1, 5) * 1e6;
  const config: ProtectConfig = {
    run: {
      seed,
      runtime: 'virtual',
      costs: { ...COST_PROFILES.kvm, senderCpuNsPerByte: chance(0.3) ? 2 : 0 },
      verify: 'full',
      guest: {
        memoryBytes: pages * PAGE,
        pageSize: PAGE,
        vcpus,
        dirtyLog: one(['bitmap', 'bytemap', 'atomic', 'ring']),
        dirtyRingSize: 1024,
        memslots: between(1, 2),
        contents: [{ firstGfn: 0, pages, kind: 'mixed', zeroShare: 0.3 }],
        workloads,
      },
      link: {
        bytesPerSecond: one([10e6, 50e6, 125e6, Infinity]),
        latencyNs: between(10, 2000) * 1000,
        integrity: one(['full', 'header']),
      },
      migration: {
        algorithm: 'precopy',
        policy: 'rounds',
        rounds: between(1, 3),
        postcopyAfter: 1,
        postcopyBytesPerSecond: Infinity,
        pageOrder: 'follow',
        maxBytesPerSecond: Infinity,
        strictRate: false,
        downtimeLimitNs: 10e6,
        startAfterNs: between(0, 10) * 1e6,
        runAfterNs: 0,
        timeoutNs: 20e9,
        encodings: ['zero'],
      },
    },
    replication: {
      intervalNs: one([0, 2e6, 5e6, 10e6]),
      capture: isCopyOnWrite ? 'copy-on-write' : 'staging',
      capturePages: between(1, 64),
      compression: one(COMPRESSIONS),
      cachePages: between(4, 256),
      netBuffer: true,
      diskBuffer: true,
      heartbeatNs,
      silenceNs: heartbeatNs * between(3, 6) + 8e6,
      ...(chance(0.6)
        ? { fence: { leaseNs: between(6, 30) * 1e6, latencyNs: between(10, 1000) * 1000 } }
        : {}),
      costs: {
        checkpointNs: between(0, 300) * 1000,
        suspendNs: 0,
        filterNs: 0,
        mapNs: 0,
        stagingNs: between(0, 4000),
        protectNs: between(0, 200),
        copyNs: between(0, 3000),
        sendNs: between(0, 20_000),
        xorNs: between(0, 3000),
        deflateNs: between(0, 30_000),
        contention: one([0, 0.5, 1]),
        applyNs: between(0, 2000),
        activateNs: between(0, 5000) * 1000,
      },
    },
    emissions: {
      packets: workloads.flatMap((_, workload) =>
        chance(0.8) ? [{ workload, every: between(1, 40), bytes: 1500 }] : [],
      ),
      ...(hasDisk
        ? {
            disk: {
              shape: { blocks: blocks * vcpus * workloads.length, blockBytes: 512, seed },
              writes: workloads.map((__, workload) => ({ workload, every: between(3, 60) })),
            },
          }
        : {}),
    },
    diskBytesPerSecond: one([1e6, 50e6]),
    durationNs,
    spares: between(0, 2),
    troubles: drawTroubles(draw, durationNs),
    isProved: true,
  };
  const switched = { ...config, replication: drawSwitches(config.replication, draw) };
  return chance(COLO_SHARE) ? withColo(switched, draw) : switched;
}

const drawDeadline = ({ between, one }: Draw): DeadlineConfig => ({
  dirtyPages: between(1, 64),
  action: one(DEADLINE_ACTIONS),
  throttle: one([0.5, 0.9]),
});

/** Draws deadline scheduling and which optimisations are off; these draws come last, so that a seed keeps all others. */
function drawSwitches(
  { capture, costs, ...rest }: ReplicationConfig,
  draw: Draw,
): ReplicationConfig {
  const { between, chance } = draw;
  return {
    ...rest,
    ...(chance(0.4) ? { deadline: drawDeadline(draw) } : {}),
    capture: chance(0.15) ? 'none' : capture,
    costs: {
      ...costs,
      suspendNs: chance(0.2) ? between(0, 3000) * 1000 : 0,
      filterNs: chance(0.2) ? between(0, 500) : 0,
      mapNs: chance(0.2) ? between(0, 2000) : 0,
    },
  };
}

/** Returns the protection of the same guest, among the same troubles, by COLO. */
function withColo(config: ProtectConfig, { between, one }: Draw): ProtectConfig {
  const { deadline: _, ...rest } = config.replication;
  const replication: ReplicationConfig = {
    ...rest,
    intervalNs: one([5e6, 20e6, 100e6, 1e9]),
    capture: 'staging',
    compression: one(['raw', 'gzip']),
    colo: {
      silenceNs: between(2, 20) * 1e6,
      divergence: one([0, 0.0001, 0.001, 0.01]),
      secondaryShare: one([1, 1, 0.9, 0.6]),
      seed: config.run.seed,
    },
  };
  return { ...config, replication };
}

function drawWorkload({ between, chance, one }: Draw, pages: number): Workload {
  const firstGfn = between(0, pages >>> 1);
  return {
    pattern: one([
      { kind: 'uniform' },
      { kind: 'sequential' },
      { kind: 'hotspot', hotPages: 4, hotAccesses: 0.8 },
    ] as const),
    firstGfn,
    pages: between(8, pages - firstGfn),
    rate: one([500, 5000, 40_000]),
    writes: one([0.3, 0.9, 1]),
    wordsPerPage: one([1, 1, 8]),
    fromNs: 0,
    untilNs: Infinity,
    ...(chance(0.2) ? { tickNs: 1e6 } : {}),
  };
}

function drawTroubles({ between, one }: Draw, durationNs: number): TroubleAt[] {
  return Array.from({ length: between(0, 3) }, () => ({
    atNs: between(1, durationNs),
    what: one(TROUBLES),
  })).toSorted((a, b) => a.atNs - b.atNs);
}
