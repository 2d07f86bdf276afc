import { describe, expect, it } from 'vitest';
import { Grid, levelOf } from '../../src/report/page-map/grid.ts';
import { layOut } from '../../src/report/page-map/layout.ts';
import { pageMapSvg } from '../../src/report/page-map/page-map.ts';
import { sentAgainSentences } from '../../src/result/page-sentence.ts';
import { encodeCells } from '../../src/result/cells/cells.ts';
import { likeDirtied, type PageMapColumn } from '../../src/result/page-map.ts';
import type { RunResult } from '../../src/result/schema.ts';

type Counts = 'sent' | 'zero' | 'dirtied' | 'requested';

const BINS = 10;
const none = Array.from({ length: BINS }, () => 0);

function column(
  kind: PageMapColumn['kind'],
  at: number,
  counts: Partial<Record<Counts, readonly number[]>> = {},
): PageMapColumn {
  const rounds = kind === 'postcopy' ? {} : { firstRound: at, lastRound: at };
  const times = { startMs: 10 * at, durationMs: 10 };
  return {
    kind,
    ...rounds,
    ...times,
    sent: none,
    zero: none,
    dirtied: none,
    requested: none,
    ...counts,
  };
}

const SENT = [8, 8, 8, 8, 8, 8, 8, 8, 8, 3];
/** A guest of 75 pages in bins of 8: a round, a stop and two columns of post-copy. */
const COLUMNS = [
  column('live', 1, {
    sent: SENT,
    zero: [0, 0, 0, 0, 0, 0, 0, 0, 8, 3],
    dirtied: [0, 8, 8, 1, 0, 0, 0, 0, 0, 0],
  }),
  column('stopped', 2),
  column('postcopy', 3, {
    sent: [0, 8, 2, 0, 0, 0, 0, 0, 0, 0],
    requested: [0, 2, 0, 0, 0, 0, 0, 0, 0, 0],
  }),
  column('postcopy', 4, { sent: [0, 0, 6, 1, 0, 0, 0, 0, 0, 0] }),
];

function made(columns: readonly PageMapColumn[], facts: object = {}): RunResult {
  const cells = (name: Counts): ArrayLike<number>[] => columns.map((one) => one[name]);
  const result = {
    scenario: { name: 'a < b', migration: { algorithm: 'hybrid' } },
    outcome: 'completed',
    ram: { total: 75 * 4096, pageSize: 4096 },
    pages: {
      binPages: 8,
      bins: BINS,
      columns: columns.map(({ kind, startMs, durationMs, firstRound, lastRound }) => ({
        kind,
        startMs,
        durationMs,
        firstRound,
        lastRound,
      })),
      cells: {
        sent: encodeCells(cells('sent'), likeDirtied(columns, cells('dirtied'))),
        zero: encodeCells(cells('zero')),
        dirtied: encodeCells(cells('dirtied')),
        requested: encodeCells(cells('requested')),
      },
      sentTimes: [0, 58, 17],
      sentAgain: { times: 17, pages: 17, hotPages: 14, hotShare: 0.8 },
      hottest: [{ firstGfn: 8, pages: 24, sentAgainTimes: 17 }],
      ...facts,
    },
  };
  return result as unknown as RunResult;
}

const texts = (svg: string): string[] =>
  Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), (match) => match[1]!);

describe('the grid of a page map', () => {
  const grid = new Grid({ bins: BINS, binPages: 8 }, { pages: 75, mostCells: 5 });

  it('joins bins, and the last cell may be smaller', () => {
    expect(grid.cells).toBe(5);
    expect([0, 1, 4, 5].map((cell) => grid.startOf(cell))).toEqual([0, 16, 64, 75]);
    expect(grid.shareOf(SENT, 4)).toBe(1);
    expect(grid.shareOf([0, 8, 2], 0)).toBe(0.5);
  });

  it('makes strips of equal cells, and tells zero pages from others', () => {
    expect(grid.stripsOf(COLUMNS[0]!, 'sent')).toEqual([
      { kind: 'sent', level: 4, from: 0, to: 64 },
      { kind: 'zero', level: 4, from: 64, to: 75 },
    ]);
    expect(grid.stripsOf(COLUMNS[0]!, 'dirtied')).toEqual([
      { kind: 'dirtied', level: 4, from: 0, to: 32 },
    ]);
    expect(grid.stripsOf(COLUMNS[2]!, 'requested')).toEqual([
      { kind: 'requested', level: 3, from: 0, to: 16 },
    ]);
    expect(grid.stripsOf(COLUMNS[3]!, 'sent')).toEqual([
      { kind: 'sent', level: 4, from: 16, to: 32 },
    ]);
    expect(grid.stripsOf(COLUMNS[1]!, 'sent')).toEqual([]);
  });

  it.each([
    [0, undefined],
    [Number.NaN, undefined],
    [1e-9, 0],
    [0.01, 0],
    [0.011, 1],
    [0.3, 3],
    [1, 4],
    [1.001, 5],
  ])('has for the share %f the class %s', (share, level) => {
    expect(levelOf(share)).toBe(level);
  });
});

describe('the layout of a page map', () => {
  it.each([
    { live: 1, postcopy: 32 },
    { live: 96, postcopy: 0 },
    { live: 90, postcopy: 32 },
    { live: 0, postcopy: 1 },
  ])('has rows one below the other whose labels have room, $live rounds', ({ live, postcopy }) => {
    const columns = [
      ...Array.from({ length: live }, (_, index) => column('live', index + 1)),
      column('stopped', live + 1),
      ...Array.from({ length: postcopy }, (_, index) => column('postcopy', live + 2 + index)),
    ];
    const { sent, wanted, axisY, legendY, height } = layOut({ columns, bins: BINS, binPages: 8 });
    expect(sent.rows).toHaveLength(columns.length);
    expect(wanted!.rows).toHaveLength(columns.length - 1);
    expect(wanted!.top).toBeGreaterThan(sent.bottom + 20);
    expect([axisY, legendY, height]).toEqual([axisY, legendY, height].toSorted((a, b) => a - b));
    for (const { rows, top, bottom } of [sent, wanted!]) {
      let end = top;
      let labelled = -Infinity;
      for (const { y, height: own, label } of rows) {
        expect(y).toBeGreaterThanOrEqual(end);
        end = y + own;
        if (label === undefined) continue;
        const middle = y + own / 2;
        expect(middle - labelled, label).toBeGreaterThanOrEqual(12.5);
        labelled = middle;
      }
      expect(end).toBe(bottom);
    }
    expect(sent.rows.some(({ label }) => label === 'stop')).toBe(true);
    expect(sent.rows.some(({ label }) => label === 'post-copy')).toBe(postcopy > 0);
  });
});

describe('the chart of a page map', () => {
  it('names rounds, the stop, post-copy, memory and what colours mean', () => {
    const svg = pageMapSvg(made(COLUMNS));
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(texts(svg)).toEqual(
      expect.arrayContaining([
        'a &lt; b: which pages were sent and dirtied, 300 KiB guest',
        'hybrid, completed; counted by 8 pages, 32 KiB',
        'round 1',
        'stop',
        'post-copy',
        '+10 ms',
        '75',
        '128 KiB',
        'gfn 0',
        '32',
        'most of them as zero pages',
        'pages found dirty',
        'requests of faults',
        'to 100 %',
      ]),
    );
    // The round, half of the guest's pages found dirty, and the pages that a fault asked for.
    for (const colour of ['#2171b5', '#737373', '#d94801', '#9e9ac8'])
      expect(svg).toContain(colour);
    expect(pageMapSvg(made(COLUMNS))).toBe(svg);
  });

  it('has no second panel for a stop alone, and no legend of what is not there', () => {
    const svg = pageMapSvg(made([column('stopped', 1, { sent: SENT })]));
    expect(texts(svg).filter((one) => one === 'pages')).toHaveLength(1);
    expect(texts(svg)).not.toContain('pages found dirty');
  });
});

describe('the sentence about what was sent again', () => {
  it('says how few pages make most of it, and where', () => {
    expect(sentAgainSentences(made(COLUMNS))).toEqual([
      '18.7 % of the pages make 80 % of the 68 KiB that were sent again',
      'the hottest range, gfn 8 to 31 (32 KiB to 128 KiB), has 32 % of the pages and 100 % of that',
    ]);
  });

  it('names no range that is hardly hotter than the rest', () => {
    const hottest = [{ firstGfn: 0, pages: 60, sentAgainTimes: 17 }];
    expect(sentAgainSentences(made(COLUMNS, { hottest }))).toHaveLength(1);
    expect(sentAgainSentences(made(COLUMNS, { hottest: [] }))).toHaveLength(1);
  });

  it('says that nothing was sent again', () => {
    const sentAgain = { times: 0, pages: 0, hotPages: 0, hotShare: 0.8 };
    expect(sentAgainSentences(made(COLUMNS, { sentAgain, hottest: [] }))).toEqual([
      'no page was sent again',
    ]);
  });
});
