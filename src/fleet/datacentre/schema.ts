import { z } from 'zod';
import { DEFAULTS } from '../../scenario/defaults.ts';
import {
  choice,
  duration,
  flag,
  formatValue,
  listOf,
  ownKindMap,
  positiveDuration,
  positiveSize,
  rate,
  share,
  size,
  text,
  whole,
} from '../../scenario/fields.ts';
import { scenarioSchema } from '../../scenario/schema.ts';
import { limitOf, parallel } from '../evacuation/schema.ts';
import { FLEET_POLICY_NAMES } from './policies/registry.ts';

/**
 * This module defines the shape of a fleet's file, as it is written. The keys `guest` and `migration` are those of a
 * scenario; the scenario's own schema checks them once each guest's scenario is put together.
 */

/** The most guests and hosts of a fleet, however they are grouped. */
export const MOST_GUESTS = 20_000;
export const MOST_HOSTS = 5000;

/** Returns the schema of a number of 0 or more, or above 0, which may have a fraction. */
function amount(what: string, isAbove0 = false) {
  const error = ({ input }: { input?: unknown }): string =>
    `expected ${what}, a number ${isAbove0 ? 'above 0' : 'of 0 or more'}, got ${formatValue(input)}`;
  const number = z.number({ error }).max(1e12, { error });
  return isAbove0 ? number.positive({ error }) : number.min(0, { error });
}

const name = text.min(1, { error: 'expected a name' });
const perSecond = amount('requests a second');

const host = z.strictObject({
  name,
  count: whole(1, MOST_HOSTS).optional(),
  cpus: limitOf(1, 4096).default(1),
  memory: positiveSize,
  nic: rate.default('1Gbit/s'),
  rack: name.default('rack-1'),
  cluster: name.default('cluster-1'),
  isScratch: flag.default(false),
  idleWatts: amount('watts').default(100),
  peakWatts: amount('watts').default(200),
});

const network = z.strictObject({
  rack: rate.default('10Gbit/s'),
  cluster: rate.default('40Gbit/s'),
  latency: duration.default(DEFAULTS.link.latency),
});

/** Distributions of durations and of sizes are alike but for their quantities. */
function distributionOf<Quantity extends z.ZodType>(quantity: Quantity, what: string) {
  const mean = quantity;
  return z.union(
    [
      quantity,
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('constant'), mean }),
        z.strictObject({ kind: z.literal('exponential'), mean }),
        z.strictObject({ kind: z.literal('uniform'), low: quantity, high: quantity }),
        z.strictObject({
          kind: z.literal('lognormal'),
          mean,
          cv: amount('a coefficient of variation').default(1),
        }),
        z.strictObject({
          kind: z.literal('pareto'),
          mean,
          shape: z.number().min(2.01, { error: 'expected a shape of 2.01 or more' }).default(2.5),
        }),
      ]),
    ],
    {
      error: ({ input }) =>
        `expected ${what}, or a map with kind: constant, exponential, uniform, lognormal or pareto, got ${formatValue(input)}`,
    },
  );
}

const point = z.strictObject({ at: duration, rate: perSecond });

const load = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('constant'), rate: perSecond }),
    z.strictObject({
      kind: z.literal('trace'),
      points: listOf(point, 'points', 100_000).min(1, { error: 'expected at least one point' }),
      ramp: flag.default(false),
    }),
    z.strictObject({
      kind: z.literal('diurnal'),
      low: perSecond,
      high: perSecond,
      period: positiveDuration.default('1440min'),
      randomPhase: flag.default(false),
    }),
    z.strictObject({
      kind: z.literal('bursts'),
      base: perSecond,
      peak: perSecond,
      period: positiveDuration,
      length: positiveDuration,
      randomPhase: flag.default(false),
    }),
    z.strictObject({ kind: z.literal('closed'), users: whole(1, 1_000_000), think: duration }),
  ],
  { error: 'expected a load with kind: constant, trace, diurnal, bursts or closed' },
);

const tier = z.strictObject({
  guests: name,
  service: distributionOf(positiveDuration, 'a duration such as 5ms'),
  response: distributionOf(size, 'a size such as 8KiB').default(0),
  pagesPerRequest: amount('pages').default(0),
});

const sla = z.strictObject({
  requests: perSecond.optional(),
  p99: positiveDuration.optional(),
  mean: positiveDuration.optional(),
  costPerMinute: amount('a cost').default(1),
});

const application = z.strictObject({
  name,
  count: whole(1, MOST_GUESTS).optional(),
  tiers: listOf(tier, 'tiers', 20).min(1, { error: 'expected at least one tier' }),
  load,
  spread: share(0, 1).default(0),
  arrivals: choice(['poisson', 'even']).default('poisson'),
  queue: whole(1, 1_000_000).default(1000),
  latency: duration.default('200us'),
  sla: sla.optional(),
});

const memoryPoint = z.strictObject({ at: duration, used: size });

/** Returns the schema of a group of guests; `guest` and `migration` are the schemas of those keys. */
function groupOf<Guest extends z.ZodType, Migration extends z.ZodType>(
  guest: Guest,
  migration: Migration,
) {
  return z.strictObject({
    name,
    count: whole(1, MOST_GUESTS).optional(),
    host: name.optional(),
    cpus: amount('CPUs', true).optional(),
    guest,
    migration,
    memoryUse: listOf(memoryPoint, 'points').min(1, { error: 'expected a point' }).optional(),
  });
}

const reportPart = whole(0, 1_000_000);
const reportBytes = z.union(
  [
    reportPart,
    z.strictObject({
      outside: reportPart.default(178),
      memory: reportPart.default(60),
      requests: reportPart.default(50),
    }),
  ],
  {
    error: ({ input }) =>
      `expected a whole number from 0 to 1000000, or a map with outside, memory and requests, got ${formatValue(input)}`,
  },
);

const workingSet = z.strictObject({
  samples: whole(1, 10_000).default(100),
  period: positiveDuration.default('30s'),
  fault: duration.default('5us'),
});

const monitor = z.strictObject({
  interval: positiveDuration.default('10s'),
  window: whole(3, 10_000).default(200),
  reportBytes: reportBytes.default(288),
  sendReports: flag.default(false),
  cpuPerGuest: duration.default('0s'),
  dom0PerMB: duration.default('2ms'),
  workingSet: workingSet.optional(),
});

const hotspot = z.strictObject({
  threshold: share().default(0.75),
  k: whole(1, 100).default(3),
  n: whole(1, 100).default(5),
  predictionWindow: whole(1, 10_000).default(5),
});

const policyName = choice(FLEET_POLICY_NAMES);
const policyMap = z.looseObject({ kind: policyName });
const policy = z.union([policyName, policyMap, ownKindMap], {
  error: ({ input }) =>
    `expected ${FLEET_POLICY_NAMES.join(', ')}, a map with kind and options, or { module, export, options } of your own, got ${formatValue(input)}`,
});

function fleetOf<Group extends z.ZodType, Migration extends z.ZodType>(
  group: Group,
  migration: Migration,
) {
  return z.strictObject({
    name: text.optional(),
    seed: whole(0, Number.MAX_SAFE_INTEGER).default(DEFAULTS.seed),
    runtime: choice(['virtual']).default('virtual'),
    duration: positiveDuration,
    step: positiveDuration.default('1s'),
    fidelity: choice(['fluid', 'events']).default('fluid'),
    hosts: listOf(host, 'hosts', MOST_HOSTS).min(1, { error: 'expected at least one host' }),
    network: network.prefault({}),
    guests: listOf(group, 'guests', MOST_GUESTS).min(1, { error: 'expected at least one guest' }),
    placement: choice(['first-fit', 'best-fit', 'spread']).default('first-fit'),
    applications: listOf(application, 'applications', MOST_GUESTS).default([]),
    monitor: monitor.prefault({}),
    hotspot: hotspot.prefault({}),
    policy: policy.default('sandpiper-black'),
    parallel: parallel.prefault({}),
    migration,
    powerOff: flag.default(false),
    costs: scenarioSchema.shape.costs,
    verify: scenarioSchema.shape.verify,
  });
}

const keys = z.looseObject({});

/** This schema checks everything except `guest` and `migration`, which it passes as they are. */
export const fleetSchema = fleetOf(groupOf(keys, keys.optional()), keys.optional());

/** A fleet's file with its own defaults filled in, and with quantities as they were written. */
export type FleetFile = z.output<typeof fleetSchema>;

/** Returns the schema of a whole file, in which the keys `guest` and `migration` are those of scenarios. */
export function completeFleetSchema() {
  const { guest, migration } = scenarioSchema.shape;
  return fleetOf(groupOf(guest, migration.optional()), migration.optional());
}
