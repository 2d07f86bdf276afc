import { RESULT_DESCRIPTIONS } from '../../result/descriptions.ts';
import { below, type Descriptions } from '../../scenario/descriptions.ts';

const GUESTS: Descriptions = {
  guests: 'one entry for each guest, in the order of the file.',
  'guests[].name': 'its name.',
  'guests[].source': 'the host that it left, or should have left.',
  'guests[].target':
    'the host that it went to, or should have gone to; absent when its migration never began.',
  'guests[].outcome': 'the outcome of its migration; waiting: it never began.',
  'guests[].waitingMs': 'until its migration began, or until the end when it never did.',
  'guests[].startMs': 'when its migration began.',
  'guests[].endMs': 'when its migration was over.',
  'guests[].deadlineMs': 'by when it had to be gone; absent: there was no hurry.',
  'guests[].missedDeadline': 'whether it had not moved by then; only with a deadline.',
  'guests[].wasForced': 'whether onDiverged ended its migration.',
  'guests[].slowdown':
    'the share of the accesses that it would have made at its rate before, and did not get to make while it migrated, its downtime among them.',
  'guests[].run': 'the result of its migration, as a run of this guest alone would have it.',
  ...below('guests[].run', below('.', RESULT_DESCRIPTIONS)),
};

const LINKS: Descriptions = {
  links: 'the links between the hosts.',
  'links[].name': 'its name.',
  'links[].bytesPerSecond': 'its capacity; absent when that is unlimited.',
  'links[].meanBytesPerSecond': 'how much it carried on average.',
  'links[].maxBytesPerSecond': 'how much it carried in the busiest period.',
  'links[].meanUse': 'the mean as a share of the capacity.',
  'links[].maxUse': 'the maximum as a share of the capacity.',
  'links[].seriesBytesPerSecond': 'how much it carried in each period.',
};

const HOSTS: Descriptions = {
  hosts: 'the hosts, in the order of the file.',
  'hosts[].name': 'its name.',
  'hosts[].cpus': 'how many CPUs it has; absent when they are unlimited.',
  'hosts[].meanCpus': 'the CPUs in use on average; only with runtime virtual.',
  'hosts[].maxCpus': 'the CPUs in use in the busiest period; only with runtime virtual.',
  'hosts[].seriesCpus': 'the CPUs in use in each period; only with runtime virtual.',
};

/** The fields of `pageferry/evacuation@1`. */
export const EVACUATION_RESULT_DESCRIPTIONS: Descriptions = {
  schema: 'the name and the version of this format.',
  version: 'the version of the program.',
  scenario: 'the file with its defaults; it can be run again as it is.',
  ...Object.fromEntries(
    Object.entries(RESULT_DESCRIPTIONS).filter(
      ([key]) => key === 'host' || key.startsWith('host.'),
    ),
  ),
  runtime: 'as the file says.',
  clock: 'the clock on which times were measured.',
  source: 'the host that was emptied.',
  limits: 'the limits of parallel migrations that held; one that is absent is unlimited.',
  'limits.outgoing': 'the most migrations that leave a host.',
  'limits.incoming': 'the most migrations that come to a host.',
  'limits.cluster': 'the most migrations in all.',
  'limits.inBatches': 'whether the next ones start only when all of a batch are over.',
  emptied: 'whether every guest has left.',
  makespanMs: 'until the last migration was over.',
  outcomes: 'how many guests there are of each outcome.',
  'outcomes.completed': 'guests that have moved.',
  'outcomes.cancelled': 'guests whose migration a person cancelled.',
  'outcomes.diverged': 'guests whose migration did not converge.',
  'outcomes.failed': 'guests whose migration failed.',
  'outcomes.waiting': 'guests whose migration never began.',
  forced: 'how many migrations onDiverged ended.',
  missedDeadlines: 'how many guests were too late.',
  downtimeMs: 'the downtime of the guests that were stopped to move; absent when none was.',
  'downtimeMs.sum': 'all of it.',
  'downtimeMs.median': 'its median.',
  'downtimeMs.max': 'the longest one.',
  waitingMs: "from the evacuation's start until a guest's migration began.",
  'waitingMs.mean': 'its mean.',
  'waitingMs.max': 'the longest one.',
  slowdown: 'the slowdown of the guests; absent when none of them made accesses.',
  'slowdown.mean': 'its mean.',
  'slowdown.max': 'the largest one.',
  bytes: 'bytes of all frames of all migrations, from source to target.',
  references:
    'what went as references to equal pages, in all migrations; absent when none has the encoding reference.',
  'references.pages': 'pages sent as references, each as often as it was.',
  'references.bytes': 'bytes of the frames of references.',
  'references.missedPages': 'references that did not hold, so that the page itself was sent.',
  'references.tables': 'what the source remembers of the pages that it has sent, for each target.',
  'references.tables[].target': 'the host to which the pages were sent.',
  'references.tables[].pageSize': 'bytes of a page.',
  'references.tables[].entries': 'how many pages it knows at the end.',
  'references.tables[].bytes': 'bytes of memory that it takes.',
  'references.tables[].bytesPerEntry':
    'the same for each page that it knows; absent when it knows none.',
  timeline: 'how many migrations were under way over time.',
  'timeline.periodMs': 'the period of all series.',
  'timeline.migrations': 'migrations under way in each period, on average.',
  ...LINKS,
  ...HOSTS,
  ...GUESTS,
};
