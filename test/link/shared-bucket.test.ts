import { expect, it } from 'vitest';
import { HORIZON_NS } from '../../src/link/link.ts';
import { tokenBucket } from '../../src/link/rate-limiter.ts';
import { createPacing, openSharedPacing } from '../../src/link/shared-bucket.ts';
import { Generator } from '../../src/random/generator.ts';

it('paces two threads as one token bucket paces one', () => {
  const shared = createPacing(100e6);
  const [near, far] = [openSharedPacing(shared).link, openSharedPacing(shared).link];
  const one = tokenBucket(100e6, HORIZON_NS);
  const random = new Generator(3);
  let nowNs = 1e9;
  for (let i = 0; i < 500; i++) {
    nowNs += random.below(40) * 1e5;
    const bytes = random.below(200_000);
    const bucket = random.below(2) === 0 ? near : far;
    if (random.below(10) === 0) {
      bucket.rest();
      one.rest();
    }
    // Shared times are whole nanoseconds, each of which is rounded up.
    expect(Math.abs(bucket.take(bytes, nowNs) - one.take(bytes, nowNs))).toBeLessThan(i + 2);
    expect(Math.abs(near.readyAtNs() - one.readyAtNs())).toBeLessThan(i + 2);
  }
});

it('holds nobody back without a rate, and takes a new rate and horizon for all', () => {
  const shared = createPacing(Infinity);
  const [near, far] = [openSharedPacing(shared).link, openSharedPacing(shared).link];
  expect([near.take(1e6, 5), near.readyAtNs()]).toEqual([5, 0]);
  near.rest();
  near.setRate(1e9);
  near.setHorizon(0);
  expect(far.take(1000, 5000)).toBe(6000);
  expect(near.readyAtNs()).toBe(6000);
  far.restart();
  expect(near.take(1000, 100)).toBe(1100);
});
