import { Generator } from '../random/generator.ts';

/** Five numbers that say how a sample lies. */
export interface Quartiles {
  readonly min: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly max: number;
}

/** The value below which share `p` of a sample lies, between neighbours linearly (R's type 7). */
export function quantile(values: readonly number[], p: number): number {
  if (values.length === 0) throw new RangeError('a sample of nothing has no quantile');
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

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** How far values scatter about their median: 1.4826 × the median absolute deviation, a normal's σ. */
export function scatter(values: readonly number[]): number {
  const middle = median(values);
  return 1.4826 * median(values.map((value) => Math.abs(value - middle)));
}

/** Resamples of a permutation test that has too many permutations to see all of them. */
const RESAMPLES = 99_999;
/** Up to so many pairs every one of the 2^n sign patterns is looked at. */
const EXACT_PAIRS = 20;

/** The least p that a sign-flip test of so many pairs can come to. */
export function leastSignFlipP(pairs: number): number {
  return pairs <= EXACT_PAIRS ? 2 ** -pairs : 1 / (RESAMPLES + 1);
}

/** The least p that a permutation test of two samples can come to. */
export const LEAST_PERMUTATION_P = 1 / (RESAMPLES + 1);

/**
 * One-sided permutation test of paired differences: how likely a mean at least this large is if each
 * difference might as well have had the other sign. Exact up to 20 pairs, else by 99 999 seeded
 * resamples. Good (2005), Permutation, Parametric and Bootstrap Tests of Hypotheses, section 3.2.
 */
export function signFlipTest(differences: readonly number[], seed = 1): number {
  const sizes = differences.map(Math.abs);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const observed = differences.reduce((sum, value) => sum + value, 0);
  // Sums of the same numbers in another order differ in their last bits.
  const bar = observed - 1e-9 * total;
  if (sizes.length <= EXACT_PAIRS) return countAbove(sizes, total, bar) / 2 ** sizes.length;
  const random = new Generator(seed);
  let extreme = 1;
  for (let i = 0; i < RESAMPLES; i++) {
    let sum = 0;
    for (const size of sizes) sum += random.below(2) === 1 ? size : -size;
    if (sum >= bar) extreme++;
  }
  return extreme / (RESAMPLES + 1);
}

/** How many of the 2^n sums of signed sizes reach a bar, one sign changed from each to the next (Gray). */
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
 * One-sided permutation test of two samples: how likely `after` exceeds `before` by as much in the
 * mean if every value might have been in either. 99 999 seeded resamples.
 */
export function permutationTest(
  before: readonly number[],
  after: readonly number[],
  seed = 1,
): number {
  const all = Float64Array.from([...after, ...before]);
  const total = all.reduce((sum, value) => sum + value, 0);
  // With the total fixed, the mean difference grows with the sum of the second group alone.
  const sumOfFirst = (): number => {
    let sum = 0;
    for (let i = 0; i < after.length; i++) sum += all[i]!;
    return sum;
  };
  const bar = sumOfFirst() - 1e-12 * Math.abs(total);
  const random = new Generator(seed);
  let extreme = 1;
  for (let i = 0; i < RESAMPLES; i++) {
    for (let k = 0; k < after.length; k++) {
      const other = k + random.below(all.length - k);
      [all[k], all[other]] = [all[other]!, all[k]!];
    }
    if (sumOfFirst() >= bar) extreme++;
  }
  return extreme / (RESAMPLES + 1);
}

/** Holm's step-down: p values that hold together for all tests of a family, in the order given. */
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
