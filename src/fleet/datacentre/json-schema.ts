import { z } from 'zod';
import {
  below,
  COST_DESCRIPTIONS,
  type Descriptions,
  describeKeys,
  GUEST_DESCRIPTIONS,
  type JsonSchema,
  MIGRATION_DESCRIPTIONS,
  SCENARIO_DESCRIPTIONS,
} from '../../scenario/descriptions.ts';
import { FLEET_POLICIES } from './policies/registry.ts';
import { completeFleetSchema } from './schema.ts';

const DISTRIBUTION: Descriptions = {
  '.kind': 'the distribution.',
  '.mean': 'the mean of all draws.',
  '.low': 'the least value.',
  '.high': 'the largest value.',
  '.cv': 'the standard deviation ÷ the mean.',
  '.shape': 'the exponent of the tail: the larger, the thinner.',
};

const LOAD: Descriptions = {
  '': 'how many requests come.',
  '.kind': 'how the load changes over time.',
  '.rate': 'requests a second.',
  '.points': 'the requests a second over time.',
  '.points[].at': 'from when on.',
  '.points[].rate': 'the requests a second.',
  '.ramp': 'whether the rate goes straight from one point to the next; otherwise it holds.',
  '.low': 'the least requests a second, at the beginning of a period.',
  '.high': 'the most requests a second, in the middle of a period.',
  '.period': 'how long a period is.',
  '.randomPhase': 'whether each application begins at a time of its own in the period.',
  '.base': 'the requests a second between bursts.',
  '.peak': 'the requests a second in a burst.',
  '.length': 'how long a burst is, at the end of each period.',
  '.users': 'so many users send a request each, wait for its response, and think.',
  '.think': 'how long they think on average.',
};

/** The keys of a fleet, those of its guests and migrations among them. */
export const FLEET_DESCRIPTIONS: Descriptions = {
  name: 'what the fleet is called in results.',
  seed: 'the seed of all that is drawn at random.',
  runtime: 'virtual: a deterministic clock.',
  duration: 'how long the fleet lives.',
  step: 'the interval at which loads change and agreements are looked at.',
  fidelity: 'events: every request is one; fluid: flows and formulas, for thousands of guests.',
  hosts: 'the hosts, in groups of equal ones.',
  'hosts[].name': 'the name of the host; the hosts of a group are numbered.',
  'hosts[].count': 'how many equal hosts there are; absent: one.',
  'hosts[].cpus': 'the number of CPUs that guests, dom0 and migrations share, or unlimited.',
  'hosts[].memory': 'the memory for guests.',
  'hosts[].nic': 'the bandwidth of the network card in each direction, or unlimited.',
  'hosts[].rack': 'the rack that it is in.',
  'hosts[].cluster': 'the cluster that the rack is in.',
  'hosts[].isScratch': 'whether it is kept free for the first half of swaps.',
  'hosts[].idleWatts': 'what it draws when it is idle.',
  'hosts[].peakWatts': 'what it draws when all CPUs are busy.',
  network: 'the links above the hosts.',
  'network.rack': "the bandwidth from a rack's switch to its cluster's, each way, or unlimited.",
  'network.cluster': "the bandwidth from a cluster's switch to the router, each way, or unlimited.",
  'network.latency': "how long a migration's message takes one way.",
  guests: 'the guests, in groups of equal ones.',
  'guests[].name': 'the name of the guest; the guests of a group are numbered.',
  'guests[].count': 'how many equal guests there are; absent: one.',
  'guests[].host': 'the host that they are on at first; absent: as placement says.',
  'guests[].cpus':
    'the CPUs that they may use at first, at most guest.vcpus, to which a policy may let them grow; a fraction of one is a share of its time; absent: as many as vCPUs.',
  ...below('guests[].guest', GUEST_DESCRIPTIONS),
  ...below('guests[].migration', MIGRATION_DESCRIPTIONS),
  'guests[].migration': "how these guests migrate; each key replaces the file's own.",
  'guests[].memoryUse':
    'the memory in use over time, of which it swaps what it has no room for; absent: all of it, without swapping.',
  'guests[].memoryUse[].at': 'the time of the point.',
  'guests[].memoryUse[].used': 'how much is in use then; between two points it grows straight.',
  placement: 'which host a guest without one goes to: the first, the fullest or the emptiest.',
  applications: 'what the guests serve.',
  'applications[].name': 'its name; the applications of a group are numbered.',
  'applications[].count':
    'how many equal applications there are, which share the guests of the tiers out; absent: one.',
  'applications[].tiers': 'the tiers that each request passes, one after another.',
  'applications[].tiers[].guests': 'the group of guests, or the one guest, of the tier.',
  'applications[].tiers[].service': 'the CPU time of a request: a duration or a distribution.',
  ...below('applications[].tiers[].service', DISTRIBUTION),
  'applications[].tiers[].response': 'the bytes of an answer: a size or a distribution.',
  ...below('applications[].tiers[].response', DISTRIBUTION),
  'applications[].tiers[].pagesPerRequest':
    'the page accesses of a request; the workload of its guest says which pages.',
  ...below('applications[].load', LOAD),
  'applications[].spread':
    'the loads of the applications of a group differ by this share at most, either way.',
  'applications[].arrivals': 'poisson: at random times; even: evenly spaced.',
  'applications[].queue': 'a guest drops a request that finds so many there.',
  'applications[].latency': 'how long a message takes from users to guests, and between tiers.',
  'applications[].sla': 'what its users have been promised; absent: nothing.',
  'applications[].sla.requests': 'so many requests a second are served, if as many come.',
  'applications[].sla.p99': '99 % of the requests of each step are answered within it.',
  'applications[].sla.mean': 'the requests of each step are answered within it on average.',
  'applications[].sla.costPerMinute': 'what a minute costs in which a promise is not kept.',
  monitor: 'how hosts and guests are watched.',
  'monitor.interval': 'how often readings are taken.',
  'monitor.window': 'how many of the last readings make up a profile.',
  'monitor.reportBytes':
    "the bytes of a guest's report in each interval: a number, or a map of its parts.",
  'monitor.reportBytes.outside': 'what is seen from outside, of every guest.',
  'monitor.reportBytes.memory': 'memory seen from inside, of guests with memoryUse.',
  'monitor.reportBytes.requests': 'requests seen from inside, of guests that serve some.',
  'monitor.sendReports':
    'whether reports go over the links from the hosts to the router; otherwise they are only counted.',
  'monitor.cpuPerGuest': 'the CPU time of a host for the readings of a guest in each interval.',
  'monitor.dom0PerMB': 'the CPU time of a host for each MB that its guests send.',
  'monitor.workingSet':
    'how the working sets of guests are estimated: pages picked at random are taken away, and those that a guest touches are counted; absent: they are not.',
  'monitor.workingSet.samples': 'how many pages of a guest are taken away in a period.',
  'monitor.workingSet.period': 'how long a period is.',
  'monitor.workingSet.fault':
    'the CPU time of a host for each of these pages that a guest touches.',
  hotspot: 'when a host counts as too busy.',
  'hotspot.threshold': 'the share of its CPUs or network card above which it may be.',
  'hotspot.k': 'so many of the last readings have to be above it.',
  'hotspot.n': 'how many of the last readings are looked at.',
  'hotspot.predictionWindow': 'the reading that comes next is predicted from so many of the last.',
  policy: 'what decides which guest moves: its name, a map with its options, or one of your own.',
  'policy.kind': 'the name of a policy.',
  'policy.module':
    "the file of the module, relative to the fleet's file, or the name of a package.",
  'policy.export': 'the name of the function that the module exports, which makes the policy.',
  'policy.options': 'what the function gets besides the facts of the fleet.',
  parallel: 'how many guests migrate at a time.',
  'parallel.preset': 'the manager whose limits hold; absent: only what follows is limited.',
  'parallel.outgoing':
    'the most migrations that leave a host, or unlimited; absent: as the preset says.',
  'parallel.incoming':
    'the most migrations that come to a host, or unlimited; absent: as the preset says.',
  'parallel.cluster': 'the most migrations in all, or unlimited; absent: as the preset says.',
  'parallel.inBatches':
    'whether the next ones start only when all of a batch are over; absent: as the preset says.',
  ...below('migration', MIGRATION_DESCRIPTIONS),
  migration: 'how all guests migrate, unless they say otherwise.',
  powerOff: 'whether a host without guests is switched off and draws nothing.',
  ...below('costs', COST_DESCRIPTIONS),
  verify: SCENARIO_DESCRIPTIONS['verify']!,
};

/** Returns the JSON schema (draft 7) of fleets as they are written, for editors; every key has a description. */
export function fleetJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(completeFleetSchema(), { io: 'input', target: 'draft-7' });
  return { ...describeKeys(schema as JsonSchema, FLEET_DESCRIPTIONS), title: 'Pageferry fleet' };
}

/** Returns the names of the policies that come with the program, what each does, and its options. */
export const fleetPolicies = (): readonly {
  readonly name: string;
  readonly about: string;
  readonly keys: Readonly<Record<string, string>>;
}[] => Object.entries(FLEET_POLICIES).map(([name, { about, keys }]) => ({ name, about, keys }));
