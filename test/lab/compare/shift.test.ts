import { describe, expect, it } from 'vitest';
import { cliffsDelta, clip, pairedShift, unpairedShift } from '../../../src/lab/compare/shift.ts';
import { stratifiedTest } from '../../../src/lab/compare/strata.ts';
import { Generator } from '../../../src/random/generator.ts';

/**
 * The additional hours of sleep by two drugs in ten patients: Student (1908), The probable error of a mean, Biometrika
 * 6. What is expected of them was computed by SciPy 1.17.1 (scipy.stats): `permutation_test` over all permutations,
 * `bootstrap` with method='percentile' and 200 000 resamples, and `mannwhitneyu`, whose U is nm (δ + 1) ÷ 2.
 */
const BEFORE = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2];
const AFTER = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
const DIFFERENCES = AFTER.map((value, i) => value - BEFORE[i]!);

describe('the shift of pairs', () => {
  const shift = pairedShift(DIFFERENCES);

  it('has the p that SciPy finds', () => {
    expect(shift.pMore).toBe(2 / 1024);
    expect(shift.pLess).toBe(1);
    expect(shift.leastP).toBe(1 / 1024);
  });

  it('has the interval that SciPy finds, and medians that lie as often where they should', () => {
    expect(shift.size).toBeCloseTo(1.3);
    expect(shift.interval[0]).toBeCloseTo(1);
    // Of 400 000 samples that NumPy drew from the ten values after, 43.1 % had a median of at most 1.6.
    const { replicates } = pairedShift(AFTER);
    const low = replicates.filter((value) => value < 1.65).length / replicates.length;
    expect(Math.abs(low - 0.431)).toBeLessThan(0.04);
    const { size, interval } = pairedShift(DIFFERENCES, { center: 'mean' });
    expect(size).toBeCloseTo(1.58);
    expect(Math.abs(interval[0] - 0.95)).toBeLessThan(0.12);
    expect(Math.abs(interval[1] - 2.38)).toBeLessThan(0.12);
  });
});

describe('the shift of independent samples', () => {
  it('has the p and the interval that SciPy finds', () => {
    const { size, pMore, pLess, interval } = unpairedShift(BEFORE, AFTER);
    expect(size).toBeCloseTo(1.4);
    // 1000 extreme permutations tell p to some 3 % of it; p is 0.0407 over all 184 756.
    expect(Math.abs(pMore / 0.04072 - 1)).toBeLessThan(0.12);
    expect(pLess).toBeGreaterThan(0.9);
    expect(Math.abs(interval[0] - -0.65)).toBeLessThan(0.3);
    expect(Math.abs(interval[1] - 4.15)).toBeLessThan(0.3);
  });

  it('knows that few values have few permutations', () => {
    expect(unpairedShift([1, 2, 3], [4, 5, 6]).leastP).toBeCloseTo(1 / 20);
    expect(unpairedShift([1, 2, 3], [4, 5, 6]).pMore).toBeCloseTo(1 / 20, 2);
  });
});

describe('a bootstrap interval', () => {
  it('has the median in some 95 of 100 samples', () => {
    const random = new Generator(12);
    let covered = 0;
    for (let i = 0; i < 100; i++) {
      // Exponential values are skewed; their median is ln 2.
      const values = Array.from({ length: 20 }, () => -Math.log((random.next() + 1) / 2 ** 32));
      const [low, high] = pairedShift(values, { effort: { resamples: 9, exactPairs: 0 } }).interval;
      if (low <= Math.LN2 && Math.LN2 <= high) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(89);
    expect(covered).toBeLessThan(100);
  });

  it('is the same each time, and another with other seeds', () => {
    const of = (seeds: number[]) => pairedShift(DIFFERENCES, { center: 'mean', seeds }).interval;
    expect(of([1, 2])).toEqual(of([1, 2]));
    expect(of([1, 2])).not.toEqual(of([1, 3]));
  });
});

describe("Cliff's delta", () => {
  it('is what the U of Mann and Whitney says', () => {
    expect(cliffsDelta(BEFORE, AFTER)).toBeCloseTo(0.49, 10);
    expect(cliffsDelta(AFTER, BEFORE)).toBeCloseTo(-0.49, 10);
  });

  it('is 1 when all values are larger, and 0 when all are equal', () => {
    expect(cliffsDelta([1, 2], [3, 4, 5])).toBe(1);
    expect(cliffsDelta([3, 3], [3, 3, 3])).toBe(0);
  });
});

describe('outliers', () => {
  it('are limited to three times the median size, unless most differences are 0', () => {
    expect(clip([1, -1, 100])).toEqual([1, -1, 3]);
    expect(clip([0, 0, 5])).toEqual([0, 0, 5]);
  });
});

describe('several points together', () => {
  it('give the p of the one point when there is one', () => {
    const { pMore, pLess } = stratifiedTest([{ differences: DIFFERENCES }]);
    expect(pMore).toBeLessThan(6 / 1024);
    expect(pLess).toBeGreaterThan(0.99);
    const samples = stratifiedTest([{ before: BEFORE, after: AFTER }]);
    expect(Math.abs(samples.pMore / 0.04072 - 1)).toBeLessThan(0.2);
  });

  it('show what none of them shows, and nothing that one contradicts', () => {
    const point = { differences: [1, 1.1, 1.2] };
    const alike = stratifiedTest([point, point, point, point]);
    // All twelve signs agree in one of 4096 ways.
    expect(alike.pMore).toBeLessThan(0.002);
    const opposite = stratifiedTest([point, { differences: [-1, -1.1, -1.2] }]);
    expect(opposite.pMore).toBeGreaterThan(0.4);
    expect(opposite.pLess).toBeGreaterThan(0.4);
  });

  it('raise a false alarm in a share p of grids without an effect', () => {
    const random = new Generator(9);
    const unit = (): number => random.next() / 2 ** 31 - 1;
    let alarms = 0;
    for (let i = 0; i < 60; i++) {
      const differences = () => Array.from({ length: 3 }, unit);
      const { pMore, pLess } = stratifiedTest(
        [{ differences: differences() }, { before: differences(), after: differences() }],
        i,
      );
      if (2 * Math.min(pMore, pLess) < 0.1) alarms++;
    }
    expect(alarms).toBeLessThan(16);
  });
});
