import { z } from 'zod';
import { positiveDuration, positiveSize, share, whole } from '../../../scenario/fields.ts';
import { parseDuration } from '../../../units/duration.ts';
import { parseSize } from '../../../units/size.ts';
import { ConsolidationPolicy, DrsPolicy, WatcherPolicy } from './operators.ts';
import type { FleetPolicy, PolicyFacts } from './policy.ts';
import { Sandpiper } from './sandpiper.ts';
import { loadAware, none, RandomPolicy } from './simple.ts';

/** A kind of policy: what it does, its options with their defaults, and how it is made of them. */
interface PolicyKind<Options extends z.ZodType = z.ZodType> {
  readonly about: string;
  readonly options: Options;
  /** What each of its options is. */
  readonly keys: Readonly<Record<string, string>>;
  readonly create: (options: z.output<Options>, facts: PolicyFacts) => FleetPolicy;
}

const kind = <Options extends z.ZodType>(of: PolicyKind<Options>): PolicyKind => of;

const nothing = z.strictObject({});

const sandpiper = (isGray: boolean): PolicyKind =>
  kind({
    about: isGray
      ? 'Sandpiper with monitors inside the VMs: hotspots by response times, drops and free memory, needs by λ_peak ÷ λ_cap.'
      : 'Sandpiper from outside the VMs: hotspots and needs by CPU, network and swap alone.',
    options: z.strictObject({
      percentile: share(0.5).default(0.95),
      delta: share().default(0.1),
      memoryStep: positiveSize.default('32MiB'),
      leastFree: positiveSize.default('32MiB'),
      trend: positiveDuration.default('120s'),
    }),
    keys: {
      percentile: 'the percentile of a profile that counts as its peak.',
      delta: 'what is added to the peak of a resource that a hot host has no room for, as a share.',
      memoryStep: 'the steps in which memory grows.',
      leastFree: 'less free memory than this is too little, seen from inside.',
      trend: "a host's load counts as what a trend of this length makes of it.",
    },
    create: ({ percentile, delta, memoryStep, leastFree, trend }) =>
      new Sandpiper(isGray, {
        percentile,
        delta,
        memoryStepBytes: parseSize(memoryStep),
        leastFreeBytes: parseSize(leastFree),
        trendNs: parseDuration(trend),
      }),
  });

/** The policies that come with the program, by name. */
export const FLEET_POLICIES: Readonly<Record<string, PolicyKind>> = {
  'sandpiper-black': sandpiper(false),
  'sandpiper-gray': sandpiper(true),
  random: kind({
    about: 'any VM of a hot host goes to any host with the memory for it.',
    options: nothing,
    keys: {},
    create: (_, { seed }) => new RandomPolicy(seed),
  }),
  'load-aware': kind({
    about:
      'the busiest VM of a hot host goes to the least busy host that stays below the threshold.',
    options: nothing,
    keys: {},
    create: () => loadAware,
  }),
  watcher: kind({
    about: "OpenStack Watcher's workload_balance, by means of CPU use over a period.",
    options: z.strictObject({
      threshold: share().default(0.75),
      period: positiveDuration.default('300s'),
    }),
    keys: {
      threshold: 'a host above it gives a VM away.',
      period: 'the means are taken over this time.',
    },
    create: ({ threshold, period }) => new WatcherPolicy(threshold, parseDuration(period)),
  }),
  drs: kind({
    about: "VMware DRS' rule: moves that lower the standard deviation of the hosts' loads.",
    options: z.strictObject({
      target: share().default(0.2),
      mostMoves: whole(1, 1000).default(5),
    }),
    keys: {
      target: 'the standard deviation that is good enough.',
      mostMoves: 'the most moves of one decision.',
    },
    create: ({ target, mostMoves }) => new DrsPolicy(target, mostMoves),
  }),
  consolidation: kind({
    about: 'the least busy host is emptied, to be switched off, as long as the others have room.',
    options: z.strictObject({ low: share().default(0.4), most: share().default(0.7) }),
    keys: {
      low: 'a host below it may be emptied.',
      most: 'the other hosts stay below it.',
    },
    create: ({ low, most }) => new ConsolidationPolicy(low, most),
  }),
  none: kind({
    about: 'nothing ever moves.',
    options: nothing,
    keys: {},
    create: () => none,
  }),
};

export const FLEET_POLICY_NAMES = Object.keys(FLEET_POLICIES) as [string, ...string[]];
