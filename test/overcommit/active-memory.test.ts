import { describe, expect, it } from 'vitest';
import { ActiveMemory, DEFAULT_SAMPLING } from '../../src/overcommit/active-memory.ts';

/** Returns the estimates at the ends of periods in which so many of 100 sampled pages were touched. */
function estimates(touched: readonly number[], initial: number): number[] {
  const active = new ActiveMemory(DEFAULT_SAMPLING, initial);
  return touched.map((count) => {
    active.endPeriod(count / 100);
    return active.fraction;
  });
}

describe('the estimate of active memory', () => {
  it('reaches 90 % of a step up within two periods', () => {
    const [first, second] = estimates([80, 80], 0);
    expect(first).toBeGreaterThan(0.55);
    expect(second).toBeGreaterThan(0.9 * 0.8);
  });

  it('falls as slowly as the slow average: to a tenth in eight periods', () => {
    const found = estimates(
      Array.from({ length: 9 }, () => 0),
      1,
    );
    expect(found[0]).toBeCloseTo(0.75, 5);
    expect(found[7]).toBeCloseTo(0.75 ** 8, 5);
    expect(found[8]).toBeLessThan(0.1);
  });

  it('rises within a period as pages are touched, and not because few have been', () => {
    const active = new ActiveMemory(DEFAULT_SAMPLING, 0.2);
    active.observe(0.05);
    expect(active.fraction).toBeCloseTo(0.2, 5);
    active.observe(0.9);
    expect(active.fraction).toBeGreaterThan(0.6);
  });
});
