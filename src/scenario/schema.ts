import { z } from 'zod';
import type { DeviceKind } from '../guest/devices/kind.ts';
import { DEVICE_PROFILES, type DeviceProfile, DEVICES } from '../guest/devices/registry.ts';
import type { WrittenDevice } from '../guest/devices/resolve.ts';
import type { PatternKind } from '../guest/patterns/kind.ts';
import { PATTERNS } from '../guest/patterns/registry.ts';
import type { ValuesOf, WrittenOf } from '../units/keys.ts';
import { MIGRATION_KEYS } from '../migration/spec/migration-keys.ts';
import { costs } from './costs.ts';
import { DEFAULTS } from './defaults.ts';
import { fieldsOf } from './from-keys.ts';
import { memoryManager } from './memory-manager.ts';
import {
  choice,
  duration,
  listOf,
  period,
  positiveDuration,
  positiveSize,
  rate,
  share,
  formatValue,
  size,
  text,
  whole,
} from './fields.ts';

/**
 * This module defines the shape of a scenario as it is written. Parsing fills in the defaults, and quantities keep
 * their units. Rules that involve several keys are in check.ts.
 */

const region = z.strictObject({ start: size.default(0), size: positiveSize });

const contentsPlace = { region: region.optional() };
const generatedContents = {
  ...contentsPlace,
  zeroShare: share().default(0),
  seed: whole(0, Number.MAX_SAFE_INTEGER).optional(),
};
const kinds = 'zero, random, text, duplicate, mixed or file';

const contents = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('zero'), ...generatedContents }),
    z.strictObject({ kind: z.literal('random'), ...generatedContents }),
    z.strictObject({ kind: z.literal('text'), ...generatedContents }),
    z.strictObject({ kind: z.literal('duplicate'), ...generatedContents }),
    z.strictObject({
      kind: z.literal('mixed'),
      ...generatedContents,
      duplicateShare: share().default(DEFAULTS.mixed.duplicateShare),
      compressedShare: share().default(DEFAULTS.mixed.compressedShare),
    }),
    z.strictObject({
      kind: z.literal('file'),
      ...contentsPlace,
      path: z.string({
        error: ({ input }) => `expected the name of a memory image, got ${formatValue(input)}`,
      }),
      offset: size.default(0),
    }),
  ],
  {
    error: ({ input }) =>
      `expected kind ${kinds}, got ${formatValue((input as { kind?: unknown } | undefined)?.kind)}`,
  },
);

const placement = {
  region: region.optional(),
  vcpu: whole(0, 1023).optional(),
  wordsPerPage: whole(1, 8192).default(1),
  from: duration.default('0s'),
  until: positiveDuration.optional(),
  frees: period.optional(),
};

const options = PATTERNS.map((kind: PatternKind) =>
  z.strictObject({
    pattern: z.literal(kind.name),
    ...fieldsOf(kind.keys),
    ...placement,
    ...fieldsOf(kind.pace),
  }),
);

type Placement = z.output<z.ZodObject<typeof placement>>;

/** The workload of a kind of pattern: the keys of the pattern, where and when it works, and its pace. */
type WorkloadOf<Kind> =
  Kind extends PatternKind<infer Name, infer Table, infer Pace>
    ? { readonly pattern: Name } & ValuesOf<Table> & Placement & ValuesOf<Pace>
    : never;
export type ScenarioWorkload = WorkloadOf<(typeof PATTERNS)[number]>;

/** The same as a scenario has it, without its defaults. */
type WrittenWorkloadOf<Kind> =
  Kind extends PatternKind<infer Name, infer Table, infer Pace>
    ? { readonly pattern: Name } & WrittenOf<Table> &
        z.input<z.ZodObject<typeof placement>> &
        WrittenOf<Pace>
    : never;
type WrittenWorkload = WrittenWorkloadOf<(typeof PATTERNS)[number]>;

const patterns = listed(PATTERNS.map(({ name }) => name));

/** Returns names as a sentence lists them, the last one behind "or". */
function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

const anyPattern = z.discriminatedUnion('pattern', options as [(typeof options)[number]], {
  error: ({ input }) =>
    `expected pattern ${patterns}, got ${formatValue((input as { pattern?: unknown } | undefined)?.pattern)}`,
});
// `map` has lost the types that say which pattern has which keys, so the cast restores them.
const workload = anyPattern as unknown as z.ZodType<ScenarioWorkload, WrittenWorkload>;

const deviceOptions = DEVICES.map((kind: DeviceKind) =>
  z.strictObject({ kind: z.literal(kind.name), ...fieldsOf(kind.keys) }).describe(kind.about),
);
const deviceNames = listed(DEVICES.map(({ name }) => name));
const anyDevice = z.discriminatedUnion('kind', deviceOptions as [(typeof deviceOptions)[number]], {
  error: ({ input }) =>
    `expected kind ${deviceNames}, got ${formatValue((input as { kind?: unknown } | undefined)?.kind)}`,
});
// The cast restores the types that `map` has lost.
const device = anyDevice as unknown as z.ZodType<WrittenDevice>;

const guest = z.strictObject({
  memory: positiveSize,
  pageSize: pageSizeField().default(DEFAULTS.guest.pageSize),
  vcpus: whole(1, 256).default(DEFAULTS.guest.vcpus),
  memslots: whole(1, 512).default(DEFAULTS.guest.memslots),
  dirtyLog: choice(['bitmap', 'bytemap', 'atomic', 'ring', 'none']).default(
    DEFAULTS.guest.dirtyLog,
  ),
  dirtyRingSize: whole(1024, 65_536).default(DEFAULTS.guest.dirtyRingSize),
  clearChunk: positiveSize.optional(),
  backing: choice(['bytes', 'versions']).default('bytes'),
  contents: listOf(contents, 'contents').default([]),
  workloads: listOf(workload, 'workloads').default([]),
  memoryManager: memoryManager.optional(),
  lruScan: period.optional(),
  deviceProfile: choice(Object.keys(DEVICE_PROFILES) as [DeviceProfile, ...DeviceProfile[]])
    .optional()
    .describe('Which devices the guest has besides those of devices. Absent: none.'),
  devices: listOf(device, 'devices').optional(),
});

function pageSizeField() {
  return z.union([z.string(), z.number()], {
    error: ({ input }) =>
      `expected a page size of 4KiB, 16KiB, 64KiB, 2MiB or 1GiB, got ${formatValue(input)}`,
  });
}

const outage = z.strictObject({ after: duration, for: positiveDuration.optional() });

const link = z.strictObject({
  bandwidth: rate.default(DEFAULTS.link.bandwidth),
  latency: duration.default(DEFAULTS.link.latency),
  integrity: choice(['full', 'header']).default(DEFAULTS.link.integrity),
  sendBuffer: size.default(DEFAULTS.link.sendBuffer),
  outages: listOf(outage, 'outages').default([]),
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

/** A scenario with every default filled in, and with quantities as they were written. */
export type Scenario = z.output<typeof scenarioSchema>;
export type ScenarioContents = Scenario['guest']['contents'][number];
