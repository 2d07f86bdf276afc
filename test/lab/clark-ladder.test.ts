import { describe, expect, it } from 'vitest';
import { LIMITS, limitsOf } from '../../src/lab/papers/clark-ladder.ts';

/** A live round in which so many Mbit/s were dirtied. */
const round = (seconds: number, dirtyMbit: number) => ({
  index: 1,
  startMs: 0,
  durationMs: seconds * 1000,
  pages: 0,
  zeroPages: 0,
  skippedPages: 0,
  bytes: 0,
  dirtiedPages: Math.ceil((dirtyMbit * 1e6 * seconds) / 8 / 4096),
});

describe('the rates of a run', () => {
  it('are those of figure 9, for its rounds', () => {
    const dirtyMbit = [26, 62, 139, 257, 329, 453, 588, 439];
    const seconds = [54.1, 10.1, 3.1, 1.2, 0.63, 0.39, 0.32, 0.34];
    const rounds = dirtyMbit.map((mbit, i) => round(seconds[i]!, mbit));
    expect(limitsOf(rounds)).toEqual(LIMITS);
  });

  it('never fall, never pass 500, and are none of the stopped round', () => {
    const rounds = [round(1, 300), round(1, 20), round(1, 2000), round(1, 20)];
    const stopped = { ...round(1, 0), stopped: true as const };
    expect(limitsOf([...rounds, stopped])).toEqual([100, 350, 350, 500]);
  });
});
