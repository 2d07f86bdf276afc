import { InputError } from '../../scenario/input-error.ts';
import { leastPermutationP, leastSignFlipP } from '../statistics.ts';
import type { BenchOutcome } from './outcome.ts';

/** What decides whether a comparison could show a change at all. */
export interface PowerParts {
  readonly bench: string;
  /** How many runs each version makes. */
  readonly runs: number;
  /** True when the versions take turns, so that pairs of runs are compared. */
  readonly isPaired: boolean;
  /** The accepted probability of a false alarm, over all metrics together. */
  readonly alpha: number;
}

/** Returns how many metrics of a run a comparison judges. */
export const judgedMetrics = ({ metrics }: BenchOutcome): number =>
  metrics.filter(({ isFact }) => isFact !== true).length;

/**
 * Throws InputError when no change among so many metrics, however large, could be significant. Without a number of
 * metrics, which only a run tells, it asks whether the runs would do for a single one.
 */
export function checkPower(parts: PowerParts, metrics?: number): void {
  const { runs, isPaired, alpha } = parts;
  const leastP = isPaired ? leastSignFlipP(runs) : leastPermutationP(runs, runs);
  // Holm's method multiplies the smallest p by the number of metrics.
  if (leastP * (metrics ?? 1) < alpha) return;
  throw powerless(parts, metrics);
}

/** Returns the error that no change could be significant; it says how many runs would do, if any number does. */
export function powerless(
  { bench, runs, isPaired, alpha }: PowerParts,
  metrics?: number,
): InputError {
  const among = metrics === undefined ? '' : ` among ${metrics} metrics`;
  const enough = isPaired ? fewestRuns(metrics ?? 1, alpha) : undefined;
  const more = enough === undefined || enough <= runs ? '' : `take --runs ${enough} or more, `;
  const sentence = `${runs} runs can't show any change${among} at alpha ${alpha}: ${more}measure less, or allow a larger --alpha`;
  return new InputError([{ place: `bench ${bench}`, key: '', sentence }]);
}

/** The number of pairs at which a test of signs can return its smallest p. */
const MOST_PAIRS = 20;

/** Returns the fewest pairs of runs that can show a change; undefined when no number of them can. */
function fewestRuns(metrics: number, alpha: number): number | undefined {
  for (let runs = 1; runs <= MOST_PAIRS; runs++) {
    if (leastSignFlipP(runs) * metrics < alpha) return runs;
  }
  return undefined;
}
