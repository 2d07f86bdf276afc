import { type Nanoseconds, splitQuantity, UnitError } from './brand.ts';
import { trimNumber } from './size.ts';

const FACTORS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  min: 60e9,
  h: 3600e9,
};

/** Parses a duration such as 300ms into whole nanoseconds. Only 0 needs no unit. Throws UnitError. */
export function parseDuration(input: string | number): Nanoseconds {
  if (input === 0 || input === '0') return 0 as Nanoseconds;
  const parts = typeof input === 'string' ? splitQuantity(input) : undefined;
  const factor = parts && Object.hasOwn(FACTORS, parts.suffix) ? FACTORS[parts.suffix] : undefined;
  const ns = parts && factor ? Math.round(parts.value * factor) : Number.NaN;
  if (!Number.isSafeInteger(ns)) {
    throw new UnitError(`expected a duration such as 300ms or 10s, got ${JSON.stringify(input)}`);
  }
  return ns as Nanoseconds;
}

/** Parses a duration, `none` (0) or `unlimited` (Infinity) into nanoseconds. Throws UnitError. */
export function parseAllowance(input: string | number): number {
  if (input === 'none') return 0;
  if (input === 'unlimited') return Infinity;
  try {
    return parseDuration(input);
  } catch {
    const got = JSON.stringify(input);
    throw new UnitError(`expected a duration such as 300ms or 10s, none or unlimited, got ${got}`);
  }
}

/** Formats nanoseconds in the unit that suits their size: "1.25 s", "300 ms", "85 us". */
export function formatDuration(ns: number): string {
  if (ns >= 120e9) return `${trimNumber(ns / 60e9)} min`;
  if (ns >= 1e9) return `${trimNumber(ns / 1e9)} s`;
  if (ns >= 1e6) return `${trimNumber(ns / 1e6)} ms`;
  if (ns >= 1e3) return `${trimNumber(ns / 1e3)} us`;
  return `${trimNumber(ns)} ns`;
}
