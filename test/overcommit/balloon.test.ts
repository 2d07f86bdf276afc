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

  it('has no room while its guest finds nothing to give up, so that its host pages instead', () => {
    let size = 0;
    let most = 100;
    const driver = new BalloonDriver(
      { pollNs: 1e9, pagesPerSecond: 80, mostPages: 800, bootNs: 0 },
      {
        size: () => size,
        inflate: (pages) => void (size = Math.min(most, size + pages)),
        deflate: (pages) => void (size -= pages),
        empty: () => void (size = 0),
      },
    );
    driver.targetPages = 500;
    driver.advance(0);
    expect([size, driver.room(0)]).toEqual([80, 720]);
    driver.advance(1e9);
    expect([size, driver.room(1e9)]).toEqual([100, 0]);
    most = 300;
    driver.advance(2e9);
    expect([size, driver.room(2e9)]).toEqual([180, 620]);
  });
});
