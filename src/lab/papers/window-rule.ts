import { type DirtyHistory, distinctPages } from '../../migration/history.ts';

/** The window of Clark et al. 2005, section 4: they cleared the dirty log every 8 s. */
export const WINDOW_NS = 8e9;

/** How fast pages are sent in the estimate, and how many rounds it has. */
export interface WindowRule {
  readonly pagesPerSecond: number;
  readonly rounds: number;
}

/**
 * Estimates how many pages remain after 1, 2, … pre-copy rounds that begin at `fromNs` of a recorded
 * history, by the rule of figures 3 to 6 of Clark et al. 2005. The first round leaves the pages that
 * one window dirties, however long the round would take; each further round leaves the pages that are
 * dirtied while the set before it is sent.
 */
export function pagesLeft(
  history: DirtyHistory,
  fromNs: number,
  { pagesPerSecond, rounds }: WindowRule,
): number[] {
  const left: number[] = [];
  let startNs = fromNs;
  let lengthNs = WINDOW_NS;
  for (let round = 0; round < rounds; round++) {
    const pages = distinctPages(history, startNs, startNs + lengthNs);
    left.push(pages);
    startNs += lengthNs;
    lengthNs = (pages / pagesPerSecond) * 1e9;
  }
  return left;
}

/** Returns the mean of `pagesLeft` over starts that are `everyNs` apart, from the history's beginning to its end. */
export function meanPagesLeft(history: DirtyHistory, everyNs: number, rule: WindowRule): number[] {
  const sums = Array.from({ length: rule.rounds }, () => 0);
  const starts = Math.floor((history.bitmaps.length * history.stepNs) / everyNs);
  for (let start = 0; start < starts; start++) {
    for (const [round, pages] of pagesLeft(history, start * everyNs, rule).entries()) {
      sums[round]! += pages;
    }
  }
  return sums.map((sum) => sum / starts);
}
