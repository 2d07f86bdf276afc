import { describe, expect, it } from 'vitest';
import { type MemoryState, nextState } from '../../src/overcommit/memory-state.ts';

const walk = (free: readonly number[]): MemoryState[] => {
  let state: MemoryState = 'high';
  return free.map((share) => (state = nextState(state, share)));
};

describe('the states of a host memory', () => {
  it('get worse below 4, 2 and 1 % and better above the next threshold and a margin', () => {
    expect(walk([0.061, 0.05, 0.041, 0.039])).toEqual(['high', 'high', 'high', 'soft']);
    expect(walk([0.039, 0.06, 0.064, 0.066])).toEqual(['soft', 'soft', 'soft', 'high']);
    expect(walk([0.019, 0.03, 0.044, 0.046])).toEqual(['hard', 'hard', 'hard', 'soft']);
    expect(walk([0.009, 0.02, 0.024, 0.026])).toEqual(['low', 'low', 'low', 'hard']);
  });

  it('skip states when free memory jumps', () => {
    expect(walk([0.005, 0.5])).toEqual(['low', 'high']);
  });

  it('do not flap at a threshold', () => {
    const flapping = Array.from({ length: 100 }, (_, i) => 0.0395 + (i % 2) * 0.001);
    expect(new Set(walk(flapping)).size).toBe(1);
  });
});
