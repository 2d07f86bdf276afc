import { z } from 'zod';
import { AUTO_CONVERGE_DEFAULTS } from '../migration/policies/auto-converge.ts';
import { KUBEVIRT_DEFAULTS } from '../migration/policies/kubevirt.ts';
import { CHOSEN_ENCODINGS, LATER_ENCODINGS } from '../wire/encodings.ts';
import { costs } from './costs.ts';
import { DEFAULTS } from './defaults.ts';
import { memoryManager } from './memory-manager.ts';
import {
  choice,
  duration,
  flag,
  period,
  positiveDuration,
  positiveSize,
  rate,
  share,
  shown,
  size,
  text,
  whole,
} from './fields.ts';

/**
 * The shape of a scenario, as it is written: quantities keep their units, and parsing one fills in
 * the defaults. What depends on several keys is checked in check.ts.
 */

const region = z.strictObject({ start: size.default(0), size: positiveSize });

const placedContents = { region: region.optional() };
const withZeros = { ...placedContents, zeroShare: share().default(0) };
const kinds = 'zero, random, text, duplicate, mixed or file';

const contents = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('zero'), ...withZeros }),
    z.strictObject({ kind: z.literal('random'), ...withZeros }),
    z.strictObject({ kind: z.literal('text'), ...withZeros }),
    z.strictObject({ kind: z.literal('duplicate'), ...withZeros }),
    z.strictObject({
      kind: z.literal('mixed'),
      ...withZeros,
      duplicateShare: share().default(DEFAULTS.mixed.duplicateShare),
      compressedShare: share().default(DEFAULTS.mixed.compressedShare),
    }),
    z.strictObject({
      kind: z.literal('file'),
      ...placedContents,
      path: z.string({
        error: ({ input }) => `expected the name of a memory image, got ${shown(input)}`,
      }),
      offset: size.default(0),
    }),
  ],
  {
    error: ({ input }) =>
      `expected kind ${kinds}, got ${shown((input as { kind?: unknown } | undefined)?.kind)}`,
  },
);

const notARate = ({ input }: { input?: unknown }): string =>
  `expected page accesses a second, a number above 0 such as 20000, or max, got ${shown(input)}`;
const accessRate = z.union([z.number().positive({ error: notARate }), z.literal('max')], {
  error: notARate,
});

const placed = {
  region: region.optional(),
  vcpu: whole(0, 1023).optional(),
  wordsPerPage: whole(1, 8192).default(1),
  from: duration.default('0s'),
  until: positiveDuration.optional(),
  frees: period.optional(),
};

const paced = {
  ...placed,
  rate: accessRate,
  writes: share().default(1),
  tick: positiveDuration.optional(),
};

const fileName = z.string({
  error: ({ input }) => `expected the name of a trace file, got ${shown(input)}`,
});

const trace = z.strictObject({
  file: fileName,
  touched: fileName.optional(),
  speed: z
    .number({ error: ({ input }) => `expected a factor above 0, got ${shown(input)}` })
    .positive({ error: ({ input }) => `expected a factor above 0, got ${shown(input)}` })
    .default(1),
  end: choice(['loop', 'hold']).default('loop'),
});

const theta = z
  .number({ error: ({ input }) => `expected a number such as 0.99, got ${shown(input)}` })
  .min(0, { error: ({ input }) => `expected a number from 0 to 10, got ${shown(input)}` })
  .max(10, { error: ({ input }) => `expected a number from 0 to 10, got ${shown(input)}` });

const patterns = 'sequential, uniform, zipf, hotspot, stride, quicksort or trace';

const workload = z.discriminatedUnion(
  'pattern',
  [
    z.strictObject({ pattern: z.literal('sequential'), ...paced }),
    z.strictObject({ pattern: z.literal('uniform'), ...paced }),
    z.strictObject({ pattern: z.literal('zipf'), theta: theta.default(0.99), ...paced }),
    z.strictObject({
      pattern: z.literal('hotspot'),
      hotPages: share(),
      hotAccesses: share(),
      ...paced,
    }),
    z.strictObject({ pattern: z.literal('stride'), stride: positiveSize, ...paced }),
    z.strictObject({
      pattern: z.literal('quicksort'),
      ...placed,
      rate: accessRate,
      tick: positiveDuration.optional(),
    }),
    z.strictObject({ pattern: z.literal('trace'), trace, ...placed }),
  ],
  {
    error: ({ input }) =>
      `expected pattern ${patterns}, got ${shown((input as { pattern?: unknown } | undefined)?.pattern)}`,
  },
);

const guest = z.strictObject({
  memory: positiveSize,
  pageSize: choiceOfSize().default(DEFAULTS.guest.pageSize),
  vcpus: whole(1, 256).default(DEFAULTS.guest.vcpus),
  memslots: whole(1, 512).default(DEFAULTS.guest.memslots),
  dirtyLog: choice(['bitmap', 'bytemap', 'atomic', 'ring', 'none']).default(
    DEFAULTS.guest.dirtyLog,
  ),
  dirtyRingSize: whole(1024, 65_536).default(DEFAULTS.guest.dirtyRingSize),
  clearChunk: positiveSize.optional(),
  backing: choice(['bytes', 'versions']).default('bytes'),
  contents: z.array(contents, { error: 'expected a list of contents' }).default([]),
  workloads: z.array(workload, { error: 'expected a list of workloads' }).default([]),
  memoryManager: memoryManager.optional(),
  lruScan: period.optional(),
});

function choiceOfSize() {
  return z.union([z.string(), z.number()], {
    error: ({ input }) => `expected a page size of 4KiB, 16KiB, 64KiB or 2MiB, got ${shown(input)}`,
  });
}

const outage = z.strictObject({ after: duration, for: positiveDuration.optional() });

const link = z.strictObject({
  bandwidth: rate.default(DEFAULTS.link.bandwidth),
  latency: duration.default(DEFAULTS.link.latency),
  integrity: choice(['full', 'header']).default(DEFAULTS.link.integrity),
  outages: z.array(outage, { error: 'expected a list of outages' }).default([]),
});

const throttle = z.strictObject({
  trigger: share().default(AUTO_CONVERGE_DEFAULTS.trigger),
  initial: share(0.01, 0.99).default(AUTO_CONVERGE_DEFAULTS.initial),
  increment: share(0.01, 0.99).default(AUTO_CONVERGE_DEFAULTS.increment),
  max: share(0.01, 0.99).default(AUTO_CONVERGE_DEFAULTS.max),
  tailSlow: flag.default(AUTO_CONVERGE_DEFAULTS.tailSlow),
});

const factor = z
  .number({ error: ({ input }) => `expected a factor of 1 or more, got ${shown(input)}` })
  .min(1, { error: ({ input }) => `expected a factor of 1 or more, got ${shown(input)}` });

const kubevirt = z.strictObject({
  completionTimeoutPerGiB: positiveDuration.default('150s'),
  progressTimeout: positiveDuration.default('150s'),
  allowWorkloadDisruption: flag.default(KUBEVIRT_DEFAULTS.allowWorkloadDisruption),
  maxDowntime: positiveDuration.default('900ms'),
  stallProgressTimeout: positiveDuration.default('40s'),
  stallMargin: share().default(KUBEVIRT_DEFAULTS.stallMargin),
  ewmaAlpha: share(0.01).default(KUBEVIRT_DEFAULTS.ewmaAlpha),
  precopyPossibleFactor: factor.default(KUBEVIRT_DEFAULTS.precopyPossibleFactor),
  patienceWindowDecayFactor: share().default(KUBEVIRT_DEFAULTS.patienceWindowDecayFactor),
  switchoverTimeout: positiveDuration.default('60s'),
  completionTimeoutFactor: factor.default(KUBEVIRT_DEFAULTS.completionTimeoutFactor),
  searchLocalMinima: flag.default(KUBEVIRT_DEFAULTS.searchLocalMinima),
});

const stun = z.strictObject({
  faults: whole(1, 1_000_000).default(DEFAULTS.stun.faults),
  afterRound: whole(1, 10_000).default(DEFAULTS.stun.afterRound),
});

const bubbling = z.strictObject({
  pivots: whole(1, 64).default(DEFAULTS.bubbling.pivots),
  direction: choice(['dual', 'forward', 'backward']).default(DEFAULTS.bubbling.direction),
  queuePages: whole(0, 1_000_000).default(DEFAULTS.bubbling.queuePages),
  discardsQueue: flag.default(DEFAULTS.bubbling.discardsQueue),
});

const migration = z.strictObject({
  algorithm: choice(['stop-and-copy', 'precopy', 'postcopy', 'hybrid']).default(
    DEFAULTS.migration.algorithm,
  ),
  policy: choice([
    'rounds',
    'qemu',
    'xen',
    'xen3',
    'clark2005',
    'cloud-hypervisor',
    'sdps',
  ]).default(DEFAULTS.migration.policy),
  // YAML takes 7.2 and 10 for numbers.
  qemuVersion: z
    .preprocess(
      (value) => (typeof value === 'number' ? String(value) : value),
      choice(['7.2', '10']),
    )
    .default(DEFAULTS.migration.qemuVersion),
  autoConverge: flag.default(DEFAULTS.migration.autoConverge),
  throttle: throttle.prefault({}),
  dirtyLimit: rate.optional(),
  dirtyLimitPeriod: positiveDuration.optional(),
  downtimeLadder: choice([
    'none',
    'nova',
    'kubevirt',
    'proxmox',
    'kubevirt-timeouts',
    'kubevirt-stall',
  ]).default('none'),
  kubevirt: kubevirt.optional(),
  stun: stun.optional(),
  availSwitchoverBandwidth: rate.optional(),
  postcopyPreempt: flag.default(false),
  pseudoPaging: flag.default(false),
  timeoutAction: choice(['cancel', 'ignore']).default('cancel'),
  rounds: whole(1, 10_000).default(DEFAULTS.migration.rounds),
  postcopyAfter: whole(0, 10_000).default(DEFAULTS.migration.postcopyAfter),
  postcopyBandwidth: rate.default(DEFAULTS.migration.postcopyBandwidth),
  postcopyRecovery: flag.default(DEFAULTS.migration.postcopyRecovery),
  postcopyRecoveryTimeout: positiveDuration.default(DEFAULTS.migration.postcopyRecoveryTimeout),
  pageOrder: choice(['follow', 'linear', 'bubbling']).default(DEFAULTS.migration.pageOrder),
  bubbling: bubbling.optional(),
  swapOrder: choice(['gfn', 'allocation', 'lru']).default('gfn'),
  swapReadaheadPages: whole(1, 64).default(DEFAULTS.migration.swapReadaheadPages),
  maxBandwidth: rate.optional(),
  strictRate: flag.default(DEFAULTS.migration.strictRate),
  downtimeLimit: positiveDuration.default(DEFAULTS.migration.downtimeLimit),
  startAfter: duration.default(DEFAULTS.migration.startAfter),
  runAfter: duration.default(DEFAULTS.migration.runAfter),
  timeout: positiveDuration.default(DEFAULTS.migration.timeout),
  encodings: z
    .array(choice(CHOSEN_ENCODINGS, LATER_ENCODINGS), { error: 'expected a list such as [zero]' })
    .default([...DEFAULTS.migration.encodings]),
});

export const scenarioSchema = z.strictObject({
  name: text.optional(),
  seed: whole(0, Number.MAX_SAFE_INTEGER).default(DEFAULTS.seed),
  runtime: choice(['threads', 'virtual']).default(DEFAULTS.runtime),
  guest,
  link: link.prefault({}),
  migration: migration.prefault({}),
  costs: costs.prefault({}),
  verify: choice(['replay', 'full', 'off']).default(DEFAULTS.verify),
});

/** A scenario with every default filled in, its quantities as they were written. */
export type Scenario = z.output<typeof scenarioSchema>;
export type ScenarioContents = Scenario['guest']['contents'][number];
export type ScenarioWorkload = Scenario['guest']['workloads'][number];

/** Keys of the format that this version does not know what to do with. */
export const LATER_KEYS: Readonly<Record<string, readonly string[]>> = {};
