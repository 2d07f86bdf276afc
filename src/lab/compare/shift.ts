import { Generator } from '../../random/generator.ts';
import {
  type Effort,
  FULL_EFFORT,
  leastPermutationP,
  leastSignFlipP,
  median,
  permutationTest,
  signFlipTest,
} from '../statistics.ts';
import { type Center, centerOf, percentileInterval, replicatesOf } from './bootstrap.ts';

/** With fewer values than this, nothing can be said of their scatter. */
export const FEWEST_VALUES = 3;

/**
 * How far one sample lies from another. All numbers are on the scale of the values that were given: logarithms of
 * figures, where a ratio is meant, or the figures themselves.
 */
export interface Shift {
  /** Above 0 when the values after are larger. */
  readonly size: number;
  /** The 95 % percentile interval of the bootstrap. */
  readonly interval: readonly [low: number, high: number];
  /** The bootstrap's replicates of `size`. */
  readonly replicates: Float64Array;
  /** The probability that chance alone makes the values after at least this much larger, and at least this much smaller. */
  readonly pMore: number;
  readonly pLess: number;
  /** The smallest probability that so many values can give. */
  readonly leastP: number;
}

export interface ShiftOptions {
  readonly center?: Center;
  readonly effort?: Effort;
  /** Tell the random numbers of one shift from those of another. */
  readonly seeds?: readonly number[];
}

const SEED = 1;

/** Returns the shift of pairs of values from their differences, after less before. */
export function pairedShift(
  differences: readonly number[],
  { center = 'median', effort = FULL_EFFORT, seeds = [] }: ShiftOptions = {},
): Shift {
  const clipped = clip(differences);
  const replicates = replicatesOf(differences, center, new Generator(SEED, ...seeds));
  return {
    size: centerOf(differences, center),
    interval: percentileInterval(replicates),
    replicates,
    pMore: signFlipTest(clipped, SEED, effort),
    pLess: signFlipTest(
      clipped.map((value) => -value),
      SEED,
      effort,
    ),
    leastP: leastSignFlipP(differences.length, effort),
  };
}

/** Returns the shift between two independent samples: the difference of what stands for each of them. */
export function unpairedShift(
  before: readonly number[],
  after: readonly number[],
  { center = 'median', effort = FULL_EFFORT, seeds = [] }: ShiftOptions = {},
): Shift {
  const random = new Generator(SEED, ...seeds);
  const old = replicatesOf(before, center, random);
  const replicates = replicatesOf(after, center, random).map((value, i) => value - old[i]!);
  return {
    size: centerOf(after, center) - centerOf(before, center),
    interval: percentileInterval(replicates),
    replicates,
    pMore: permutationTest(before, after, SEED, effort),
    pLess: permutationTest(after, before, SEED, effort),
    leastP: leastPermutationP(before.length, after.length, effort),
  };
}

/**
 * Limits outliers, such as a run that the scheduler interrupted, to three times the median size. It
 * looks at sizes only, so that signs stay exchangeable, as the sign-flip test assumes.
 */
export function clip(differences: readonly number[]): number[] {
  const most = 3 * median(differences.map(Math.abs));
  // More than half of the differences are 0: then nothing tells an outlier.
  if (most === 0) return [...differences];
  return differences.map((value) => Math.max(-most, Math.min(most, value)));
}

/**
 * Returns Cliff's delta: how much more often a value after exceeds one before than the other way round, over all pairs
 * of one from each sample. From -1 to 1; below 0.147 it counts as negligible, below 0.33 as small, below 0.474 as
 * medium. Sources: Cliff (1993), Dominance statistics, Psychological Bulletin 114 (3); the marks are those of Romano
 * (2006) as R's effsize has them (https://www.rdocumentation.org/packages/effsize/versions/0.7.4/topics/cliff.delta).
 */
export function cliffsDelta(before: readonly number[], after: readonly number[]): number {
  const sorted = Float64Array.from(before).toSorted();
  let balance = 0;
  for (const value of after) {
    balance += placeIn(sorted, value, false) - (sorted.length - placeIn(sorted, value, true));
  }
  return balance / (before.length * after.length);
}

/** Returns how many of some sorted values are below a value, or at most as large. */
function placeIn(sorted: Float64Array, value: number, withEqual: boolean): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const isBefore = withEqual ? sorted[middle]! <= value : sorted[middle]! < value;
    if (isBefore) from = middle + 1;
    else to = middle;
  }
  return from;
}
