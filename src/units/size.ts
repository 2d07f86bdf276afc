import { type Bytes, splitQuantity, UnitError } from './brand.ts';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/**
 * Parses a size into bytes. A plain integer is a number of bytes; KiB, MiB, GiB and TiB are binary, KB, MB,
 * GB and TB are decimal. Throws UnitError, also for a size that is not a whole number of bytes.
 */
export function parseSize(input: string | number): Bytes {
  const parts = typeof input === 'number' ? { value: input, suffix: '' } : splitQuantity(input);
  const factor = parts && Object.hasOwn(FACTORS, parts.suffix) ? FACTORS[parts.suffix] : undefined;
  const bytes = parts && factor ? wholeOf(parts.value * factor) : Number.NaN;
  if (bytes > 0 && bytes < Number.MAX_SAFE_INTEGER && !Number.isInteger(bytes)) {
    const [below, above] = [Math.floor(bytes), Math.ceil(bytes)];
    const nearest = below === 0 ? `${above}` : `${below} or ${above}`;
    throw new UnitError(
      `expected a whole number of bytes, got ${JSON.stringify(input)}: take ${nearest}`,
    );
  }
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new UnitError(`expected a size such as 64MiB, got ${JSON.stringify(input)}`);
  }
  return bytes as Bytes;
}

/**
 * Undoes the rounding error of a product of decimals: 1.001 × 1e6 comes out just below 1001000, and stands
 * for it. A product that is no whole number is returned as it is.
 */
function wholeOf(product: number): number {
  const whole = Math.round(product);
  return Math.abs(product - whole) <= whole * Number.EPSILON ? whole : product;
}

/** Formats bytes in the binary unit that suits their number: "64 MiB", "1.5 GiB", "512 B". */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let index = 0;
  while (value >= 1024 && index < units.length - 1) {
    value /= 1024;
    index++;
  }
  return `${trimNumber(value)} ${units[index]}`;
}

/** Rounds to two decimals below 10, to one below 100, to none from there on, and drops trailing zeros. */
export function trimNumber(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}
