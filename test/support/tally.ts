import { ENCODING, type EncodingName } from '../../src/wire/encodings.ts';
import { openTally, type PageTally } from '../../src/wire/tally.ts';

/** Returns a tally of the given number of pages in each encoding; a raw page counts `pageSize` bytes. */
export function tallyOf(
  pages: Readonly<Partial<Record<EncodingName, number>>>,
  pageSize = 4096,
): PageTally {
  const tally = openTally();
  for (const name of Object.keys(pages) as EncodingName[]) {
    tally.pages[ENCODING[name]] = pages[name]!;
  }
  tally.bytes[ENCODING.raw] = (pages.raw ?? 0) * pageSize;
  return tally;
}
