declare const unit: unique symbol;

/** A number that carries its unit in its type; it is still a number, so arithmetic needs no unwrapping. */
export type Branded<Unit extends string> = number & { readonly [unit]: Unit };

export type Bytes = Branded<'bytes'>;
export type BytesPerSecond = Branded<'bytes/s'>;
export type Nanoseconds = Branded<'ns'>;

export const KIB = 1024;
export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;

/** A quantity that can't be parsed. The message says what was expected and what stands there instead. */
export class UnitError extends Error {
  override readonly name = 'UnitError';
}

/** No quantity is as long as this. */
const MOST_CHARACTERS = 100;

/**
 * Splits a quantity such as "12.5MiB" into its number and its unit, which is '' for a bare number. Returns
 * undefined when the text is no such pair.
 */
export function splitQuantity(text: string): { value: number; suffix: string } | undefined {
  // The expression takes quadratic time for a text that is mostly spaces.
  if (text.length > MOST_CHARACTERS) return undefined;
  const match = /^\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([A-Za-z/]*)\s*$/.exec(text);
  if (!match) return undefined;
  return { value: Number(match[1]), suffix: match[2]! };
}
