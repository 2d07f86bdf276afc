import type { Goal } from './judge.ts';
import type { RunOutcome } from './outcome.ts';

/** Runs are alike when their total times differ by at most this share, */
const TIME_SHARE = 0.02;
/** and their downtimes by at most this share, or so many milliseconds. */
const DOWNTIME_SHARE = 0.05;
const DOWNTIME_MS = 5;
/** And the shares of its work that the guest did not get done differ by at most this. */
const SLOWDOWN = 0.02;
/** A goal is far away from runs that it does not part when they are longer or shorter by this share. */
const MARGIN = 0.1;

/**
 * Returns whether runs of different guests all completed with nearly the same times, which are far from what a goal
 * allows: then the guests' differences don't matter, and more of them would not change the answer.
 */
export function areAlike(runs: readonly RunOutcome[], goal: Goal = {}): boolean {
  if (runs.length < 3 || !runs.every(({ isCompleted }) => isCompleted)) return false;
  const total = rangeOf(runs.map(({ totalTimeMs }) => totalTimeMs));
  const downtime = rangeOf(runs.map(({ downtimeMs }) => downtimeMs));
  const slowdown = rangeOf(runs.map((run) => run.slowdown));
  return (
    total.high - total.low <= TIME_SHARE * total.high &&
    downtime.high - downtime.low <= Math.max(DOWNTIME_MS, DOWNTIME_SHARE * downtime.high) &&
    slowdown.high - slowdown.low <= SLOWDOWN &&
    isFarFrom(total, goal.maxTotalTimeMs) &&
    isFarFrom(downtime, goal.maxDowntimeMs)
  );
}

interface Range {
  readonly low: number;
  readonly high: number;
}

const rangeOf = (values: readonly number[]): Range => ({
  low: Math.min(...values),
  high: Math.max(...values),
});

const isFarFrom = ({ low, high }: Range, limit = Infinity): boolean =>
  high <= (1 - MARGIN) * limit || low >= (1 + MARGIN) * limit;
