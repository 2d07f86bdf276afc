import { accessesAt } from '../../result/timeline.ts';
import type { RunReport } from '../../runtime/report.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, type OnRun, runOf } from './result-of.ts';

/** Figure 8: what clients get, Mbit/s, before, during the first round, and during the further ones. */
const MBIT = { before: 870, firstRound: 765, furtherRounds: 694 };
const FIRST = { mib: 776, seconds: 62 };
const FURTHER_SECONDS = 9.8;
const DOWNTIME_MS = 165;
const GOAL = 0.1;
/** Of the timeline that is drawn. */
const PERIOD_NS = 0.5e9;

/** A guest's accesses stand for what it serves: all of them for what clients get before the migration. */
export async function clarkWebserver(onRun: OnRun, { load }: Given): Promise<Figures> {
  const { report, result } = await runOf(load());
  onRun(1, 1);
  const { startNs, endNs } = report.source;
  const [first, second] = result.rounds;
  const stopped = result.rounds.at(-1)!;
  const at = (ms: number): number => startNs + ms * 1e6;
  const served = servedBy(report, startNs);
  const furtherNs = [at(second!.startMs), at(stopped.startMs)] as const;
  const point = (from: number, to: number, paper: number) =>
    pointOf((from + to) / 2e9, paper, served(from, to), { goal: GOAL });
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
      drawn(served, endNs + 10e9),
      whole('round 1, MiB', FIRST.mib, first!.bytes / 2 ** 20),
      whole('round 1, s', FIRST.seconds, first!.durationMs / 1000),
      whole('further rounds, s', FURTHER_SECONDS, (furtherNs[1] - furtherNs[0]) / 1e9),
      whole('downtime, ms', DOWNTIME_MS, result.downtimeMs!),
    ],
  };
}

type Served = (fromNs: number, toNs: number) => number;

/** Mean of what clients get between two times, Mbit/s. */
function servedBy({ guest: { timeline } }: RunReport, startNs: number): Served {
  const perNs = (fromNs: number, toNs: number): number =>
    (accessesAt(timeline, toNs) - accessesAt(timeline, fromNs)) / (toNs - fromNs);
  const whole = perNs(startNs / 2, startNs);
  return (fromNs, toNs) => (MBIT.before * perNs(fromNs, toNs)) / whole;
}

function drawn(served: Served, endNs: number): OutcomeSeries {
  const periods = Math.floor(endNs / PERIOD_NS) - 1;
  return {
    name: 'every half second',
    isUnverified: false,
    isDrawnOnly: true,
    points: Array.from({ length: periods }, (_, i) => {
      const from = (i + 0.5) * PERIOD_NS;
      return pointOf((from + PERIOD_NS / 2) / 1e9, null, served(from, from + PERIOD_NS));
    }),
  };
}
