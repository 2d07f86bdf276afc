import { managed, prepaging } from './managed.ts';
import type { Pattern, Workload } from '../../guest/workload.ts';
import { Generator } from '../../random/generator.ts';
import type { PolicyName } from '../../migration/spec/migration-spec.ts';
import type { Outage, RunConfig } from '../../runtime/config.ts';
import { COST_PROFILES, type CostProfile } from '../../runtime/costs.ts';
import { AUTO_CONVERGE_DEFAULTS } from '../../migration/policies/auto-converge.ts';
import { KUBEVIRT_DEFAULTS, type KubevirtOptions } from '../../migration/policies/kubevirt.ts';

/** The trouble that a run meets, at its link or its destination. Times are ns after the migration's start. */
export type Trouble =
  | { readonly kind: 'none' }
  /** Nothing arrives for the time `forNs`. */
  | { readonly kind: 'stall'; readonly afterNs: number; readonly forNs: number }
  /** The link stalls several times; what is under way arrives late, in its order. */
  | {
      readonly kind: 'delays';
      readonly list: readonly { readonly afterNs: number; readonly forNs: number }[];
    }
  /** The connection is lost once or several times, together with what is under way. */
  | {
      readonly kind: 'outage';
      readonly list: readonly Outage[];
      readonly recoverWithinNs?: number;
      /** When the destination dies; undefined when it lives on. */
      readonly deathNs?: number;
    }
  /** The link dies in both directions. */
  | { readonly kind: 'cut'; readonly afterNs: number }
  /** The destination dies: it does nothing any more. */
  | { readonly kind: 'death'; readonly afterNs: number };

/** Nothing arrives over one channel for the time `forNs`; times are ns after the migration's start. */
export interface ChannelStall {
  readonly channel: number;
  readonly afterNs: number;
  readonly forNs: number;
}

/** A random run: its configuration and the trouble that it meets. */
export interface DrawnRun {
  readonly config: RunConfig;
  readonly trouble: Trouble;
  /** The stalls of single channels, which come besides. */
  readonly channelStalls?: readonly ChannelStall[];
}

type One = <Value>(values: readonly Value[]) => Value;

const KIB = 1024;
const POLICIES: readonly PolicyName[] = [
  'rounds',
  'rounds',
  'qemu',
  'qemu',
  'xen',
  'clark2005',
  'xen3',
  'cloud-hypervisor',
  'sdps',
];

/** Time of an access in a workload without a rate. It is long, so that a run has few events. */
const UNPACED_ACCESS_NS = 2000;

/** Draws a small random run and its trouble. The result is a function of the seed alone. */
export function draw(seed: number): DrawnRun {
  const random = new Generator(seed);
  const one: One = (values) => values[random.below(values.length)]!;
  const unit = (): number => random.below(1 << 20) / (1 << 20);
  const pageSize = one([4 * KIB, 4 * KIB, 4 * KIB, 16 * KIB, 64 * KIB]);
  const pages = 24 + random.below(pageSize === 4 * KIB ? 400 : 60);
  const vcpus = 1 + random.below(2);
  const bytesPerSecond = one([20e6, 40e6, 125e6, 400e6, Infinity]);
  const passNs = bytesPerSecond === Infinity ? 1e6 : ((pages * pageSize) / bytesPerSecond) * 1e9;
  const workloads = Array.from({ length: random.below(4) }, (): Workload => {
    const firstGfn = random.below(pages - 16);
    const span = pages - firstGfn;
    const size = Math.max(8, Math.floor(span * unit()));
    const tickNs = one([undefined, undefined, 1e6, 3e6]);
    const vcpu = one([undefined, undefined, 0]);
    return {
      pattern: pattern(one, size),
      firstGfn,
      pages: size,
      rate: one([500, 5000, 50_000, 400_000, Infinity]),
      writes: one([1, 0.7, 0.2]),
      wordsPerPage: one([1, 1, 3]),
      ...(tickNs === undefined ? {} : { tickNs }),
      ...(vcpu === undefined ? {} : { vcpu }),
      fromNs: 0,
      untilNs: one([Infinity, Infinity, passNs]),
    };
  });
  const clearChunkPages = one([undefined, undefined, undefined, 64, 128]);
  const dirtyRingSize = one([16, 1024]);
  const profile = COST_PROFILES[one<CostProfile>(['kvm', 'kvm', 'qemu-tcg', 'none'])];
  const isUnpaced = workloads.some(({ rate }) => rate === Infinity);
  const config: RunConfig = {
    seed: random.below(2 ** 31),
    runtime: 'virtual',
    costs: { ...profile, accessNs: isUnpaced ? UNPACED_ACCESS_NS : profile.accessNs },
    guest: {
      memoryBytes: pages * pageSize,
      pageSize,
      vcpus,
      dirtyLog: one(['bitmap', 'bytemap', 'atomic', 'ring']),
      dirtyRingSize,
      ...(clearChunkPages === undefined ? {} : { clearChunkPages }),
      memslots: 1 + random.below(3),
      contents: [
        {
          firstGfn: 0,
          pages,
          kind: one(['random', 'text', 'duplicate']),
          zeroShare: one([0, 0.3, 0.9]),
        },
      ],
      workloads,
    },
    link: {
      bytesPerSecond,
      // An unlimited link with a long latency would have more bytes under way than a ring holds.
      latencyNs: one([0, 50_000, 1e6, bytesPerSecond === Infinity ? 1e6 : 20e6]),
      integrity: one(['full', 'header']),
    },
    migration: {
      algorithm: one([
        'precopy',
        'precopy',
        'precopy',
        'postcopy',
        'postcopy',
        'hybrid',
        'hybrid',
        'stop-and-copy',
      ]),
      policy: one(POLICIES),
      rounds: 1 + random.below(6),
      qemuVersion: one(['7.2', '10']),
      ...throttleOf(random, one, dirtyRingSize),
      ...(random.below(4) === 0 ? { manager: one(MANAGERS), kubevirt: kubevirtOf(one) } : {}),
      preempt: random.below(2) === 0,
      timeoutAction: one(['cancel', 'cancel', 'ignore']),
      startMbit: one([1, 100]),
      maxMbit: one([200, 500]),
      postcopyAfter: random.below(3),
      postcopyPollNs: one([0, 5e6]),
      postcopyBytesPerSecond: one([Infinity, Infinity, 30e6]),
      pageOrder: one(['follow', 'linear', 'bubbling', 'bubbling', 'twice']),
      maxBytesPerSecond: one([Infinity, Infinity, 15e6]),
      strictRate: random.below(4) === 0,
      downtimeLimitNs: one([1e6, 10e6, 300e6]),
      startAfterNs: random.below(20) * 1e6,
      runAfterNs: random.below(20) * 1e6,
      timeoutNs: one([5e6, 2e9, 5e9, 5e9]),
      encodings: random.below(4) > 0 ? ['zero'] : [],
    },
    verify: one(['replay', 'replay', 'full']),
  };
  const trouble = troubleOf(random, one, config, passNs);
  const whole = withManager(seed, config);
  // Only a post-copy can recover from an outage, so nearly all runs with an outage are post-copies.
  if (trouble.kind !== 'outage' || random.below(6) === 0) return { config: whole, trouble };
  const algorithm = one(['postcopy', 'postcopy', 'hybrid'] as const);
  return { config: { ...whole, migration: { ...whole.migration, algorithm } }, trouble };
}

/** Gives some guests a memory manager, and draws the page order of post-copy. */
function withManager(seed: number, config: RunConfig): RunConfig {
  const guest = managed(seed, config.guest);
  return { ...config, guest, migration: { ...config.migration, ...prepaging(seed, guest) } };
}

const MANAGERS = ['nova', 'kubevirt', 'proxmox', 'kubevirt-timeouts', 'kubevirt-stall'] as const;

/** Draws KubeVirt's limits, so short that even a small run reaches them. */
function kubevirtOf(one: One): KubevirtOptions {
  return {
    ...KUBEVIRT_DEFAULTS,
    allowPostCopy: one([false, true]),
    allowWorkloadDisruption: one([false, true]),
    completionTimeoutPerGiBMs: one([500, 2000, 150_000]),
    progressTimeoutMs: one([1000, 150_000]),
    stallProgressTimeoutMs: one([50, 400]),
    initialDowntimeMs: one([1, 50, 900]),
    searchLocalMinima: one([false, true]),
  };
}

/** Draws one of the throttles that slow the guest down, or none. */
function throttleOf(
  random: Generator,
  one: One,
  ringEntries: number,
): Partial<RunConfig['migration']> {
  const kind = random.below(8);
  if (kind < 2) {
    const initial = one([0.2, 0.99]);
    return { autoConverge: { ...AUTO_CONVERGE_DEFAULTS, initial, tailSlow: one([false, true]) } };
  }
  if (kind === 2) return { dirtyLimit: { quotaMiB: 1, periodMs: one([20, 1000]), ringEntries } };
  if (kind === 3) return { stun: { faults: one([1, 40]), afterRound: 1 + random.below(3) } };
  return {};
}

function pattern(one: One, pages: number): Pattern {
  return one<Pattern>([
    { kind: 'sequential' },
    { kind: 'uniform' },
    { kind: 'zipf', theta: 0.9 },
    { kind: 'hotspot', hotPages: Math.max(1, pages >> 2), hotAccesses: 0.9 },
    { kind: 'stride', stridePages: 3 },
    { kind: 'quicksort' },
  ]);
}

/**
 * Draws outages. After most of them the connection is back in time to recover; after some it is not,
 * and some runs don't allow recovery.
 */
function outageOf(
  random: Generator,
  one: One,
  { costs, link }: RunConfig,
  passNs: number,
): Trouble {
  const recoverWithinNs = one([undefined, 1e9, 1e9, 1e9, 1e9, 1e9]);
  const list: Outage[] = [];
  // Most outages begin after the set-up and the exchange of HELLO, WELCOME and RUN, which take this long.
  const handshakeNs = costs.setupNs + 3 * link.latencyNs;
  const beginNs = one([0, handshakeNs, handshakeNs, handshakeNs]);
  let fromNs = beginNs + random.below(4096) * (passNs / one([4096, 4096, 1500]));
  for (let left = one([1, 1, 2, 5, 12]); left > 0; left--) {
    const forNs = one([1, 1e3, 100e3, 1e6, 10e6, random.below(500) * 1e6 + 1]);
    list.push({ afterNs: fromNs, forNs: random.below(40) === 0 ? Infinity : forNs });
    // The next outage begins soon after, while the run is recovering or pushing the rest.
    fromNs += forNs + 1 + random.below(4096) * one([50, 1000, passNs / 4096]);
  }
  const last = list[list.length - 1]!;
  const deathNs =
    list[0]!.afterNs + random.below(4096) * ((last.afterNs - list[0]!.afterNs + 1e6) / 4096);
  const end = list.findIndex(({ forNs }) => forNs === Infinity);
  return {
    kind: 'outage',
    list: end < 0 ? list : list.slice(0, end + 1),
    ...(recoverWithinNs === undefined ? {} : { recoverWithinNs }),
    ...(random.below(10) === 0 ? { deathNs } : {}),
  };
}

function troubleOf(random: Generator, one: One, config: RunConfig, passNs: number): Trouble {
  // Trouble begins in the first moments of some runs and some passes later in others, to hit every phase.
  const afterNs = random.below(4096) * (passNs / one([400, 1000, 4000]));
  const kind = one(['none', 'stall', 'delays', 'outage', 'outage', 'cut', 'death'] as const);
  if (kind === 'outage') return outageOf(random, one, config, passNs);
  if (kind === 'none') return { kind };
  if (kind === 'delays') {
    const list = Array.from({ length: 1 + random.below(20) }, () => ({
      afterNs: random.below(4096) * (passNs / 400),
      forNs: random.below(20_000) * 1e3,
    }));
    return { kind, list };
  }
  if (kind === 'stall') return { kind, afterNs, forNs: random.below(300) * 1e6 };
  return { kind, afterNs };
}
