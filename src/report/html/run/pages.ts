import { type PageMapColumn, readPages } from '../../../result/page-map.ts';
import type { ResultPages } from '../../../result/pages-schema.ts';
import type { RunResult } from '../../../result/schema.ts';
import type { HeatFigure, RowsFigure } from '../chart/figure.ts';
import type { Block, Section } from '../model.ts';
import { countText, percentText, plural, sizeText } from '../words.ts';

/** A heat map has at most so many cells, so that a report stays small. */
const MOST_CELLS = 16_384;

/** Returns what is known of the pages: which were sent how often, and dirtied when; nothing when it was not recorded. */
export function pagesSection({ pages, ram }: RunResult): Section[] {
  if (!pages) return [];
  const blocks: Block[] = [
    { kind: 'text', text: againText(pages) },
    ...heatMaps(pages).map((figure): Block => ({ kind: 'figure', figure })),
    { kind: 'figure', figure: timesChart(pages) },
    ...hottestTable(pages, ram.pageSize),
  ];
  return [{ title: 'Pages', blocks }];
}

function againText({ sentAgain, sentTimes }: ResultPages): string {
  const { times, pages, hotPages, hotShare } = sentAgain;
  if (times === 0) return 'No page was sent more than once.';
  const all = sentTimes.reduce((sum, count) => sum + count, 0);
  return `${plural(pages, 'page')} were sent again, ${countText(times)} times in all. ${plural(hotPages, 'page')}, ${percentText(hotPages / all)} of the guest's memory, make ${percentText(hotShare)} of that.`;
}

/** Returns the heat maps of a run: pages sent, pages dirtied, and pages that were asked for. */
export function heatMaps(pages: ResultPages): HeatFigure[] {
  const { columns, bins, binPages } = readPages(pages);
  const live = columns.filter(({ kind }) => kind === 'live');
  const postcopy = columns.filter(({ kind }) => kind === 'postcopy');
  const map = (
    parts: Pick<HeatFigure, 'id' | 'title' | 'what' | 'colour'>,
    rows: readonly PageMapColumn[],
    table: 'sent' | 'dirtied' | 'requested',
  ): HeatFigure[] => {
    const joined = rows.length === 0 ? 1 : binsEach(bins, rows.length);
    const width = Math.ceil(bins / joined);
    const values = rows.flatMap((row) => sums(row[table], joined, width));
    if (values.every((value) => value === 0)) return [];
    return [
      {
        kind: 'heat',
        ...parts,
        note: `Each cell is ${plural(binPages * joined, 'page')}; the darker it is, the more of them.`,
        x: { label: 'gfn', min: 0, max: width * joined * binPages },
        y: { label: timeLabel(rows), rows: labelsOf(rows) },
        columns: width,
        values,
      },
    ];
  };
  return [
    ...map(
      { id: 'pages-sent', title: 'Which pages were sent when', what: 'pages sent', colour: 'c1' },
      columns,
      'sent',
    ),
    ...map(
      {
        id: 'pages-dirtied',
        title: 'Which pages were dirtied when',
        what: 'pages dirtied',
        colour: 'c2',
      },
      live,
      'dirtied',
    ),
    ...map(
      {
        id: 'pages-requested',
        title: 'Which pages were asked for when',
        what: 'requests',
        colour: 'c4',
      },
      postcopy,
      'requested',
    ),
  ];
}

function timeLabel(rows: readonly PageMapColumn[]): string {
  const isPostcopy = rows.map(({ kind }) => kind === 'postcopy');
  if (isPostcopy.every(Boolean)) return 'post-copy since its start';
  return isPostcopy.some(Boolean) ? 'round, then post-copy since its start' : 'round';
}

/** Returns how many bins make a column of a heat map with so many rows, a power of two. */
function binsEach(bins: number, rows: number): number {
  let joined = 1;
  while (Math.ceil(bins / joined) * rows > MOST_CELLS) joined *= 2;
  return joined;
}

function sums(counts: ArrayLike<number>, joined: number, width: number): number[] {
  const sum = Array.from({ length: width }, () => 0);
  for (let bin = 0; bin < counts.length; bin++) sum[Math.floor(bin / joined)]! += counts[bin]!;
  return sum;
}

function labelsOf(columns: readonly PageMapColumn[]): string[] {
  const startMs = columns.find(({ kind }) => kind === 'postcopy')?.startMs ?? 0;
  return columns.map((column) => {
    if (column.kind === 'postcopy') return `+${Math.round(column.startMs - startMs)} ms`;
    if (column.kind === 'stopped') return 'stop';
    const { firstRound, lastRound } = column;
    return firstRound === lastRound ? String(firstRound) : `${firstRound}–${lastRound}`;
  });
}

/** Returns how many pages were sent, and found dirty, how often. */
function timesChart({ sentTimes, dirtiedTimes }: ResultPages): RowsFigure {
  const most = Math.max(sentTimes.length, dirtiedTimes.length);
  const kinds = [
    { name: 'sent', colour: 'c1' },
    { name: 'found dirty', colour: 'c2', isThin: true },
  ] as const;
  const rows = Array.from({ length: most }, (_, times) => ({
    label: times === 1 ? 'once' : times === 0 ? 'never' : `${times} times`,
    bars: [sentTimes[times] ?? 0, dirtiedTimes[times] ?? 0].map((pages, kind) => ({
      kind,
      from: 0,
      to: pages,
      text: `${kinds[kind]!.name}: ${plural(pages, 'page')}`,
    })),
  }));
  return {
    kind: 'rows',
    id: 'pages-times',
    title: 'How many pages were sent, and found dirty, how often',
    x: { label: 'pages', min: 0 },
    kinds,
    rows,
  };
}

function hottestTable({ hottest }: ResultPages, pageSize: number): Block[] {
  if (hottest.length === 0) return [];
  const columns = ['first gfn', 'address', 'pages', 'size', 'times sent again'].map((name) => ({
    name,
    isNumber: true,
  }));
  const rows = hottest.map(({ firstGfn, pages, sentAgainTimes }) => [
    countText(firstGfn),
    `0x${(firstGfn * pageSize).toString(16)}`,
    countText(pages),
    sizeText(pages * pageSize),
    countText(sentAgainTimes),
  ]);
  return [
    { kind: 'table', caption: 'The ranges that were sent again most', table: { columns, rows } },
  ];
}
