import { describe, expect, it } from 'vitest';
import { emptyColumn } from '../../src/migration/page-record/columns.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import { readPages } from '../../src/result/page-map.ts';
import { pagesOf } from '../../src/result/pages.ts';

const column = (bins: number, sent: number) => {
  const counts = emptyColumn(bins);
  counts.sent.fill(sent);
  counts.dirtied.fill(sent + 1);
  return counts;
};

const round = (index: number, facts: object = {}) => ({
  index,
  stopped: false,
  startNs: 1e9 + index * 1e6,
  endNs: 1e9 + (index + 1) * 1e6,
  ...facts,
});

/** The part of a report that is read: 18 pages in bins of 4, three rounds in two columns, a stop, and post-copy. */
function made(
  facts: object = {},
  rounds = [round(1), round(2), round(3), round(4, { stopped: true })],
) {
  const pages = {
    binPages: 4,
    live: { roundsEach: 2, columns: [column(5, 4), column(5, 2)] },
    stopped: column(5, 1),
    postcopy: { fromNs: 1.01e9, columnNs: 4e6, columns: [column(5, 3), column(5, 0)] },
    sentTimes: [0, 10, 5, 2, 1],
    dirtiedTimes: [18],
    sentAgain: [0, 6, 6, 0, 0],
    ...facts,
  };
  return { startNs: 1e9, rounds, pages } as unknown as SourceReport;
}

describe('the field pages', () => {
  it('has a column for each record, with its rounds and times', () => {
    const { pages } = pagesOf(made());
    expect(pages).toMatchObject({ binPages: 4, bins: 5 });
    expect(pages!.columns).toEqual([
      { kind: 'live', firstRound: 1, lastRound: 2, startMs: 1, durationMs: 2 },
      { kind: 'live', firstRound: 3, lastRound: 3, startMs: 3, durationMs: 1 },
      { kind: 'stopped', firstRound: 4, lastRound: 4, startMs: 4, durationMs: 1 },
      { kind: 'postcopy', startMs: 10, durationMs: 4 },
      { kind: 'postcopy', startMs: 14, durationMs: 4 },
    ]);
    const { columns } = readPages(pages!);
    expect(columns.map(({ sent }) => sent[4])).toEqual([4, 2, 1, 3, 0]);
    expect(columns.map(({ dirtied }) => dirtied[0])).toEqual([5, 3, 2, 4, 1]);
  });

  it('says how few pages make most of what was sent again', () => {
    // Sent again: one page three times, two twice, five once; 9.6 times are most, so 3 + 4 + 3 of the once.
    expect(pagesOf(made()).pages!.sentAgain).toEqual({
      times: 12,
      pages: 8,
      hotPages: 6,
      hotShare: 0.8,
    });
    const even = pagesOf(made({ sentTimes: [8, 0, 0, 0, 10] })).pages!;
    expect(even.sentAgain).toMatchObject({ times: 30, pages: 10, hotPages: 8 });
    const { sentAgain } = pagesOf(made({ sentTimes: [3, 15] })).pages!;
    expect(sentAgain).toEqual({ times: 0, pages: 0, hotPages: 0, hotShare: 0.8 });
  });

  it('says where that was, up to the last page of a smaller last bin', () => {
    const hottest = (sentAgain: readonly number[]) => pagesOf(made({ sentAgain })).pages!.hottest;
    expect(hottest([0, 6, 6, 0, 0])).toEqual([{ firstGfn: 4, pages: 8, sentAgainTimes: 12 }]);
    expect(hottest([3, 0, 0, 0, 9])).toEqual([
      { firstGfn: 16, pages: 2, sentAgainTimes: 9 },
      { firstGfn: 0, pages: 4, sentAgainTimes: 3 },
    ]);
    expect(hottest([0, 0, 0, 0, 0])).toEqual([]);
    const many = Array.from({ length: 40 }, (_, bin) => (bin % 4 === 0 ? 8 : 0));
    const list = pagesOf(made({ sentAgain: many, sentTimes: [0, 160] })).pages!.hottest;
    expect(list.map(({ firstGfn }) => firstGfn)).toEqual([0, 16, 32, 48, 64, 80, 96, 112]);
  });

  it('is made coarser, never left out, when there are many cells', () => {
    const bins = 1024;
    const sentAgain = Array.from({ length: bins }, () => 0);
    const columns = Array.from({ length: 96 }, () => column(bins, 3));
    const rounds = [...columns.keys()].map((index) => round(index + 1));
    const live = { roundsEach: 1, columns };
    const { stopped: _, postcopy: __, ...others } = made({ live, sentAgain }, rounds).pages!;
    const { pages } = pagesOf({ ...made({}, rounds), pages: others });
    expect(pages).toMatchObject({ binPages: 8, bins: 512 });
    const map = readPages(pages!);
    expect(map.columns).toHaveLength(96);
    expect(map.columns.every(({ sent }) => Array.from(sent).every((count) => count === 6))).toBe(
      true,
    );
    expect(pages!.cells).not.toHaveProperty('requested');
  });

  it('is absent when nothing was recorded', () => {
    const { pages: _, ...others } = made();
    expect(pagesOf(others)).toEqual({});
  });
});
