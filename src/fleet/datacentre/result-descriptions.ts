import { RESULT_DESCRIPTIONS } from '../../result/descriptions.ts';
import { below, type Descriptions } from '../../scenario/descriptions.ts';

const TOTALS: Descriptions = {
  totals: 'sums over the whole fleet.',
  'totals.migrations': 'migrations that have begun.',
  'totals.moved': 'those of them that have moved their guests.',
  'totals.swaps': 'swaps of guests, each of which is several migrations.',
  'totals.refusedMoves':
    'moves that the policy had planned and that could not be made, for want of memory or after a move that failed.',
  'totals.overloadedIntervals': 'intervals of all hosts with CPU or network above the threshold.',
  'totals.sustainedIntervals':
    'those that are part of a run of more than hotspot.k such intervals in a row.',
  'totals.downtimeMs': 'the downtime of all migrations.',
  'totals.migrationBytes': 'bytes of all frames of all migrations, from source to target.',
  'totals.violationMs':
    'for how long service-level agreements were violated, over all applications.',
  'totals.violationMigratingMs': 'the part of it during which a guest of the application migrated.',
  'totals.cost': 'what these violations cost.',
  'totals.dropped': 'requests that were dropped.',
  'totals.energyWh': 'what all hosts have drawn from the mains.',
  'totals.monitoringBytes': 'bytes of all reports of monitors.',
  'totals.monitoringCpuMs': "CPU time of all hosts for monitors, which is part of dom0's.",
};

const HOSTS: Descriptions = {
  hosts: 'the hosts, in the order of the file.',
  'hosts[].name': 'its name.',
  'hosts[].rack': 'its rack.',
  'hosts[].cluster': 'its cluster.',
  'hosts[].cpus': 'how many CPUs it has; absent when they are unlimited.',
  'hosts[].memoryBytes': 'its memory.',
  'hosts[].guests': 'how many guests are on it at the end.',
  'hosts[].meanCpu': 'the share of its CPUs in use on average.',
  'hosts[].maxCpu': 'the share in use in the busiest interval.',
  'hosts[].overloadedIntervals': 'intervals with its CPUs or network card above the threshold.',
  'hosts[].sustainedIntervals':
    'those that are part of a run of more than hotspot.k such intervals in a row.',
  'hosts[].dom0CpuMs': 'CPU time for the network traffic of its guests, and for monitors.',
  'hosts[].migrationCpuMs': 'CPU time of senders and receivers of migrations.',
  'hosts[].energyWh': 'what it has drawn from the mains.',
  'hosts[].seriesCpu': 'the share of its CPUs in use in each interval.',
  'hosts[].seriesNet': 'the share of its network card that applications use in each interval.',
  'hosts[].seriesMemory': 'the share of its memory that guests have at the end of each interval.',
};

const GUESTS: Descriptions = {
  guests: 'the guests, in the order of the file.',
  'guests[].name': 'its name.',
  'guests[].host': 'the host that it is on at the end.',
  'guests[].cpus': 'how many CPUs it may use at the end.',
  'guests[].memoryBytes': 'its memory at the end.',
  'guests[].cpuMs': 'the CPU time that it has had.',
  'guests[].stoppedMs': 'how long its vCPUs stood still for migrations, to within 10 ms each.',
  'guests[].migrations': 'how many times it has begun to migrate.',
  'guests[].workingSetBytes':
    'the last estimate of how much of its memory it uses; absent unless monitor.workingSet is there.',
  'guests[].swapWrittenBytes': 'what it has written to its swap device.',
  'guests[].seriesCpu':
    "the share of its host's CPUs in each interval, dom0's work for it included; absent in fleets of more than 200 guests.",
  'guests[].seriesHost':
    'the index of its host at the end of each interval; absent in fleets of more than 200 guests.',
  'guests[].seriesMemoryBytes':
    'its memory at the end of each interval; absent in fleets of more than 200 guests.',
};

const APPLICATIONS: Descriptions = {
  applications: 'the applications, in the order of the file.',
  'applications[].name': 'its name.',
  'applications[].offered': 'requests that came.',
  'applications[].served': 'requests that were answered.',
  'applications[].dropped': 'requests that found too many others waiting.',
  'applications[].droppedMigrating': 'those dropped while one of its guests migrated.',
  'applications[].queued':
    'requests that are in it at the end, at its guests or on their way between tiers.',
  'applications[].responseMs': 'how long requests took, from the user and back.',
  'applications[].responseMs.mean': 'the mean.',
  'applications[].responseMs.p50': 'the median, to within 5 %.',
  'applications[].responseMs.p99': 'the 99th percentile, to within 5 %.',
  'applications[].responseMs.p99Migrating':
    'the 99th percentile of requests answered in steps in which one of its guests migrated; absent when none did.',
  'applications[].responseMs.p99Outside':
    'the 99th percentile of all other requests; absent when none of its guests migrated.',
  'applications[].violationMs': 'for how long its service-level agreement was violated.',
  'applications[].violationMigratingMs': 'the part of it during which one of its guests migrated.',
  'applications[].cost': 'what these violations cost.',
  'applications[].series': 'its figures over time.',
  'applications[].series.servedPerSecond': 'requests served a second in each interval.',
  'applications[].series.responseMs':
    'the mean response time in each interval; null when none was served.',
  'applications[].series.p99Ms': 'the 99th percentile of the worst step of each interval.',
};

const DECISIONS: Descriptions = {
  decisions: 'what the policy has found and decided, in the order of time.',
  'decisions[].atMs': 'when.',
  'decisions[].hotspots': 'what was too busy.',
  'decisions[].hotspots[].host': 'the host.',
  'decisions[].hotspots[].guest': 'the guest, where the policy looks into guests.',
  'decisions[].hotspots[].resource': 'the resource, or what requests suffered from.',
  'decisions[].moves': 'the migrations that were to be made, in their order.',
  'decisions[].moves[].guest': 'the guest.',
  'decisions[].moves[].to': 'its target.',
  'decisions[].moves[].cpus':
    'how many CPUs the guest may use from then on; absent: as many as before.',
  'decisions[].resizes':
    'the guests that were to have another amount of memory, or another number of CPUs, where they are.',
  'decisions[].resizes[].guest': 'the guest.',
  'decisions[].resizes[].memoryBytes': 'its memory from then on; absent: as before.',
  'decisions[].resizes[].cpus': 'how many CPUs it may use from then on; absent: as before.',
  'decisions[].swaps': 'how many swaps are among the moves.',
  'decisions[].isPartial': 'whether hotspots were left for which nothing could be done.',
};

const MIGRATIONS: Descriptions = {
  migrations: 'the migrations, in the order in which they began.',
  'migrations[].guest': 'the guest.',
  'migrations[].from': 'its source.',
  'migrations[].to': 'its target.',
  'migrations[].startMs': 'when it began.',
  'migrations[].endMs': 'when it was over.',
  'migrations[].outcome': 'how it ended.',
  'migrations[].downtimeMs': 'how long the guest stood still; absent when it did not.',
  'migrations[].bytes': 'bytes of all frames from source to target.',
  'migrations[].run':
    'its result, as a run of this guest alone would have it; absent when the fleet was stopped before its proof.',
  ...below('migrations[].run', below('.', RESULT_DESCRIPTIONS)),
};

/** The fields of `pageferry/fleet@1`. */
export const FLEET_RESULT_DESCRIPTIONS: Descriptions = {
  schema: 'the name and the version of this format.',
  version: 'the version of the program.',
  scenario: 'the file with its defaults; it can be run again as it is.',
  runtime: 'as the file says.',
  clock: 'the clock on which times were measured.',
  outcome:
    "completed: the fleet has lived for its duration; cancelled: a person ended it before; failed: a policy of the user's own did.",
  reason: 'what was wrong with that policy; absent otherwise.',
  policy: 'the policy that decided.',
  durationMs:
    'how long the fleet lived: its duration, or longer when a migration was under way at its end.',
  intervalMs: 'the interval of all series.',
  ...TOTALS,
  ...HOSTS,
  ...GUESTS,
  ...APPLICATIONS,
  ...DECISIONS,
  ...MIGRATIONS,
  links: 'the links: network cards, racks, clusters, in either direction.',
  'links[].name': 'its name.',
  'links[].bytesPerSecond': 'its capacity; absent when that is unlimited.',
  'links[].migrationBytes': 'bytes of migrations over it.',
  'links[].applicationBytes': 'bytes of applications over it.',
  'links[].monitoringBytes':
    "bytes of monitors' reports over it; none unless monitor.sendReports is true.",
  ok: 'whether all migrations that were proved are byte for byte right; absent when none was proved.',
};
