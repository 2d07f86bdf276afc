import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hotRanges } from '../../src/result/hot-ranges.ts';

const seed = Number(process.env['PROPERTY_SEED'] ?? 20260101);

describe('hot ranges', () => {
  it.each([
    {
      counts: [0, 0, 9, 9, 0, 0, 0, 6],
      ranges: [
        { first: 2, end: 4, count: 18 },
        { first: 7, end: 8, count: 6 },
      ],
    },
    // A small gap does not part what is hot on both sides of it.
    { counts: [0, 9, 2, 9, 0, 0, 0, 0], ranges: [{ first: 1, end: 4, count: 20 }] },
    {
      counts: [9, 0, 0, 0, 9],
      ranges: [
        { first: 0, end: 1, count: 9 },
        { first: 4, end: 5, count: 9 },
      ],
    },
    { counts: [3, 3, 3], ranges: [] },
    { counts: [0, 0], ranges: [] },
    { counts: [], ranges: [] },
  ])('of $counts are $ranges', ({ counts, ranges }) => {
    expect(hotRanges(counts)).toEqual(ranges);
  });

  it('are each above the average, as are all their ends, and leave no larger one out', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 14 }), (counts) => {
        const average = counts.reduce((a, b) => a + b, 0) / counts.length;
        const above = (from: number, to: number): number =>
          counts.slice(from, to).reduce((all, count) => all + count - average, 0);
        const found = hotRanges(counts);
        let best = 0;
        for (let from = 0; from < counts.length; from++) {
          for (let to = from + 1; to <= counts.length; to++) best = Math.max(best, above(from, to));
        }
        const isClose = (one: number, other: number): boolean => Math.abs(one - other) < 1e-9;
        for (const { first, end, count } of found) {
          expect(count).toBe(counts.slice(first, end).reduce((a, b) => a + b, 0));
          for (let at = first + 1; at <= end; at++) {
            expect(above(first, at)).toBeGreaterThan(-1e-9);
            expect(above(at - 1, end)).toBeGreaterThan(-1e-9);
          }
        }
        const most = Math.max(0, ...found.map(({ first, end }) => above(first, end)));
        expect(isClose(most, best)).toBe(true);
        for (const [index, range] of found.entries()) {
          const next = found[index + 1];
          if (next) expect(next.first).toBeGreaterThanOrEqual(range.end);
        }
      }),
      { seed, numRuns: 300 },
    );
  });
});
