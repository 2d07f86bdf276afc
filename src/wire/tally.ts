import { ENCODING, ENCODING_COUNT, type EncodingName } from './encodings.ts';

/**
 * How many pages went in each encoding, and how many bytes those take on the link without any
 * header; both lists are indexed by the encoding's number. It is plain data, so that a worker can
 * post it.
 */
export interface PageTally {
  readonly pages: readonly number[];
  readonly bytes: readonly number[];
}

/** A tally that is still counted. */
export interface OpenTally extends PageTally {
  readonly pages: number[];
  readonly bytes: number[];
}

const zeros = (): number[] => Array.from({ length: ENCODING_COUNT }, () => 0);

export function openTally(): OpenTally {
  return { pages: zeros(), bytes: zeros() };
}

export function clearTally(tally: OpenTally): void {
  tally.pages.fill(0);
  tally.bytes.fill(0);
}

/** Adds `more` to `tally`. */
export function addTally(tally: OpenTally, more: PageTally): void {
  for (let encoding = 0; encoding < ENCODING_COUNT; encoding++) {
    tally.pages[encoding]! += more.pages[encoding]!;
    tally.bytes[encoding]! += more.bytes[encoding]!;
  }
}

/** The sum of tallies, such as those of all rounds. */
export function sumTallies(tallies: Iterable<PageTally>): PageTally {
  const sum = openTally();
  for (const tally of tallies) addTally(sum, tally);
  return sum;
}

/** Pages of one encoding, or of all. */
export function pagesOf({ pages }: PageTally, encoding?: EncodingName): number {
  return encoding === undefined ? total(pages) : pages[ENCODING[encoding]]!;
}

/** Bytes on the link, without headers, of the pages of one encoding, or of all. */
export function bytesOf({ bytes }: PageTally, encoding?: EncodingName): number {
  return encoding === undefined ? total(bytes) : bytes[ENCODING[encoding]]!;
}

function total(counts: readonly number[]): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
