import { UnitError } from '../../units/brand.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { parseSize } from '../../units/size.ts';

/** What a quantity measures. A number without a unit is a `number`, although it may mean bytes. */
export type QuantityKind = 'number' | 'size' | 'rate' | 'duration';

export interface MeasuredQuantity {
  readonly kind: QuantityKind;
  /** In bytes, bytes a second or nanoseconds. */
  readonly amount: number;
}

const PARSERS: readonly (readonly [QuantityKind, (text: string) => number])[] = [
  ['size', parseSize],
  ['rate', parseRate],
  ['duration', parseDuration],
];

/** What is appended to the name of a column whose values are quantities, and the factor to the unit that it names. */
const COLUMN_UNITS = {
  number: { suffix: '', factor: 1 },
  size: { suffix: 'Bytes', factor: 1 },
  rate: { suffix: 'BytesPerSecond', factor: 1 },
  duration: { suffix: 'Ms', factor: 1e-6 },
} as const;

/** Returns what a value of a scenario measures; undefined when it is no quantity. */
export function measure(value: unknown): MeasuredQuantity | undefined {
  if (typeof value === 'number') return { kind: 'number', amount: value };
  if (typeof value !== 'string') return undefined;
  if (/^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(value.trim())) {
    return { kind: 'number', amount: Number(value) };
  }
  for (const [kind, parse] of PARSERS) {
    try {
      const amount = parse(value);
      if (Number.isFinite(amount)) return { kind, amount };
    } catch (error) {
      if (!(error instanceof UnitError)) throw error;
    }
  }
  return undefined;
}

const WRITERS: Readonly<Record<QuantityKind, (amount: number) => string | number>> = {
  number: (amount) => amount,
  size: (amount) => `${Math.round(amount)}B`,
  rate: (amount) => `${amount}B/s`,
  duration: (amount) => `${Math.round(amount)}ns`,
};

/** Returns a quantity as a scenario writes it, in the unit that is exact for any whole amount. */
export function write({ kind, amount }: MeasuredQuantity): string | number {
  return WRITERS[kind](amount);
}

/** Returns the cell of a column for a quantity, and what its unit appends to the column's name. */
export function toCell({ kind, amount }: MeasuredQuantity): { suffix: string; value: number } {
  const { suffix, factor } = COLUMN_UNITS[kind];
  // Nanoseconds become milliseconds without a rounding error in the last digit.
  return { suffix, value: factor === 1 ? amount : Math.round(amount) / (1 / factor) };
}
