import { type DirtyHistory, distinctPages } from '../../migration/history.ts';

/** Clark et al. 2005, section 4: the dirty log was cleared every 8 s. */
export const WINDOW_NS = 8e9;

export interface WindowRule {
  readonly pagesPerSecond: number;
  readonly rounds: number;
}

/**
 * How many pages each number of pre-copy rounds leaves, estimated from a recorded history as figures
 * 3 to 6 of Clark et al. 2005 have it: the first round leaves what one window dirties, however long it
 * would take; each further one leaves what is dirtied while the set before it is sent.
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

/** The same, the mean of starts that are `everyNs` apart over all of the history. */
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
