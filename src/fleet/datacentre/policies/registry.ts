import { z } from 'zod';
import {
  choice,
  duration,
  listOf,
  positiveDuration,
  positiveSize,
  share,
  text,
  whole,
} from '../../../scenario/fields.ts';
import type { Problem } from '../../../scenario/problem.ts';
import { parseDuration } from '../../../units/duration.ts';
import { parseSize } from '../../../units/size.ts';
import { type GuestGroupName, KnownNames, namesOf } from '../../group-names.ts';
import { membersCalled } from '../names.ts';
import { DrainPolicy } from './drain.ts';
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
  /** Returns what is wrong with options that name hosts, with paths below the options; absent: none does. */
  readonly check?: (options: z.output<Options>, hosts: readonly GuestGroupName[]) => Problem[];
  /** Returns options in which each name of a group of hosts has given way to those of its hosts. */
  readonly bind?: (
    options: z.output<Options>,
    hosts: readonly GuestGroupName[],
  ) => z.output<Options>;
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

/** The policies that decide by what they see alone, by name. */
const WATCHING: Readonly<Record<string, PolicyKind>> = {
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

const drain = kind({
  about: 'hosts are emptied for maintenance and get nothing back; another policy watches the rest.',
  options: z.strictObject({
    hosts: listOf(
      z.strictObject({ name: text, at: duration.default('0s') }),
      'hosts such as [{ name: pm-1, at: 60s }]',
    ).min(1, { error: 'expected at least one host' }),
    placement: choice(['first-fit', 'best-fit', 'spread']).default('spread'),
    others: choice(Object.keys(WATCHING) as [string, ...string[]]).default('none'),
  }),
  keys: {
    hosts: 'the hosts or groups of hosts by `name`, each with the time `at` which it is emptied.',
    placement:
      'which of the other hosts a guest goes to: the first, the fullest or the least busy.',
    others: 'the policy that watches the hosts that are left, with its defaults.',
  },
  create: ({ hosts, placement, others }, facts) => {
    const { options, create } = WATCHING[others]!;
    return new DrainPolicy(
      hosts.map(({ name, at }) => ({ name, atNs: parseDuration(at) })),
      placement,
      create(options.parse({}), facts),
    );
  },
  check: ({ hosts }, groups) => {
    const names = groups.flatMap((group) => [group.name, ...namesOf(group)]);
    const known = new KnownNames('host', [...new Set(names)]);
    return hosts.flatMap(({ name }, index) => known.check(name, ['hosts', index, 'name']));
  },
  bind: (options, groups) => ({
    ...options,
    hosts: options.hosts.flatMap(({ name, at }) =>
      membersCalled(groups, name)!.map((one) => ({ name: one, at })),
    ),
  }),
});

/** The policies that come with the program, by name. */
export const FLEET_POLICIES: Readonly<Record<string, PolicyKind>> = { ...WATCHING, drain };

export const FLEET_POLICY_NAMES = Object.keys(FLEET_POLICIES) as [string, ...string[]];
