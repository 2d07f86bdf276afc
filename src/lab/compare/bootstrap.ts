import type { Generator } from '../../random/generator.ts';
import { mean, median, quantile } from '../statistics.ts';

/** How many times a sample is drawn again: a thousand and more are needed for the ends of a 95 % interval. */
export const RESAMPLES = 1999;

/** What stands for a sample. Figures of runs have a median; of shares, which are 0 or 1 in each run, that says nothing. */
export type Center = 'median' | 'mean';

/** Returns what stands for a sample. */
export function centerOf(values: readonly number[], center: Center): number {
  return center === 'median' ? median(values) : mean(values);
}

/**
 * Draws as many values as a sample has from it, with replacement, and returns what stands for them; RESAMPLES times.
 */
export function replicatesOf(
  values: readonly number[],
  center: Center,
  random: Generator,
): Float64Array {
  const drawn = new Float64Array(values.length);
  const replicates = new Float64Array(RESAMPLES);
  for (let i = 0; i < RESAMPLES; i++) {
    for (let k = 0; k < drawn.length; k++) drawn[k] = values[random.below(values.length)]!;
    replicates[i] = center === 'median' ? middleOf(drawn) : mean(drawn);
  }
  return replicates;
}

/**
 * Returns the 95 % percentile interval of a bootstrap: the 2.5 % and the 97.5 % quantile of its replicates. Source:
 * Efron and Tibshirani (1993), An Introduction to the Bootstrap, section 13.3. The BCa interval, which corrects a
 * skew, is no better here, as it measures the skew by the jackknife, which is inconsistent for medians (section 11.6).
 */
export function percentileInterval(replicates: Float64Array): [low: number, high: number] {
  const values = [...replicates];
  return [quantile(values, 0.025), quantile(values, 0.975)];
}

function middleOf(values: Float64Array): number {
  values.sort();
  const half = values.length >> 1;
  return values.length % 2 === 1 ? values[half]! : (values[half - 1]! + values[half]!) / 2;
}
