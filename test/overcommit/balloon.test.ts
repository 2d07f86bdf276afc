import { describe, expect, it } from 'vitest';
import { BalloonDriver } from '../../src/overcommit/balloon.ts';

/** Lets a driver whose host wants 1000 pages live for a second in steps of 100 ms; returns its balloon's pages. */
function sizeAfterSecond(pollNs: number): number {
  let size = 0;
  const driver = new BalloonDriver(
    { pollNs, pagesPerSecond: 500, mostPages: 800, bootNs: 0 },
    {
      size: () => size,
      inflate: (pages) => void (size += pages),
      deflate: (pages) => void (size -= pages),
      empty: () => void (size = 0),
    },
  );
  driver.targetPages = 1000;
  for (let ns = 0; ns < 1e9; ns += 100e6) driver.advance(ns);
  return size;
}

describe('the driver of a balloon', () => {
  it('keeps to its rate when it polls more often than its host looks after it', () => {
    expect(sizeAfterSecond(100e6)).toBe(500);
    // The first poll comes at once, and the others within the 900 ms that follow.
    expect(sizeAfterSecond(1e6)).toBeGreaterThan(400);
    expect(sizeAfterSecond(1e6)).toBeLessThanOrEqual(500);
  });
});
