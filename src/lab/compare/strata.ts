import { Generator } from '../../random/generator.ts';
import { ENOUGH, mean } from '../statistics.ts';

/** The values of one point of a grid: pairs by their differences, or two independent samples. */
export type Stratum =
  | { readonly differences: readonly number[] }
  | { readonly before: readonly number[]; readonly after: readonly number[] };

/** How many random permutations a test takes at most, and at least, and how many values it deals in all. */
const MOST_RESAMPLES = 9999;
const LEAST_RESAMPLES = 1999;
const MOST_DEALT = 5e7;

function resamplesFor(strata: readonly Stratum[]): number {
  const values = strata.reduce(
    (sum, one) =>
      sum + ('differences' in one ? one.differences.length : one.before.length + one.after.length),
    0,
  );
  return Math.max(LEAST_RESAMPLES, Math.min(MOST_RESAMPLES, Math.floor(MOST_DEALT / values)));
}

/** Returns the smallest probability that a test of strata can return. */
export const leastStratifiedP = (strata: readonly Stratum[]): number =>
  1 / (resamplesFor(strata) + 1);

/** The probabilities that chance alone makes the shift at least as large as it is, and at least as small. */
export interface Tails {
  readonly pMore: number;
  readonly pLess: number;
}

/**
 * Permutation test of a shift at several points together, if there is none at any: within each point, signs of
 * differences change, or values change samples. What it looks at is the sum of the points' mean shifts. Estimated from
 * at most 9 999 seeded permutations (fewer, and at least 1 999, of more than 5 000 values). Source: Good (2005), Permutation, Parametric and Bootstrap Tests of Hypotheses, on
 * permutation within blocks.
 */
export function stratifiedTest(strata: readonly Stratum[], seed = 1): Tails {
  const random = new Generator(seed);
  const resamples = resamplesFor(strata);
  const draws = strata.map((stratum) =>
    'differences' in stratum
      ? signFlips(stratum.differences, random)
      : dealings(stratum.before, stratum.after, random),
  );
  const observed = draws.reduce((sum, { shift }) => sum + shift, 0);
  const slack = 1e-9 * draws.reduce((sum, { most }) => sum + most, 0);
  let [more, less] = [1, 1];
  let drawn = 0;
  // Once both tails have many, neither is rare.
  while (drawn < resamples && Math.min(more, less) < ENOUGH) {
    drawn++;
    let sum = 0;
    for (const { draw } of draws) sum += draw();
    if (sum >= observed - slack) more++;
    if (sum <= observed + slack) less++;
  }
  return { pMore: more / (drawn + 1), pLess: less / (drawn + 1) };
}

interface Draw {
  /** The mean shift as it is. */
  readonly shift: number;
  /** About the largest shift that can be drawn. */
  readonly most: number;
  /** Returns a mean shift as chance alone makes it. */
  readonly draw: () => number;
}

function signFlips(differences: readonly number[], random: Generator): Draw {
  const sizes = Float64Array.from(differences, (value) => Math.abs(value) / differences.length);
  const draw = (): number => {
    let sum = 0;
    for (const size of sizes) sum += random.below(2) === 1 ? size : -size;
    return sum;
  };
  return { shift: mean(differences), most: sizes.reduce((sum, size) => sum + size, 0), draw };
}

function dealings(before: readonly number[], after: readonly number[], random: Generator): Draw {
  const all = Float64Array.from([...after, ...before]);
  const total = all.reduce((sum, value) => sum + value, 0);
  const draw = (): number => {
    let sum = 0;
    for (let k = 0; k < after.length; k++) {
      const other = k + random.below(all.length - k);
      const value = all[other]!;
      all[other] = all[k]!;
      all[k] = value;
      sum += value;
    }
    return sum / after.length - (total - sum) / before.length;
  };
  const most = all.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
  return { shift: mean(after) - mean(before), most, draw };
}
