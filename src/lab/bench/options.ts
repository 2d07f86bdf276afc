import { InputError } from '../../scenario/input-error.ts';
import { nearest } from '../../scenario/suggest.ts';
import { UnitError } from '../../units/brand.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { formatSize, parseSize } from '../../units/size.ts';

/** Values of options, as the command line gives them; each throws InputError with place and remedy. */

type Options = Readonly<Record<string, string>>;

export function wrongOption(flag: string, sentence: string): InputError {
  return new InputError([{ place: `--${flag}`, key: '', sentence }]);
}

function parsed<Value>(flag: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw wrongOption(flag, error.message);
  }
}

export const sizeOf = (options: Options, flag: string): number =>
  parsed(flag, () => parseSize(options[flag]!));

const PAGE_SIZES = new Set([4096, 16384, 65536, 2 * 1024 * 1024]);

export function pageSizeOf(options: Options): number {
  const pageSize = sizeOf(options, 'page-size');
  if (PAGE_SIZES.has(pageSize)) return pageSize;
  const given = options['page-size'];
  throw wrongOption('page-size', `expected 4KiB, 16KiB, 64KiB or 2MiB, got "${given}"`);
}

/** Refuses what would take more memory than there is. */
export function checkMemory(flag: string, bytes: number): void {
  const available = process.availableMemory();
  if (bytes <= available) return;
  const sentence = `needs ${formatSize(bytes)} of memory, ${formatSize(available)} are available: take less`;
  throw wrongOption(flag, sentence);
}

export const rateOf = (options: Options, flag: string): number =>
  parsed(flag, () => parseRate(options[flag]!));

export const durationNsOf = (options: Options, flag: string): number =>
  parsed(flag, () => parseDuration(options[flag]!));

/** A whole number within bounds. */
export function countOf(options: Options, flag: string, least: number, most: number): number {
  return wholeNumber(flag, options[flag]!, least, most);
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw wrongOption(flag, `expected a whole number from ${least} to ${most}, got "${text}"`);
}

export const listOf = (options: Options, flag: string): string[] =>
  options[flag]!.split(',').map((part) => part.trim());

/** Whole numbers with commas between. */
export function countsOf(options: Options, flag: string, least: number, most: number): number[] {
  return listOf(options, flag).map((part) => wholeNumber(flag, part, least, most));
}

export function sizesOf(options: Options, flag: string): number[] {
  return listOf(options, flag).map((part) => parsed(flag, () => parseSize(part)));
}

export function ratesOf(options: Options, flag: string): number[] {
  return listOf(options, flag).map((part) => parsed(flag, () => parseRate(part)));
}

/** Words out of those known, with commas between; `all` stands for every one. */
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

/** One word out of those known. */
export function choiceOf<Known extends string>(
  options: Options,
  flag: string,
  known: readonly Known[],
): Known {
  const found = known.find((one) => one === options[flag]);
  if (found !== undefined) return found;
  throw wrongOption(flag, `expected ${known.join(' or ')}, got "${options[flag]}"`);
}
