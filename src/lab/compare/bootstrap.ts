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
  const sorted = Float64Array.from(values).toSorted();
  const replicates = new Float64Array(RESAMPLES);
  // How often each value has been drawn: as the values are in order, their middle is found without a sort.
  const times = new Uint32Array(sorted.length);
  for (let i = 0; i < RESAMPLES; i++) {
    times.fill(0);
    for (let k = 0; k < times.length; k++) times[random.below(times.length)]!++;
    replicates[i] = center === 'median' ? middleOf(sorted, times) : meanOf(sorted, times);
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

/** Returns the median of as many values as there are, each of which was drawn so many times. */
function middleOf(sorted: Float64Array, times: Uint32Array): number {
  const upper = sorted.length >> 1;
  const lower = sorted.length % 2 === 1 ? upper : upper - 1;
  let at = 0;
  let passed = times[0]!;
  while (passed <= lower) passed += times[++at]!;
  const low = sorted[at]!;
  while (passed <= upper) passed += times[++at]!;
  return (low + sorted[at]!) / 2;
}

function meanOf(sorted: Float64Array, times: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < times.length; i++) sum += times[i]! * sorted[i]!;
  return sum / sorted.length;
}
