import { ln } from '../../random/elementary.ts';

/**
 * Returns the exponent e for which y grows as xᵉ, by least squares of the logarithms. There must be two different x, and
 * all values must be above 0.
 */
export function growthExponent(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.map(([x, y]) => [ln(x), ln(y)] as const);
  const mean = (of: 0 | 1): number => logs.reduce((sum, log) => sum + log[of], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  let product = 0;
  let square = 0;
  for (const [x, y] of logs) {
    product += (x - meanX) * (y - meanY);
    square += (x - meanX) * (x - meanX);
  }
  return product / square;
}
