import { InputError } from '../../scenario/input-error.ts';
import { nearest } from '../../scenario/suggest.ts';
import { UnitError } from '../../units/brand.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { formatSize, parseSize } from '../../units/size.ts';

/**
 * These functions parse the values of a bench's options, which are given as on the command line. Each
 * throws InputError, with the place and the remedy, when the value is wrong.
 */

type Options = Readonly<Record<string, string>>;

/** Returns the error that an option's value is wrong. */
export function wrongOption(flag: string, sentence: string): InputError {
  return new InputError([{ place: `--${flag}`, key: '', sentence }]);
}

/** Turns the error of a unit's parser into that of the option. */
function parsed<Value>(flag: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw wrongOption(flag, error.message);
  }
}

/** Parses a size, in bytes. */
export const sizeOf = (options: Options, flag: string): number =>
  parsed(flag, () => parseSize(options[flag]!));

const PAGE_SIZES = new Set([4096, 16384, 65536, 2 * 1024 * 1024]);

/** Parses `--page-size`, in bytes. */
export function pageSizeOf(options: Options): number {
  const pageSize = sizeOf(options, 'page-size');
  if (PAGE_SIZES.has(pageSize)) return pageSize;
  const given = options['page-size'];
  throw wrongOption('page-size', `expected 4KiB, 16KiB, 64KiB or 2MiB, got "${given}"`);
}

/** Throws InputError when so many bytes are more than the memory that is available. */
export function checkMemory(flag: string, bytes: number): void {
  const available = process.availableMemory();
  if (bytes <= available) return;
  const sentence = `needs ${formatSize(bytes)} of memory, ${formatSize(available)} are available: take less`;
  throw wrongOption(flag, sentence);
}

/** Parses a rate, in bytes per second. */
export const rateOf = (options: Options, flag: string): number =>
  parsed(flag, () => parseRate(options[flag]!));

/** Parses a duration, in nanoseconds. */
export const durationNsOf = (options: Options, flag: string): number =>
  parsed(flag, () => parseDuration(options[flag]!));

/** Parses a whole number from `least` to `most`. */
export function countOf(options: Options, flag: string, least: number, most: number): number {
  return wholeNumber(flag, options[flag]!, least, most);
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw wrongOption(flag, `expected a whole number from ${least} to ${most}, got "${text}"`);
}

/** Splits a value at its commas. */
export const listOf = (options: Options, flag: string): string[] =>
  options[flag]!.split(',').map((part) => part.trim());

/** Parses whole numbers that commas separate, each from `least` to `most`. */
export function countsOf(options: Options, flag: string, least: number, most: number): number[] {
  return listOf(options, flag).map((part) => wholeNumber(flag, part, least, most));
}

/** Parses sizes that commas separate, in bytes. */
export function sizesOf(options: Options, flag: string): number[] {
  return listOf(options, flag).map((part) => parsed(flag, () => parseSize(part)));
}

/** Parses rates that commas separate, in bytes per second. */
export function ratesOf(options: Options, flag: string): number[] {
  return listOf(options, flag).map((part) => parsed(flag, () => parseRate(part)));
}

/** Parses known words that commas separate; `all` stands for every known word. */
export function choicesOf<Known extends string>(
  options: Options,
  flag: string,
  known: readonly Known[],
): readonly Known[] {
  if (options[flag] === 'all') return known;
  return listOf(options, flag).map((part) => {
    const found = known.find((one) => one === part);
    if (found !== undefined) return found;
    const guess = nearest(part, known);
    const hint =
      guess === undefined ? `there are ${known.join(', ')}, and all` : `did you mean ${guess}?`;
    throw wrongOption(flag, `"${part}" is not known: ${hint}`);
  });
}

/** Parses one of the known words. */
export function choiceOf<Known extends string>(
  options: Options,
  flag: string,
  known: readonly Known[],
): Known {
  const found = known.find((one) => one === options[flag]);
  if (found !== undefined) return found;
  throw wrongOption(flag, `expected ${known.join(' or ')}, got "${options[flag]}"`);
}
