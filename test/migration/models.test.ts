import { describe, expect, it } from 'vitest';
import { distinctPages } from '../../src/migration/history.ts';
import {
  averageRate,
  historyRate,
  bounds,
  geometricSeries,
  type ModelInputs,
} from '../../src/migration/models.ts';

const MIB = 2 ** 20;
/** A guest of 1 GiB over 100 MiB/s. */
const inputs: ModelInputs = {
  guestBytes: 1024 * MIB,
  pageSize: 4096,
  bytesPerSecond: 100 * MIB,
  dirtyPagesPerSecond: (10 * MIB) / 4096,
  workingSetPages: (256 * MIB) / 4096,
  overheadSeconds: 0.1,
  downtimeLimitSeconds: 0.3,
};

describe('closed formulas of pre-copy', () => {
  it('bounds: one copy to five, and a downtime of at most one', () => {
    const { totalSeconds, downtimeSeconds } = bounds(inputs);
    expect(totalSeconds.low).toBeCloseTo(10.34, 6);
    expect(totalSeconds.high).toBeCloseTo(51.3 - 4096 / (100 * MIB), 6);
    expect(downtimeSeconds).toEqual({ low: 0.1, high: 10.34 });
  });

  it('geometric: a tenth of each round is left for the next', () => {
    // 1024, 102.4 MiB; 10.24 MiB are below the 30 MiB of the limit.
    const { totalSeconds, downtimeSeconds, rounds } = geometricSeries(inputs)!;
    expect(rounds).toBe(2);
    expect(downtimeSeconds).toBeCloseTo(0.2024, 6);
    expect(totalSeconds).toBeCloseTo(10.24 + 1.024 + 0.2024, 6);
  });

  it('geometric: has no answer for a guest that dirties faster than the link', () => {
    expect(geometricSeries({ ...inputs, dirtyPagesPerSecond: 25_600 })).toBeUndefined();
  });

  it("average: ends by Xen's rules, three guests sent, when the working set is dirtied each round", () => {
    const hot = { ...inputs, dirtyPagesPerSecond: 1e6 };
    // 1024 MiB, then 256 MiB a round until more than 3072 have gone.
    const { rounds, downtimeSeconds } = averageRate(hot);
    expect(rounds).toBe(10);
    expect(downtimeSeconds).toBeCloseTo(2.66, 6);
    expect(averageRate({ ...inputs, dirtyPagesPerSecond: 0 })).toMatchObject({ rounds: 1 });
  });
});

describe('a history of dirty pages', () => {
  const history = {
    stepNs: 1e9,
    pages: 64,
    bitmaps: [
      [0b1, 0],
      [0b11, 0],
      [0, 0x80000001],
      [0, 0],
    ].map((words) => Uint32Array.from(words)),
  };

  it.each([
    [0, 1, 1],
    [0, 2, 2],
    [1, 3, 4],
    [3, 4, 0],
    [2.6, 3.4, 0],
    [3, 5, 1],
    [3, 30, 4],
    [2, 2, 0],
  ])('from %s to %s s has %s distinct pages', (from, to, pages) => {
    expect(distinctPages(history, from * 1e9, to * 1e9)).toBe(pages);
  });

  it('gives a model that counts each page once', () => {
    const rounds = historyRate(
      { ...inputs, guestBytes: 64 * 4096, bytesPerSecond: 32 * 4096, overheadSeconds: 0 },
      history,
    );
    // 2 s for all pages; 2 of them are dirty then, fewer than 50 pages.
    expect(rounds).toEqual({ rounds: 1, totalSeconds: 2 + 2 / 32, downtimeSeconds: 2 / 32 });
  });
});
