import { z } from 'zod';
import { DEFAULTS } from '../../scenario/defaults.ts';
import {
  choice,
  duration,
  flag,
  listOf,
  positiveDuration,
  rate,
  formatValue,
  text,
  whole,
} from '../../scenario/fields.ts';
import { scenarioSchema } from '../../scenario/schema.ts';
import { LIMITS_PRESET_NAMES } from './presets.ts';

/**
 * This module defines the shape of an evacuation's file, as it is written. The keys `guest` and `migration` are
 * those of a scenario; the scenario's own schema checks them once each guest's scenario is put together.
 */

/** The most guests of an evacuation, however they are grouped. */
export const MOST_GUESTS = 10_000;

/** The defaults of an evacuation that a scenario does not have, with their reasons. */
export const EVACUATION_DEFAULTS = {
  /** No machine can run dozens of guests in real time. */
  runtime: 'virtual',
  /** Most of today's clusters run with the limits of this manager. */
  preset: 'kubevirt',
  order: 'given',
  onDiverged: 'leave',
  /** An evacuation without any real bytes would only prove counts of writes. */
  sample: 1,
} as const;

/** Returns the schema of a whole number in a range, both ends included, or `unlimited`. */
export function limitOf(low: number, high: number) {
  const error = ({ input }: { input?: unknown }): string =>
    `expected a whole number from ${low} to ${high}, or unlimited, got ${formatValue(input)}`;
  return z.union(
    [z.int({ error }).min(low, { error }).max(high, { error }), z.literal('unlimited')],
    {
      error,
    },
  );
}

const name = text.min(1, { error: 'expected a name' });
const limit = limitOf(1, 100_000);

const host = z.strictObject({
  name,
  cpus: limitOf(1, 4096).default('unlimited'),
  nic: rate.default('unlimited'),
});

const core = z.strictObject({
  bandwidth: rate.default(DEFAULTS.link.bandwidth),
  latency: duration.default(DEFAULTS.link.latency),
});

/** How many migrations may be under way at a time. */
export const parallel = z.strictObject({
  preset: choice(LIMITS_PRESET_NAMES).optional(),
  outgoing: limit.optional(),
  incoming: limit.optional(),
  cluster: limit.optional(),
  inBatches: flag.optional(),
});

/** Returns the schema of a group of guests; `guest` and `migration` are the schemas of those keys. */
function groupOf<Guest extends z.ZodType, Migration extends z.ZodType>(
  guest: Guest,
  migration: Migration,
) {
  return z.strictObject({
    name,
    count: whole(1, MOST_GUESTS).optional(),
    guest,
    migration,
    onDiverged: choice(['leave', 'stop-and-copy', 'postcopy']).default(
      EVACUATION_DEFAULTS.onDiverged,
    ),
    deadline: positiveDuration.optional(),
    target: name.optional(),
  });
}

function evacuationOf<Group extends z.ZodType, Migration extends z.ZodType>(
  group: Group,
  migration: Migration,
) {
  return z.strictObject({
    name: text.optional(),
    seed: whole(0, Number.MAX_SAFE_INTEGER).default(DEFAULTS.seed),
    runtime: choice(['threads', 'virtual']).default(EVACUATION_DEFAULTS.runtime),
    hosts: listOf(host, 'hosts').min(2, {
      error: 'expected the host to empty and at least one to go to',
    }),
    core: core.prefault({}),
    evacuate: name.optional(),
    parallel: parallel.prefault({ preset: EVACUATION_DEFAULTS.preset }),
    order: choice(['given', 'smallest', 'least-dirty', 'deadline']).default(
      EVACUATION_DEFAULTS.order,
    ),
    sample: whole(0, 100_000).default(EVACUATION_DEFAULTS.sample),
    guests: listOf(group, 'guests', MOST_GUESTS).min(1, { error: 'expected at least one guest' }),
    migration,
    costs: scenarioSchema.shape.costs,
    verify: scenarioSchema.shape.verify,
  });
}

const keys = z.looseObject({});

/** This schema checks everything except `guest` and `migration`, which it passes as they are. */
export const evacuationSchema = evacuationOf(groupOf(keys, keys.optional()), keys.optional());

/** An evacuation's file with its own defaults filled in, and with quantities as they were written. */
export type EvacuationFile = z.output<typeof evacuationSchema>;

/** Returns the schema of a whole file, in which the keys `guest` and `migration` are those of scenarios. */
export function completeSchema() {
  const { guest, migration } = scenarioSchema.shape;
  return evacuationOf(groupOf(guest, migration.optional()), migration.optional());
}
