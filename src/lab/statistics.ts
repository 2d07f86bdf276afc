import { Generator } from '../random/generator.ts';

/** The five-number summary of a sample. */
export interface Quartiles {
  readonly min: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly max: number;
}

/**
 * Returns the value below which share `p` (0 to 1) of a sample lies, with linear interpolation between
 * neighbours (R's type 7). Throws RangeError for an empty sample.
 */
export function quantile(values: readonly number[], p: number): number {
  if (values.length === 0) throw new RangeError('an empty sample has no quantile');
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * p;
  const below = Math.floor(place);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quartiles(values: readonly number[]): Quartiles {
  return {
    min: quantile(values, 0),
    q1: quantile(values, 0.25),
    median: quantile(values, 0.5),
    q3: quantile(values, 0.75),
    max: quantile(values, 1),
  };
}

export function mean(values: readonly number[] | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** How much work a test may be. */
export interface Effort {
  /** How many random permutations it takes when there are too many to take them all. */
  readonly resamples: number;
  /** Up to this number of pairs, a sign-flip test takes all 2^n sign patterns. */
  readonly exactPairs: number;
}

/**
 * Once so many random permutations are as extreme as what was seen, the test ends: its p is far from small, and known
 * to some 3 % of itself. Source: Besag and Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78 (2).
 */
export const ENOUGH = 1000;

/** The effort for a few tests: each takes some tenths of a second at most. */
export const FULL_EFFORT: Effort = { resamples: 99_999, exactPairs: 20 };

/** Returns the smallest p that a sign-flip test of so many pairs can return. */
export function leastSignFlipP(pairs: number, effort = FULL_EFFORT): number {
  return pairs <= effort.exactPairs ? 2 ** -pairs : 1 / (effort.resamples + 1);
}

/**
 * Returns about the smallest p that a permutation test of two samples can return: that of the random permutations, or
 * one in all the ways to deal the values, if those are fewer.
 */
export function leastPermutationP(before: number, after: number, effort = FULL_EFFORT): number {
  let ways = 1;
  for (let i = 1; i <= after && ways <= effort.resamples; i++) ways *= (before + i) / i;
  return Math.max(1 / ways, 1 / (effort.resamples + 1));
}

/**
 * One-sided permutation test of paired differences. Returns the probability of a mean at least this
 * large if each difference could equally well have the other sign. It is exact up to 20 pairs, and
 * otherwise estimated from at most 99 999 seeded permutations. Source: Good (2005), Permutation, Parametric and
 * Bootstrap Tests of Hypotheses, section 3.2.
 */
export function signFlipTest(
  differences: readonly number[],
  seed = 1,
  { resamples, exactPairs } = FULL_EFFORT,
): number {
  const sizes = differences.map(Math.abs);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const observed = differences.reduce((sum, value) => sum + value, 0);
  // The bar is a little lower, because sums of the same numbers in another order differ in their last bits.
  const bar = observed - 1e-9 * total;
  if (sizes.length <= exactPairs) return countAbove(sizes, total, bar) / 2 ** sizes.length;
  const random = new Generator(seed);
  let extreme = 1;
  for (let i = 0; i < resamples; i++) {
    let sum = 0;
    for (const size of sizes) sum += random.below(2) === 1 ? size : -size;
    if (sum >= bar && ++extreme === ENOUGH) return extreme / (i + 2);
  }
  return extreme / (resamples + 1);
}

/**
 * Counts how many of the 2^n sums of signed sizes reach a bar. The signs change in the order of a Gray
 * code, so that each sum differs from the one before in one sign.
 */
function countAbove(sizes: readonly number[], total: number, bar: number): number {
  let sum = total;
  let isMinus = 0;
  let above = sum >= bar ? 1 : 0;
  for (let pattern = 1; pattern < 2 ** sizes.length; pattern++) {
    const changed = 31 - Math.clz32(pattern & -pattern);
    isMinus ^= 1 << changed;
    sum += ((isMinus >>> changed) & 1 ? -2 : 2) * sizes[changed]!;
    if (sum >= bar) above++;
  }
  return above;
}

/**
 * One-sided permutation test of two samples. Returns the probability that the mean of `after` exceeds
 * that of `before` by at least as much if every value could equally well be in either sample. It is
 * estimated from at most 99 999 seeded permutations.
 */
export function permutationTest(
  before: readonly number[],
  after: readonly number[],
  seed = 1,
  { resamples } = FULL_EFFORT,
): number {
  const all = Float64Array.from([...after, ...before]);
  const total = all.reduce((sum, value) => sum + value, 0);
  // The total is fixed, so the difference of the means grows with the sum of the values in `after`.
  const sumOfAfter = (): number => {
    let sum = 0;
    for (let i = 0; i < after.length; i++) sum += all[i]!;
    return sum;
  };
  const bar = sumOfAfter() - 1e-12 * Math.abs(total);
  const random = new Generator(seed);
  let extreme = 1;
  for (let i = 0; i < resamples; i++) {
    for (let k = 0; k < after.length; k++) {
      const other = k + random.below(all.length - k);
      [all[k], all[other]] = [all[other]!, all[k]!];
    }
    if (sumOfAfter() >= bar && ++extreme === ENOUGH) return extreme / (i + 2);
  }
  return extreme / (resamples + 1);
}

/**
 * Holm's step-down correction: returns the p values, in the order given, adjusted so that they hold for
 * all tests together.
 */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((p, index) => ({ p, index })).toSorted((a, b) => a.p - b.p);
  const adjusted = Array.from(ps, () => 1);
  let least = 0;
  for (const [rank, { p, index }] of order.entries()) {
    least = Math.max(least, Math.min(1, p * (ps.length - rank)));
    adjusted[index] = least;
  }
  return adjusted;
}
