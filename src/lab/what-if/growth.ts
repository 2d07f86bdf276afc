import { exp } from '../../random/elementary.ts';

/** How a guest of one working set visits it. */
export type Shape = 'uniform' | 'hotspot' | 'sequential';

/** Pages that are written `rate` times a second in all, at random or one after the other. */
export interface WrittenPages {
  readonly pages: number;
  readonly rate: number;
  readonly isInOrder: boolean;
}

/** With the shape hotspot, a tenth of the pages gets nine tenths of the writes. */
export const HOT_PAGES = 0.1;
export const HOT_WRITES = 0.9;

/** Returns the pages of a guest that writes `rate` pages a second in a working set. */
export function writtenPages(shape: Shape, pages: number, rate: number): WrittenPages[] {
  if (shape !== 'hotspot') return [{ pages, rate, isInOrder: shape === 'sequential' }];
  return [
    { pages: HOT_PAGES * pages, rate: HOT_WRITES * rate, isInOrder: false },
    { pages: (1 - HOT_PAGES) * pages, rate: (1 - HOT_WRITES) * rate, isInOrder: false },
  ];
}

/**
 * Returns how many distinct pages are dirtied in a time, on average: N (1 − exp(−r t / N)) of N pages that are written r
 * times a second at random, and r t of pages that are written in order, until all of them are.
 */
export function dirtiedPages(written: readonly WrittenPages[], seconds: number): number {
  return written.reduce((sum, { pages, rate, isInOrder }) => {
    const writes = rate * seconds;
    if (isInOrder) return sum + Math.min(pages, writes);
    const laps = writes / pages;
    return sum + pages * (laps > 40 ? 1 : 1 - exp(-laps));
  }, 0);
}

/** A guest that has dirtied this share of its working set may have written it once or a hundred times over. */
export const FULL_SHARE = 0.98;

/**
 * Returns the writes a second with which a guest dirties `dirtied` pages of its working set in a time. Of a share above
 * FULL_SHARE, the rate that dirties FULL_SHARE.
 */
export function rateFor(shape: Shape, pages: number, dirtied: number, seconds: number): number {
  const wanted = Math.min(dirtied, FULL_SHARE * pages);
  const dirties = (rate: number): number => dirtiedPages(writtenPages(shape, pages, rate), seconds);
  let [low, high] = [wanted / seconds, wanted / seconds];
  while (dirties(high) < wanted) high *= 2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (dirties(middle) < wanted) low = middle;
    else high = middle;
  }
  return high;
}
