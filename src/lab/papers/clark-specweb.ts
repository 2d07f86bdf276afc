import { clarkLadder, limitsOf, LIMITS, SENT_MB, STOPS_AFTER } from './clark-ladder.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, type OnRun, resultOf } from './result-of.ts';
import { sentSeries, wholeSeries } from './rounds-of.ts';

/** Figure 9 of Clark et al. 2005: the MB of the last, stopped round, and figures of the whole migration. */
const LAST_MB = 18.2;
const TOTAL = { mib: 960, seconds: 71, downtimeMs: 210 };
const GOAL = 0.1;

/** Migrates an emulated SPECweb99 guest under the policy of 2005, and feeds that policy the figure's rounds. */
export async function clarkSpecweb(onRun: OnRun, { load }: Given): Promise<Figures> {
  const result = await resultOf(load());
  onRun(1, 1);
  const limits = limitsOf(result.rounds);
  const ladder: OutcomeSeries = {
    name: 'rate limit, Mbit/s, in the run',
    isAside: true,
    isUnverified: true,
    goal: GOAL,
    points: limits.map((rate, i) => pointOf(i + 1, LIMITS[i] ?? null, rate, { goal: GOAL })),
  };
  const whole = (name: string, paper: number, ours: number): OutcomeSeries =>
    wholeSeries(name, result, [paper, ours], GOAL);
  return {
    x: { label: 'round', log: false },
    y: { label: 'sent', unit: 'MiB', log: true },
    series: [
      sentSeries(result, [...SENT_MB, LAST_MB], GOAL),
      ladder,
      whole('stops after round', STOPS_AFTER, limits.length),
      whole('total, MiB', TOTAL.mib, result.ram.transferred / 2 ** 20),
      whole('total time, s', TOTAL.seconds, result.totalTimeMs / 1000),
      whole('downtime, ms', TOTAL.downtimeMs, result.downtimeMs!),
      ...clarkLadder(),
    ],
  };
}
