import type { HotspotSpec } from '../config.ts';
import type { Series } from './series.ts';

/**
 * Predicts the next reading by an auto-regressive model of order 1, μ + φ(u − μ): μ is the mean of the readings, u the
 * last one, and φ their autocorrelation at lag 1, limited to 0 to 1 (Wood et al., NSDI 2007, section 4.1, which does not
 * say how φ is estimated). Returns 0 when there is no reading.
 */
export function predictNext(readings: readonly number[]): number {
  const count = readings.length;
  if (count === 0) return 0;
  let sum = 0;
  for (const reading of readings) sum += reading;
  const mean = sum / count;
  let square = 0;
  let product = 0;
  for (let i = 0; i < count; i++) {
    const deviation = readings[i]! - mean;
    square += deviation * deviation;
    if (i > 0) product += deviation * (readings[i - 1]! - mean);
  }
  const correlation = square > 0 ? Math.min(1, Math.max(0, product / square)) : 0;
  return mean + correlation * (readings[count - 1]! - mean);
}

/**
 * Returns whether readings show a hotspot: at least k of the last n are above the threshold, and so is the one that is
 * predicted to come next (Wood et al., NSDI 2007, section 4.1). Readings from before the last change of what they are
 * of count for neither.
 */
export function isHot(series: Series, { threshold, k, n, predictionWindow }: HotspotSpec): boolean {
  const { fresh } = series;
  let above = 0;
  for (let back = 0; back < Math.min(n, fresh); back++) {
    if (series.at(back) > threshold) above++;
  }
  if (above < k) return false;
  return predictNext(series.tail(Math.min(predictionWindow, fresh))) > threshold;
}

/** Returns what readings come to if they go on rising in a straight line for as long as they have lasted. */
export function trend(readings: readonly number[]): number {
  const count = readings.length;
  if (count < 3) return readings.at(-1) ?? 0;
  const middle = (count - 1) / 2;
  let sum = 0;
  for (const reading of readings) sum += reading;
  let product = 0;
  let square = 0;
  for (let i = 0; i < count; i++) {
    product += (i - middle) * (readings[i]! - sum / count);
    square += (i - middle) * (i - middle);
  }
  const slope = product / square;
  return Math.max(readings[count - 1]!, sum / count + slope * (middle + count));
}
