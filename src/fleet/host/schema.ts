import { z } from 'zod';
import { DEFAULT_SAMPLING } from '../../overcommit/active-memory.ts';
import { DEFAULT_THRESHOLDS } from '../../overcommit/memory-state.ts';
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
  size,
  text,
  whole,
} from '../../scenario/fields.ts';
import { scenarioSchema } from '../../scenario/schema.ts';
import { SHARING_PRESET_NAMES } from './presets.ts';

/**
 * This module defines the shape of an overcommitted host's file, as it is written. The key `guest` is that of a
 * scenario; the scenario's own schema checks it once each guest's scenario is put together.
 */

/** The most guests of a host, however they are grouped. */
export const MOST_GUESTS = 1000;

const MOST_RATE = 1e9;
const MOST_SHARES = 1e9;

const name = text.min(1, { error: 'expected a name' });

const sharing = z.strictObject({
  isOn: flag.default(true),
  preset: choice(SHARING_PRESET_NAMES).default('esx2'),
  /** The most pages a second of one guest, and of all. */
  guestRate: whole(1, MOST_RATE).optional(),
  rate: whole(1, MOST_RATE).optional(),
});

const swap = z.strictObject({
  size: positiveSize.optional(),
  isShared: flag.default(false),
  bandwidth: rate.default('50MB/s'),
  latency: duration.default('5ms'),
});

const sampling = z.strictObject({
  pages: whole(1, 100_000).default(DEFAULT_SAMPLING.pages),
  period: positiveDuration.default('30s'),
  slowGain: share().default(DEFAULT_SAMPLING.slowGain),
  fastGain: share().default(DEFAULT_SAMPLING.fastGain),
});

const thresholds = z.strictObject({
  high: share().default(DEFAULT_THRESHOLDS.high),
  soft: share().default(DEFAULT_THRESHOLDS.soft),
  hard: share().default(DEFAULT_THRESHOLDS.hard),
  low: share().default(DEFAULT_THRESHOLDS.low),
  margin: share().default(DEFAULT_THRESHOLDS.margin),
});

const host = z.strictObject({
  memory: positiveSize,
  overhead: size.default(0),
  sharing: sharing.prefault({}),
  swap: swap.prefault({}),
  idleTax: share(0, 0.999).default(0.75),
  sampling: sampling.prefault({}),
  balance: positiveDuration.default('15s'),
  thresholds: thresholds.prefault({}),
});

/** A further host, to which guests may migrate; what it does not say is as the first host has it. */
const other = z.strictObject({
  name,
  memory: positiveSize,
  overhead: size.optional(),
  sharing: sharing.optional(),
  swap: z
    .strictObject({
      size: positiveSize.optional(),
      bandwidth: rate.optional(),
      latency: duration.optional(),
    })
    .optional(),
  idleTax: share(0, 0.999).optional(),
});

const balloon = z.strictObject({
  isOn: flag.default(true),
  poll: positiveDuration.default('1s'),
  rate: rate.default('8MB/s'),
  most: share().default(0.65),
  boot: duration.default('0s'),
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
    host: name.optional(),
    migration: migration.optional(),
    min: size.optional(),
    shares: whole(1, MOST_SHARES).optional(),
    populate: choice(['contents', 'all']).default('contents'),
    zeroing: rate.optional(),
    balloon: balloon.prefault({}),
    disk: duration.default('5ms'),
    start: duration.default('0s'),
    stop: positiveDuration.optional(),
    resetAt: positiveDuration.optional(),
  });
}

const change = z.strictObject({
  at: duration,
  idleTax: share(0, 0.999).optional(),
  guest: name.optional(),
  shares: whole(1, MOST_SHARES).optional(),
});

const migration = z.strictObject({
  at: duration,
  guest: name,
  to: name,
  balloon: z
    .strictObject({ target: positiveSize, within: positiveDuration.default('30s') })
    .optional(),
});

function hostOf<Group extends z.ZodType, Link extends z.ZodType, Migration extends z.ZodType>(
  group: Group,
  link: Link,
  common: Migration,
) {
  return z.strictObject({
    name: text.optional(),
    seed: whole(0, Number.MAX_SAFE_INTEGER).default(DEFAULTS.seed),
    runtime: choice(['virtual']).default('virtual'),
    duration: positiveDuration,
    sample: positiveDuration.default('10s'),
    host,
    others: listOf(other, 'others').default([]),
    guests: listOf(group, 'guests', MOST_GUESTS).min(1, { error: 'expected at least one guest' }),
    changes: listOf(change, 'changes').default([]),
    link: link.optional(),
    migration: common.optional(),
    migrations: listOf(migration, 'migrations').default([]),
    costs: scenarioSchema.shape.costs,
    verify: choice(['full', 'off']).default('full'),
  });
}

const anyKeys = z.looseObject({});

/** This schema checks everything except `guest`, `link` and `migration`, which it passes as they are. */
export const hostSchema = hostOf(groupOf(anyKeys, anyKeys), anyKeys, anyKeys);

/** A host's file with its own defaults filled in, and with quantities as they were written. */
export type HostFile = z.output<typeof hostSchema>;

/** Returns the schema of a whole file, in which the keys `guest`, `link` and `migration` are those of scenarios. */
export function completeHostSchema() {
  const { guest, link, migration: keys } = scenarioSchema.shape;
  return hostOf(groupOf(guest, keys), link, keys);
}
