/**
 * Logarithm, exponential and power, computed with + − × ÷ alone. Math.log and Math.exp may differ between
 * JavaScript engines in the last bit, and one bit can decide which page is accessed; these functions give the
 * same bits everywhere. Their relative error is about 1e-13.
 */

const LN2 = 0.6931471805599453;

/** Returns the natural logarithm of a finite x > 0: x is m·2^k with m in [2/3, 4/3), and artanh's series gives ln m. */
export function ln(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa >= 4 / 3) {
    mantissa /= 2;
    exponent++;
  }
  while (mantissa < 2 / 3) {
    mantissa *= 2;
    exponent--;
  }
  const t = (mantissa - 1) / (mantissa + 1);
  const square = t * t;
  let sum = 0;
  for (let k = 21; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return 2 * t * sum + exponent * LN2;
}

/** Returns e^x for |x| ≤ 700: x is k·ln 2 + r with |r| ≤ ln 2 / 2, and Taylor's series gives e^r. */
export function exp(x: number): number {
  const k = Math.round(x / LN2);
  const r = x - k * LN2;
  let sum = 1;
  for (let i = 16; i >= 1; i--) sum = 1 + (r / i) * sum;
  let scale = 1;
  for (let i = 0; i < Math.abs(k); i++) scale = k > 0 ? scale * 2 : scale / 2;
  return sum * scale;
}

/** Returns x^y for x > 0. */
export function power(x: number, y: number): number {
  return exp(y * ln(x));
}
