import { z } from 'zod';
import { MIGRATION_KEYS } from '../migration/spec/migration-keys.ts';
import { costs } from './costs.ts';
import { DEFAULTS } from './defaults.ts';
import { fieldsOf } from './from-keys.ts';
import { memoryManager } from './memory-manager.ts';
import {
  choice,
  duration,
  ownKindMap,
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

const notAFileName = ({ input }: { input?: unknown }): string =>
  `expected the name of a trace file, got ${shown(input)}`;
const fileName = z.string({ error: notAFileName });

const trace = z.strictObject({
  /** A file, or what makes a trace. */
  file: z.union([fileName, ownKindMap], { error: notAFileName }),
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

const migration = z.strictObject(fieldsOf(MIGRATION_KEYS));

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
