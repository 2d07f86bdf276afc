import { type BytesPerSecond, splitQuantity, UnitError } from './brand.ts';
import { trimNumber } from './size.ts';

const FACTORS: Readonly<Record<string, number>> = {
  'bit/s': 1 / 8,
  'kbit/s': 1e3 / 8,
  'Kbit/s': 1e3 / 8,
  'Mbit/s': 1e6 / 8,
  'Gbit/s': 1e9 / 8,
  'B/s': 1,
  'kB/s': 1e3,
  'KB/s': 1e3,
  'MB/s': 1e6,
  'GB/s': 1e9,
  'KiB/s': 1024,
  'MiB/s': 1024 ** 2,
  'GiB/s': 1024 ** 3,
};

/** This is 100 Tbit/s; no link is as fast. */
const MOST_BYTES_PER_SECOND = 12.5e12;

/**
 * Parses a rate in bits or bytes a second, with a decimal or binary prefix, into bytes a second; `unlimited`
 * gives Infinity. Throws UnitError.
 */
export function parseRate(input: string | number): BytesPerSecond {
  if (input === 'unlimited') return Infinity as BytesPerSecond;
  const parts = typeof input === 'string' ? splitQuantity(input) : undefined;
  const factor = parts && Object.hasOwn(FACTORS, parts.suffix) ? FACTORS[parts.suffix] : undefined;
  const rate = parts && factor ? parts.value * factor : Number.NaN;
  if (!(rate > 0 && rate < Infinity)) {
    throw new UnitError(
      `expected a rate such as 1Gbit/s or 100MB/s, or unlimited, got ${JSON.stringify(input)}`,
    );
  }
  if (rate > MOST_BYTES_PER_SECOND) {
    throw new UnitError(
      `${JSON.stringify(input)} is more than 100000Gbit/s: lower it, or write unlimited`,
    );
  }
  return rate as BytesPerSecond;
}

/** Formats bytes a second as bits a second, as links are named: "1 Gbit/s", or "unlimited" for Infinity. */
export function formatBitRate(bytesPerSecond: number): string {
  if (bytesPerSecond === Infinity) return 'unlimited';
  return scaled(bytesPerSecond * 8, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
}

/** Formats bytes a second with a decimal prefix: "125 MB/s". */
export function formatByteRate(bytesPerSecond: number): string {
  return scaled(bytesPerSecond, ['B/s', 'KB/s', 'MB/s', 'GB/s', 'TB/s']);
}

function scaled(rate: number, units: readonly string[]): string {
  let value = rate;
  let index = 0;
  while (value >= 999.5 && index < units.length - 1) {
    value /= 1000;
    index++;
  }
  return `${trimNumber(value)} ${units[index]}`;
}
