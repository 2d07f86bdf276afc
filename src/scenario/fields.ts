import { z } from 'zod';
import { UnitError } from '../units/brand.ts';
import { parseAllowance, parseDuration } from '../units/duration.ts';
import { parseRate } from '../units/rate.ts';
import { parseSize } from '../units/size.ts';
import { shorten } from './input-error.ts';

/** Returns a wrong value as messages show it. */
export function formatValue(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return shorten(JSON.stringify(value) ?? String(value));
}

type Parse = (input: string | number) => number;

/** Returns the schema of a quantity with a unit, which stays as it was written if `parse` and `accept` pass it. */
function quantity(parse: Parse, expected: string, accept: (value: number) => boolean) {
  return z
    .union([z.string(), z.number()], {
      error: ({ input }) => `${expected}, got ${formatValue(input)}`,
    })
    .superRefine((input, context) => {
      try {
        if (!accept(parse(input))) {
          context.addIssue({ code: 'custom', message: `${expected}, got ${formatValue(input)}` });
        }
      } catch (error) {
        if (!(error instanceof UnitError)) throw error;
        context.addIssue({ code: 'custom', message: shorten(error.message) });
      }
    });
}

export const size = quantity(parseSize, 'expected a size such as 64MiB', () => true);
export const positiveSize = quantity(
  parseSize,
  'expected a size above 0 such as 64MiB',
  (bytes) => bytes > 0,
);
export const rate = quantity(
  parseRate,
  'expected a rate such as 1Gbit/s or 100MB/s, or unlimited',
  () => true,
);
export const duration = quantity(
  parseDuration,
  'expected a duration such as 300ms or 10s',
  () => true,
);
export const positiveDuration = quantity(
  parseDuration,
  'expected a duration above 0 such as 300ms or 10s',
  (ns) => ns > 0,
);

export const allowance = quantity(
  parseAllowance,
  'expected a duration such as 300ms or 10s, none or unlimited',
  () => true,
);

/** The period of something that happens again and again; a shorter one than 1 ms would leave no time for the work. */
export const period = quantity(
  parseDuration,
  'expected a duration of 1ms or more, such as 300ms or 10s',
  (ns) => ns >= 1e6,
);

/** Returns the schema of a whole number in a range, both ends included. */
export function whole(low: number, high: number) {
  const expected = `expected a whole number from ${low} to ${high}`;
  const message = ({ input }: { input?: unknown }): string =>
    `${expected}, got ${formatValue(input)}`;
  return z.int({ error: message }).min(low, { error: message }).max(high, { error: message });
}

/** Returns the schema of a share in a range, both ends included. */
export function share(low = 0, high = 1) {
  const message = ({ input }: { input?: unknown }): string =>
    `expected a share from ${low} to ${high}, got ${formatValue(input)}`;
  return z.number({ error: message }).min(low, { error: message }).max(high, { error: message });
}

/** The most entries of any list in a scenario. */
export const MOST_ENTRIES = 1000;

/** Returns the message about a list that is too long. */
export const tooManyEntries =
  (most: number) =>
  ({ input }: { input?: unknown }): string =>
    `has ${(input as readonly unknown[]).length} entries, at most ${most} are read: leave some out`;

/** Returns the schema of a list; `what` says of what. */
export function listOf<Schema extends z.ZodType>(entry: Schema, what: string, most = MOST_ENTRIES) {
  return z
    .array(entry, { error: `expected a list of ${what}` })
    .max(most, { error: tooManyEntries(most) });
}

export const flag = z.boolean({
  error: ({ input }) => `expected true or false, got ${formatValue(input)}`,
});
export const text = z.string({ error: ({ input }) => `expected text, got ${formatValue(input)}` });

const notARate = ({ input }: { input?: unknown }): string =>
  typeof input === 'number' && input > MOST_ACCESSES
    ? `expected at most ${MOST_ACCESSES} page accesses a second, or max for as many as the vCPUs can make, got ${formatValue(input)}`
    : `expected page accesses a second, a number above 0 such as 20000, or max, got ${formatValue(input)}`;
/** More accesses a second than all vCPUs of the largest guest can make. */
const MOST_ACCESSES = 10_000_000_000;
export const accessRate = z.union(
  [
    z.number().positive({ error: notARate }).max(MOST_ACCESSES, { error: notARate }),
    z.literal('max'),
  ],
  {
    error: notARate,
  },
);

/** Returns the schema of one of `values`; for one of `later`, the message says that it is not built yet. */
export function choice<const Values extends readonly [string, ...string[]]>(
  values: Values,
  later: readonly string[] = [],
) {
  return z.enum(values, {
    error: ({ input }) => {
      const known = `expected ${values.join(' or ')}`;
      const isLater = typeof input === 'string' && later.includes(input);
      return isLater
        ? `${formatValue(input)} is not built yet: ${known}`
        : `${known}, got ${formatValue(input)}`;
    },
  });
}

/** Lets a schema of text accept numbers, because YAML takes values such as 7.2 and 10 for numbers. */
export function numbersAsText<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (typeof value === 'number' ? String(value) : value), schema);
}

/** A kind of the user's own: the module, its export that makes the kind, and the options that the export gets. */
export const ownKindMap = z.strictObject({
  module: z.string(),
  export: z.string(),
  options: z.record(z.string(), z.unknown()).optional(),
});

/** Returns the schema of a kind that is known by name, or of one of the user's own. */
export function ownKind(values: readonly string[], known: z.ZodType) {
  return z.union([known, ownKindMap], {
    error: ({ input }) =>
      `expected ${values.join(' or ')}, or { module, export, options } of your own, got ${formatValue(input)}`,
  });
}
