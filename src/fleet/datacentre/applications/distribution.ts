import { exp, ln, power } from '../../../random/elementary.ts';
import type { Generator } from '../../../random/generator.ts';

/** A distribution of positive numbers, such as service times in nanoseconds or sizes in bytes. */
export type Distribution =
  | { readonly kind: 'constant'; readonly mean: number }
  | { readonly kind: 'exponential'; readonly mean: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  /** `cv` is the coefficient of variation: the standard deviation ÷ the mean. */
  | { readonly kind: 'lognormal'; readonly mean: number; readonly cv: number }
  /** `shape` is above 2, so that the variance is finite. */
  | { readonly kind: 'pareto'; readonly mean: number; readonly shape: number };

export function meanOf(of: Distribution): number {
  return of.kind === 'uniform' ? (of.low + of.high) / 2 : of.mean;
}

export function varianceOf(of: Distribution): number {
  switch (of.kind) {
    case 'constant':
      return 0;
    case 'exponential':
      return of.mean * of.mean;
    case 'uniform':
      return ((of.high - of.low) * (of.high - of.low)) / 12;
    case 'lognormal':
      return of.cv * of.cv * of.mean * of.mean;
    default:
      return (of.mean * of.mean) / (of.shape * (of.shape - 2));
  }
}

/** Draws a number from a distribution. */
export function draw(of: Distribution, random: Generator): number {
  switch (of.kind) {
    case 'constant':
      return of.mean;
    case 'exponential':
      return of.mean * exponential(random);
    case 'uniform':
      return of.low + (of.high - of.low) * unit(random);
    case 'lognormal': {
      // ln of it is normal with variance ln(1 + cv²) and the mean that makes its own mean `mean`.
      const variance = ln(1 + of.cv * of.cv);
      return of.mean * exp(normal(random) * Math.sqrt(variance) - variance / 2);
    }
    default: {
      const least = (of.mean * (of.shape - 1)) / of.shape;
      return least * power(unit(random), -1 / of.shape);
    }
  }
}

/** Returns a number from an exponential distribution with mean 1. */
export const exponential = (random: Generator): number => -ln(unit(random));

/** Returns a uniform number above 0 and at most 1. */
export const unit = (random: Generator): number => (random.next() + 1) / 4294967296;

/** Returns a standard normal number by Marsaglia's polar method, of whose pairs it uses the first. */
function normal(random: Generator): number {
  for (;;) {
    const x = 2 * unit(random) - 1;
    const y = 2 * unit(random) - 1;
    const square = x * x + y * y;
    if (square > 0 && square < 1) return x * Math.sqrt((-2 * ln(square)) / square);
  }
}
