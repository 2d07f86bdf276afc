import { accessesAt } from '../../result/timeline.ts';
import type { RunReport } from '../../runtime/report.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, type OnRun, runOf } from './result-of.ts';

/** Figure 8 of Clark et al. 2005: the Mbit/s that clients receive before and during the migration. */
const MBIT = { before: 870, firstRound: 765, furtherRounds: 694 };
const FIRST = { mib: 776, seconds: 62 };
const FURTHER_SECONDS = 9.8;
const DOWNTIME_MS = 165;
const GOAL = 0.1;
/** The interval of the timeline that the chart shows. */
const PERIOD_NS = 0.5e9;

/**
 * Compares the throughput of a web server in a migration. The guest's rate of accesses stands for it:
 * the rate before the migration stands for the paper's throughput before it.
 */
export async function clarkWebserver(onRun: OnRun, { load }: Given): Promise<Figures> {
  const { report, result } = await runOf(load());
  onRun(1, 1);
  const { startNs, endNs } = report.source;
  const [first, second] = result.rounds;
  const stopped = result.rounds.at(-1)!;
  const at = (ms: number): number => startNs + ms * 1e6;
  const throughput = throughputOf(report, startNs);
  const furtherNs = [at(second!.startMs), at(stopped.startMs)] as const;
  const point = (from: number, to: number, paper: number) =>
    pointOf((from + to) / 2e9, paper, throughput(from, to), { goal: GOAL });
  const whole = (name: string, paper: number, ours: number): OutcomeSeries => ({
    name,
    isAside: true,
    isUnverified: false,
    goal: GOAL,
    points: [pointOf(endNs / 1e9, paper, ours, { goal: GOAL })],
  });
  return {
    x: { label: 'time', unit: 's', log: false },
    y: { label: 'clients get', unit: 'Mbit/s', log: false },
    series: [
      {
        name: 'mean of a phase',
        isUnverified: false,
        goal: GOAL,
        isMarksOnly: true,
        points: [
          point(startNs / 2, startNs, MBIT.before),
          point(at(first!.startMs), at(second!.startMs), MBIT.firstRound),
          point(...furtherNs, MBIT.furtherRounds),
        ],
      },
      timelineSeries(throughput, endNs + 10e9),
      whole('round 1, MiB', FIRST.mib, first!.bytes / 2 ** 20),
      whole('round 1, s', FIRST.seconds, first!.durationMs / 1000),
      whole('further rounds, s', FURTHER_SECONDS, (furtherNs[1] - furtherNs[0]) / 1e9),
      whole('downtime, ms', DOWNTIME_MS, result.downtimeMs!),
    ],
  };
}

type Throughput = (fromNs: number, toNs: number) => number;

/** Returns a function that computes the mean Mbit/s that clients receive between two times. */
function throughputOf({ guest: { timeline } }: RunReport, startNs: number): Throughput {
  const perNs = (fromNs: number, toNs: number): number =>
    (accessesAt(timeline, toNs) - accessesAt(timeline, fromNs)) / (toNs - fromNs);
  const whole = perNs(startNs / 2, startNs);
  return (fromNs, toNs) => (MBIT.before * perNs(fromNs, toNs)) / whole;
}

/** Returns the throughput of every period up to a time, for the chart alone. */
function timelineSeries(throughput: Throughput, endNs: number): OutcomeSeries {
  const periods = Math.floor(endNs / PERIOD_NS) - 1;
  return {
    name: 'every half second',
    isUnverified: false,
    isDrawnOnly: true,
    points: Array.from({ length: periods }, (_, i) => {
      const from = (i + 0.5) * PERIOD_NS;
      return pointOf((from + PERIOD_NS / 2) / 1e9, null, throughput(from, from + PERIOD_NS));
    }),
  };
}
