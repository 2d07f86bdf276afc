import { z } from 'zod';
import { CAPTURES, COMPRESSIONS, DEADLINE_ACTIONS } from '../../replication/config.ts';
import { TROUBLES } from '../../runtime/virtual/replication/config.ts';
import { DEFAULTS } from '../../scenario/defaults.ts';
import {
  choice,
  duration,
  flag,
  listOf,
  positiveDuration,
  positiveSize,
  rate,
  share,
  text,
  whole,
} from '../../scenario/fields.ts';
import { scenarioSchema } from '../../scenario/schema.ts';

/**
 * This module defines the shape of the file of a protected guest, as it is written. The keys `guest`, `link`,
 * `migration` and `costs` are those of a scenario; the scenario's own schema checks them.
 */

/** What every `every`-th access of each stream of a workload does. */
const emission = z.strictObject({
  workload: whole(0, 999).default(0),
  every: whole(1, Number.MAX_SAFE_INTEGER),
});

const output = emission.extend({ bytes: whole(1, 1_000_000).default(1500) });

const disk = z.strictObject({
  size: positiveSize,
  blockSize: positiveSize.default('4KiB'),
  bandwidth: rate.default('100MB/s'),
  writes: listOf(emission, 'writes').default([]),
});

const heartbeat = z.strictObject({
  interval: positiveDuration.default('200ms'),
  timeout: positiveDuration.default('1s'),
});

/** A fence that is only asked for (`fence: true`) has the defaults of these keys. */
export const fenceSchema = z.strictObject({
  lease: positiveDuration.default('500ms'),
  latency: positiveDuration.default('500us'),
});

const costs = z.strictObject({
  checkpoint: duration.default('100us'),
  xenstore: duration.default('35ms'),
  filter: duration.default('50ns'),
  map: duration.default('400ns'),
  staging: duration.default('400ns'),
  protect: duration.default('50ns'),
  copy: duration.default('1500ns'),
  send: duration.default('400ns'),
  xor: duration.default('1us'),
  deflate: duration.default('60us'),
  contention: share().default(0),
  apply: duration.default('400ns'),
  activate: duration.default('10ms'),
});

/** Each is on by default; one that is off has its cost. */
const optimisations = z.strictObject({
  eventChannel: flag.default(true),
  filterClean: flag.default(true),
  mapOnce: flag.default(true),
});

const deadline = z.strictObject({
  dirtyPages: whole(1, 2 ** 32),
  action: choice(DEADLINE_ACTIONS).default('pause'),
  throttle: share(0.01, 0.99).optional(),
});

const death = z.strictObject({ at: duration, what: choice(TROUBLES).default('primary') });

/** The keys of `replication.colo`. A silence of 200 ms is what is told of the first COLO; QEMU waits for 3 s (net/colo-compare.c). */
const colo = z.strictObject({
  silence: positiveDuration.default('200ms'),
  divergence: share().default(0),
  secondarySpeed: share(0.1).default(1),
  seed: whole(0, Number.MAX_SAFE_INTEGER).optional(),
});

const replication = z.strictObject({
  mode: choice(['remus', 'colo']).default('remus'),
  interval: z.union([z.literal('fastest'), duration]).default('200ms'),
  buffer: choice(CAPTURES).default('staging'),
  bufferPages: whole(1, 2 ** 24).default(4096),
  compression: choice(COMPRESSIONS).default('xen'),
  cachePages: whole(1, 2 ** 24).default(8192),
  netBuffer: flag.default(true),
  diskBuffer: flag.default(true),
  heartbeat: heartbeat.prefault({}),
  fence: z.union([flag, fenceSchema]).default(false),
  killAt: z.union([duration, listOf(death, 'failures')]).default([]),
  spares: whole(0, 100).default(0),
  costs: costs.prefault({}),
  optimisations: optimisations.prefault({}),
  colo: colo.optional(),
  deadline: z
    .union([z.literal(false), deadline], {
      error: 'expected false, or a map with dirtyPages, the most pages that an epoch should have',
    })
    .default(false),
});

function fileOf<Part extends z.ZodType>(
  part: (key: 'guest' | 'link' | 'migration' | 'costs') => Part,
) {
  return z.strictObject({
    name: text.optional(),
    seed: whole(0, Number.MAX_SAFE_INTEGER).default(DEFAULTS.seed),
    runtime: choice(['virtual', 'threads']).default('virtual'),
    duration: positiveDuration.default('10s'),
    guest: part('guest'),
    link: part('link').optional(),
    migration: part('migration').optional(),
    costs: part('costs').optional(),
    replication: replication.prefault({}),
    outputs: listOf(output, 'outputs').default([]),
    disk: disk.optional(),
    verify: choice(['full', 'off']).default('full'),
  });
}

/** This schema checks everything except the scenario's own keys, which it passes as they are. */
export const protectSchema = fileOf(() => z.looseObject({}));

/** A file with its own defaults filled in, and with quantities as they were written. */
export type ProtectFile = z.output<typeof protectSchema>;

/** Returns the schema of a whole file, in which those keys are a scenario's. */
export const completeProtectSchema = () => fileOf((key) => scenarioSchema.shape[key] as z.ZodType);
