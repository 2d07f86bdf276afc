import { describe, expect, it } from 'vitest';
import { meanPagesLeft, pagesLeft } from '../../src/lab/papers/window-rule.ts';
import type { DirtyHistory } from '../../src/migration/history.ts';

const PAGES = 1024;

/** Every second other pages are dirty: `perStep` of them, in turn. */
function inTurn(steps: number, perStep: number): DirtyHistory {
  const bitmaps = Array.from({ length: steps }, (_, step) => {
    const words = new Uint32Array(PAGES / 32);
    for (let i = 0; i < perStep; i++) {
      const page = (step * perStep + i) % PAGES;
      words[page >>> 5]! |= 1 << (page & 31);
    }
    return words;
  });
  return { stepNs: 1e9, pages: PAGES, bitmaps };
}

describe('the rule of 8 s', () => {
  it('leaves what a window dirties first, then what the set before it gives time for', () => {
    // 10 new pages a second, 20 a second sent: each round half of the one before.
    expect(pagesLeft(inTurn(100, 10), 0, { pagesPerSecond: 20, rounds: 4 })).toEqual([
      80, 40, 20, 10,
    ]);
  });

  it('knows no window but its own, however fast the link', () => {
    const history = inTurn(100, 10);
    for (const pagesPerSecond of [1, 20, 1000]) {
      expect(pagesLeft(history, 3e9, { pagesPerSecond, rounds: 1 })).toEqual([80]);
    }
  });

  it('is averaged over starts all along the history', () => {
    const quiet = inTurn(16, 0);
    const busy = inTurn(16, 10);
    const history = { ...quiet, bitmaps: [...quiet.bitmaps, ...busy.bitmaps] };
    const rule = { pagesPerSecond: 20, rounds: 1 };
    const starts = Array.from({ length: 32 }, (_, at) => pagesLeft(history, at * 1e9, rule)[0]!);
    expect(new Set(starts).size).toBeGreaterThan(2);
    const mean = starts.reduce((a, b) => a + b, 0) / starts.length;
    expect(meanPagesLeft(history, 1e9, rule)[0]).toBeCloseTo(mean, 9);
  });
});
