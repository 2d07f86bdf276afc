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

/** Bytes a second; Infinity for `unlimited`. Bits or bytes a second, decimal or binary prefixes. */
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
  return rate as BytesPerSecond;
}

/** "1 Gbit/s" the way links are named; "unlimited" for Infinity. */
export function formatBitRate(bytesPerSecond: number): string {
  if (bytesPerSecond === Infinity) return 'unlimited';
  return scaled(bytesPerSecond * 8, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
}

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
