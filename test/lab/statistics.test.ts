import { describe, expect, it } from 'vitest';
import {
  holm,
  median,
  permutationTest,
  quantile,
  quartiles,
  signFlipTest,
} from '../../src/lab/statistics.ts';
import { Generator } from '../../src/random/generator.ts';

/** A number from −1 to 1. */
const unit = (random: Generator): number => random.next() / 2 ** 31 - 1;

describe('quantiles', () => {
  it('lie between neighbours linearly', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quartiles([5, 1, 2, 3, 4])).toEqual({ min: 1, q1: 2, median: 3, q3: 4, max: 5 });
    expect(quantile([10, 20], 0.9)).toBeCloseTo(19);
  });

  it('of nothing are refused', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('the sign-flip test', () => {
  it('counts exactly when all pairs agree', () => {
    expect(signFlipTest([1, 2, 3, 4, 5])).toBe(1 / 32);
    expect(signFlipTest([-1, -2, -3, -4, -5])).toBe(1);
  });

  it('counts what the enumeration of all signs counts', () => {
    const differences = [0.5, -1.25, 2, 0.75, -0.5, 3];
    const observed = differences.reduce((sum, one) => sum + one, 0);
    let above = 0;
    for (let signs = 0; signs < 64; signs++) {
      const sum = differences.reduce(
        (all, one, i) => all + ((signs >> i) & 1 ? 1 : -1) * Math.abs(one),
        0,
      );
      if (sum >= observed) above++;
    }
    expect(signFlipTest(differences)).toBe(above / 64);
  });

  it('is sure of nothing when there is nothing', () => {
    expect(signFlipTest([0, 0, 0, 0])).toBe(1);
  });

  it('resamples when there are too many pairs to count', () => {
    const differences = Array.from({ length: 30 }, (_, i) => 1 + (i % 3));
    expect(signFlipTest(differences)).toBe(1 / 100_000);
    expect(signFlipTest(differences.map((value) => -value))).toBe(1);
  });

  it('falls below p in a share p of samples without an effect', () => {
    const random = new Generator(7);
    let small = 0;
    for (let i = 0; i < 1000; i++) {
      if (signFlipTest(Array.from({ length: 8 }, () => unit(random))) <= 0.05) small++;
    }
    // 0.05 of 1000, and four standard deviations beside it.
    expect(small).toBeGreaterThan(22);
    expect(small).toBeLessThan(78);
  });
});

describe('the permutation test', () => {
  it('finds a shift, and none where there is none', () => {
    const random = new Generator(3);
    const before = Array.from({ length: 15 }, () => unit(random));
    const same = Array.from({ length: 15 }, () => unit(random));
    expect(
      permutationTest(
        before,
        before.map((value) => value + 2),
      ),
    ).toBeLessThan(0.001);
    expect(
      permutationTest(
        before,
        before.map((value) => value - 2),
      ),
    ).toBeGreaterThan(0.999);
    expect(permutationTest(before, same)).toBeGreaterThan(0.01);
  });

  it('draws every way to deal the values with the same chance', () => {
    // One of the six ways to deal four values in twos shows as large a difference, whichever value comes last.
    expect(permutationTest([1, 2], [3, 4])).toBeCloseTo(1 / 6, 1);
    expect(permutationTest([1, 2], [4, 3])).toBeCloseTo(1 / 6, 1);
    expect(permutationTest([2, 1], [4, 3])).toBeCloseTo(1 / 6, 1);
    expect(permutationTest([5], [1, 2, 3, 9])).toBeCloseTo(4 / 5, 1);
  });
});

describe('Holm’s correction', () => {
  it('multiplies the smallest by all, the next by one less, and keeps the order', () => {
    expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06]);
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
  });
});
