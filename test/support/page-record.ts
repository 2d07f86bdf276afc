import { expect } from 'vitest';
import { sentTally, type SourceReport } from '../../src/migration/source.ts';
import { type PageMap, type PageMapColumn, readPages } from '../../src/result/page-map.ts';
import { pagesOf as recordedPages } from '../../src/result/pages.ts';
import { pagesOf } from '../../src/wire/tally.ts';

export const sum = (counts: Iterable<number>): number => {
  let total = 0;
  for (const count of counts) total += count;
  return total;
};

type Counts = 'sent' | 'zero' | 'dirtied' | 'requested';

const totalOf = (columns: readonly PageMapColumn[], name: Counts): number =>
  sum(columns.map((column) => sum(Array.from(column[name]))));

/** Returns how many pages have each count, as the columns of a map with one page a bin say it. */
function timesOf({ columns, bins }: PageMap, name: Counts): number[] {
  const histogram: number[] = [];
  for (let gfn = 0; gfn < bins; gfn++) {
    const times = sum(columns.map((column) => column[name][gfn]!));
    while (histogram.length <= times) histogram.push(0);
    histogram[times]!++;
  }
  return histogram;
}

/**
 * Checks what a migration of a guest of `pages` pages has recorded, as its result has it, against its own counters, and
 * returns the map. At most 64 rounds are checked one by one.
 */
export function checkedPages(source: SourceReport, pages: number, run = 'a run'): PageMap {
  const { pages: field } = recordedPages(source);
  const map = readPages(field!);
  const { columns } = map;
  const { rounds, postcopy } = source;
  expect(sum(field!.sentTimes), `${run}: all pages`).toBe(pages);
  expect(sum(field!.dirtiedTimes), `${run}: all pages`).toBe(pages);
  expect((map.bins - 1) * map.binPages).toBeLessThan(pages);
  expect(map.bins * map.binPages).toBeGreaterThanOrEqual(pages);
  for (const column of columns.filter(({ kind }) => kind !== 'postcopy')) {
    const { firstRound = 0, lastRound = 0 } = column;
    const own = rounds.slice(firstRound - 1, lastRound);
    const place = `${run}: ${column.kind} rounds ${firstRound} to ${lastRound}`;
    expect(own, place).toHaveLength(lastRound - firstRound + 1);
    expect(own.every(({ stopped }) => stopped === (column.kind === 'stopped'))).toBe(true);
    expect(totalOf([column], 'sent'), place).toBe(sum(own.map(({ tally }) => pagesOf(tally))));
    const zeros = sum(own.map(({ tally }) => pagesOf(tally, 'zero')));
    expect(totalOf([column], 'zero'), place).toBe(zeros);
    const dirtied = sum(own.map(({ dirtiedPages }) => dirtiedPages));
    expect(totalOf([column], 'dirtied'), place).toBe(dirtied);
  }
  const [last] = columns.filter(({ kind }) => kind !== 'postcopy').slice(-1);
  expect(last?.lastRound ?? 0, `${run}: rounds with a column`).toBe(rounds.length);
  const pushed = columns.filter(({ kind }) => kind === 'postcopy');
  expect(totalOf(pushed, 'sent'), run).toBe(postcopy ? pagesOf(postcopy.tally) : 0);
  expect(totalOf(pushed, 'zero')).toBe(postcopy ? pagesOf(postcopy.tally, 'zero') : 0);
  expect(totalOf(columns, 'requested'), run).toBe(postcopy?.requests ?? 0);
  const times = sum(field!.sentTimes.map((count, n) => n * count));
  expect(times, run).toBe(pagesOf(sentTally(source)));
  const again = sum(field!.sentTimes.map((count, n) => Math.max(0, n - 1) * count));
  expect(field!.sentAgain.times).toBe(again);
  expect(sum(field!.dirtiedTimes.map((count, n) => n * count))).toBe(totalOf(columns, 'dirtied'));
  if (map.binPages === 1) {
    expect(timesOf(map, 'sent')).toEqual(field!.sentTimes);
    expect(timesOf(map, 'dirtied')).toEqual(field!.dirtiedTimes);
  }
  return map;
}
