import { ENCODING, ENCODING_COUNT, type EncodingName } from './encodings.ts';

/**
 * Counts for each encoding the pages that were sent in it, and the bytes that they take on the link
 * without any header. Both lists are indexed by the encoding's number. A tally is plain data, so that a
 * worker can post it.
 */
export interface PageTally {
  readonly pages: readonly number[];
  readonly bytes: readonly number[];
}

/** A tally to which pages can still be added. */
export interface OpenTally extends PageTally {
  readonly pages: number[];
  readonly bytes: number[];
}

const zeros = (): number[] => Array.from({ length: ENCODING_COUNT }, () => 0);

/** Returns a tally of no pages. */
export function openTally(): OpenTally {
  return { pages: zeros(), bytes: zeros() };
}

/** Sets all counts of a tally to 0. */
export function clearTally(tally: OpenTally): void {
  tally.pages.fill(0);
  tally.bytes.fill(0);
}

/** Adds the counts of `more` to those of `tally`. */
export function addTally(tally: OpenTally, more: PageTally): void {
  for (let encoding = 0; encoding < ENCODING_COUNT; encoding++) {
    tally.pages[encoding]! += more.pages[encoding]!;
    tally.bytes[encoding]! += more.bytes[encoding]!;
  }
}

/** Returns the sum of tallies, such as those of all rounds. */
export function sumTallies(tallies: Iterable<PageTally>): PageTally {
  const sum = openTally();
  for (const tally of tallies) addTally(sum, tally);
  return sum;
}

/** Returns the number of pages sent in one encoding, or in all of them. */
export function pagesOf({ pages }: PageTally, encoding?: EncodingName): number {
  return encoding === undefined ? total(pages) : pages[ENCODING[encoding]]!;
}

/** Returns the bytes on the link, without headers, of the pages sent in one encoding, or in all of them. */
export function bytesOf({ bytes }: PageTally, encoding?: EncodingName): number {
  return encoding === undefined ? total(bytes) : bytes[ENCODING[encoding]]!;
}

function total(counts: readonly number[]): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
