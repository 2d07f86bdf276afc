import { trimNumber } from '../units/size.ts';

/** Formats a count in a short form: "950", "12.3k", "4.56M". */
export function formatCount(value: number): string {
  if (value >= 999_500) return `${trimNumber(value / 1e6)}M`;
  if (value >= 9_995) return `${trimNumber(value / 1e3)}k`;
  return String(Math.round(value));
}

/** Formats milliseconds with about three digits: "0.42 ms", "38.1 ms", "1.44 s". */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms >= 100) return `${ms.toFixed(0)} ms`;
  return `${ms.toFixed(ms >= 10 ? 1 : 2)} ms`;
}

const BARS = '▁▂▃▄▅▆▇█';

/** Draws a bar of one character for each value; a value near 0 is a blank, so that a stop shows as a gap. */
export function sparkline(values: readonly number[]): string {
  const top = Math.max(...values, 1e-12);
  return values
    .map((value) => {
      if (value <= top * 0.005) return ' ';
      return BARS[Math.min(BARS.length - 1, Math.floor((value / top) * BARS.length))]!;
    })
    .join('');
}

/** Averages neighbours until at most `width` values are left. */
export function condense(values: readonly number[], width: number): number[] {
  if (values.length <= width) return [...values];
  return Array.from({ length: width }, (_, i) => {
    const from = Math.floor((i * values.length) / width);
    const to = Math.max(from + 1, Math.floor(((i + 1) * values.length) / width));
    return values.slice(from, to).reduce((sum, value) => sum + value, 0) / (to - from);
  });
}

/** Formats a share of 1 as a percentage, with a decimal below 10 %. */
export const formatShare = (share: number): string =>
  `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
