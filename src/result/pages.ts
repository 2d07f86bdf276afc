import type { PageColumn } from '../migration/page-record/columns.ts';
import type { PageRecord } from '../migration/page-record/page-recorder.ts';
import type { SourceReport } from '../migration/source.ts';
import { encodeCells } from './cells/cells.ts';
import { hotRanges } from './hot-ranges.ts';
import { likeDirtied } from './page-map.ts';
import type { PagesColumn, ResultPages } from './pages-schema.ts';

/** Tables with more cells than this are made coarser, so that a result stays small. */
const MOST_CELLS = 48 * 1024;
const HOT_SHARE = 0.8;
const MOST_RANGES = 8;

/** Returns the field `pages` of a result, or nothing if its migration recorded no pages. */
export function pagesOf(source: SourceReport): { pages?: ResultPages } {
  const { pages: record } = source;
  if (!record) return {};
  const columns = [
    ...liveOf(record, source),
    ...stoppedOf(record, source),
    ...postcopyOf(record, source),
  ];
  const binsEach = coarseness(record.sentAgain.length, columns.length);
  const table = (name: keyof PageColumn): number[][] =>
    columns.map(({ counts }) => joined(counts[name], binsEach));
  const dirtied = table('dirtied');
  const heads = columns.map(({ head }) => head);
  const binPages = record.binPages * binsEach;
  return {
    pages: {
      binPages,
      bins: Math.ceil(record.sentAgain.length / binsEach),
      columns: heads,
      cells: {
        sent: encodeCells(table('sent'), likeDirtied(heads, dirtied)),
        zero: encodeCells(table('zero')),
        dirtied: encodeCells(dirtied),
        ...(record.postcopy ? { requested: encodeCells(table('requested')) } : {}),
      },
      sentTimes: [...record.sentTimes],
      dirtiedTimes: [...record.dirtiedTimes],
      sentAgain: sentAgainOf(record.sentTimes),
      hottest: hottestOf(record),
    },
  };
}

interface Column {
  readonly head: PagesColumn;
  readonly counts: PageColumn;
}

const ms = (ns: number): number => Math.round(ns / 1e3) / 1e3;

function liveOf({ live }: PageRecord, { rounds, startNs }: SourceReport): Column[] {
  const liveRounds = rounds.filter(({ stopped }) => !stopped);
  return live.columns.map((counts, index) => {
    const first = liveRounds[index * live.roundsEach]!;
    const last = liveRounds[Math.min(liveRounds.length, (index + 1) * live.roundsEach) - 1]!;
    return {
      counts,
      head: {
        kind: 'live',
        firstRound: first.index,
        lastRound: last.index,
        startMs: ms(first.startNs - startNs),
        durationMs: ms(last.endNs - first.startNs),
      },
    };
  });
}

function stoppedOf({ stopped }: PageRecord, { rounds, startNs }: SourceReport): Column[] {
  const round = rounds.find((one) => one.stopped);
  if (!stopped || !round) return [];
  const { index } = round;
  const times = {
    startMs: ms(round.startNs - startNs),
    durationMs: ms(round.endNs - round.startNs),
  };
  return [
    { counts: stopped, head: { kind: 'stopped', firstRound: index, lastRound: index, ...times } },
  ];
}

function postcopyOf({ postcopy }: PageRecord, { startNs }: SourceReport): Column[] {
  if (!postcopy) return [];
  const { fromNs, columnNs, columns } = postcopy;
  return columns.map((counts, index) => ({
    counts,
    head: {
      kind: 'postcopy',
      startMs: ms(fromNs + index * columnNs - startNs),
      durationMs: ms(columnNs),
    },
  }));
}

/** Returns how many recorded bins make a bin of the result, a power of two. */
function coarseness(bins: number, columns: number): number {
  let binsEach = 1;
  while (Math.ceil(bins / binsEach) * columns > MOST_CELLS) binsEach *= 2;
  return binsEach;
}

function joined(counts: Uint32Array, binsEach: number): number[] {
  const sums = Array.from({ length: Math.ceil(counts.length / binsEach) }, () => 0);
  for (const [bin, count] of counts.entries()) sums[Math.floor(bin / binsEach)]! += count;
  return sums;
}

/** Returns how often pages were sent again, and by how few of them most of that was caused. */
function sentAgainOf(sentTimes: readonly number[]): ResultPages['sentAgain'] {
  const again = sentTimes.slice(2);
  const times = again.reduce((sum, pages, index) => sum + pages * (index + 1), 0);
  let left = HOT_SHARE * times;
  let hotPages = 0;
  for (let index = again.length - 1; index >= 0 && left > 0; index--) {
    const pages = Math.min(again[index]!, Math.ceil(left / (index + 1)));
    hotPages += pages;
    left -= pages * (index + 1);
  }
  const pages = again.reduce((sum, count) => sum + count, 0);
  return { times, pages, hotPages, hotShare: HOT_SHARE };
}

/** Returns the ranges in which pages were sent again more often than on average, those with the most times first. */
function hottestOf({ sentAgain, binPages, sentTimes }: PageRecord): ResultPages['hottest'] {
  const allPages = sentTimes.reduce((sum, pages) => sum + pages, 0);
  return hotRanges(sentAgain)
    .toSorted((a, b) => b.count - a.count || a.first - b.first)
    .slice(0, MOST_RANGES)
    .map(({ first, end, count }) => ({
      firstGfn: first * binPages,
      pages: Math.min(allPages, end * binPages) - first * binPages,
      sentAgainTimes: count,
    }));
}
