import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dirtiedBy,
  type DirtyPoint,
  fitDirtyVector,
  type PageGroup,
  vectorProblems,
} from '../../src/guest/dirty-vector.ts';
import { nonNegativeFit } from '../../src/guest/nonnegative.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { partsOf } from '../../src/guest/workload-parts.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { runVirtualDirtyRate } from '../../src/runtime/virtual/dirty-rate.ts';
import { vectorFits, badFits, comparedWith } from '../../src/result/dirty-vector.ts';

const PERIODS_NS = [125e6, 500e6, 1e9, 5e9, 60e9];

const vector = (pages: readonly number[], after: readonly number[] = PERIODS_NS): DirtyPoint[] =>
  pages.map((count, k) => ({ afterNs: after[k]!, pages: count }));

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
const pagesIn = (groups: readonly PageGroup[]): number => sum(groups.map(({ pages }) => pages));

describe('a fit without negative factors', () => {
  it('is the least squares fit where that has none', () => {
    const columns = [
      [1, 0, 1],
      [0, 2, 1],
    ];
    const [a, b] = nonNegativeFit(columns, [3, 4, 5]);
    expect(a).toBeCloseTo(3, 12);
    expect(b).toBeCloseTo(2, 12);
  });

  it('drops a column whose factor would be negative', () => {
    // Without the bound the factors would be 2 and -1.
    const [a, b] = nonNegativeFit(
      [
        [1, 1],
        [1, 0],
      ],
      [1, 2],
    );
    expect(a).toBeCloseTo(1.5, 12);
    expect(b).toBe(0);
  });

  it('can not be made closer by any change of one factor', () => {
    const numbers = fc.double({ min: 0.01, max: 1, noNaN: true });
    const rows = fc.array(numbers, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 12 }), rows, (columns, target) => {
        const factors = nonNegativeFit(columns, target);
        const left = target.map((value, row) =>
          factors.reduce((rest, factor, k) => rest - factor * columns[k]![row]!, value),
        );
        columns.forEach((column, k) => {
          const slope = sum(column.map((value, row) => value * left[row]!));
          expect(factors[k]).toBeGreaterThanOrEqual(0);
          // More of a column never helps, and less of one that is used does not help either.
          expect(slope).toBeLessThan(1e-6);
          if (factors[k]! > 1e-6) expect(slope).toBeGreaterThan(-1e-6);
        });
      }),
      { numRuns: 300 },
    );
  });
});

describe('the fit of a dirty-rate vector', () => {
  const group = fc
    .tuple(fc.integer({ min: 50, max: 30_000 }), fc.double({ min: -1, max: 1.5, noNaN: true }))
    .map(([pages, tenths]): PageGroup => ({ pages, rate: pages / 10 ** tenths }));

  it('dirties what a guest of several working sets dirties, and uses no more pages than there are', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 5 }), (groups) => {
        const points = vector(PERIODS_NS.map((ns) => Math.round(dirtiedBy(groups, ns))));
        if (points[0]!.pages < 20) return;
        expect(vectorProblems(points, 1 << 20)).toEqual([]);
        const fit = fitDirtyVector(points, 1 << 20);
        expect(pagesIn(fit.groups)).toBeLessThanOrEqual(1 << 20);
        expect(fit.fittedPages).toEqual(
          points.map(({ afterNs }) => dirtiedBy(fit.groups, afterNs)),
        );
        // A count of 20 pages is rounded by a fortieth.
        expect(fit.worstError).toBeLessThan(0.03);
      }),
      { numRuns: 100 },
    );
  });

  it('is exact for a working set that is dirty at once, and stays', () => {
    const { groups, worstError } = fitDirtyVector(vector([1000, 1000, 1000, 1000, 1000]), 4096);
    expect(pagesIn(groups)).toBeLessThan(1010);
    expect(worstError).toBeLessThan(0.001);
  });

  it('keeps to a small region, and says how far off it is then', () => {
    const linear = PERIODS_NS.map((ns) => Math.round(ns / 1e6));
    const fit = fitDirtyVector(vector(linear), 61_000);
    expect(pagesIn(fit.groups)).toBeLessThanOrEqual(61_000);
    expect(fit.worstError).toBeGreaterThan(0.1);
    // Groups that are cut to the region, in place of shorter time constants, would be off by nine tenths.
    expect(fit.worstError).toBeLessThan(0.4);
    const last = Math.abs(fit.fittedPages.at(-1)! / linear.at(-1)! - 1);
    expect(fit.worstError).toBeGreaterThanOrEqual(last);
  });

  it('is refused for what no guest does', () => {
    const problems = (pages: readonly number[], after?: readonly number[]) =>
      vectorProblems(vector(pages, after), 10_000).map(({ point, what }) => [point, what]);
    expect(problems([100])).toEqual([[0, 'after']]);
    expect(problems([100, 90])).toEqual([[1, 'pages']]);
    expect(problems([100, 10_001])).toEqual([[1, 'pages']]);
    expect(problems([0, 100])).toEqual([
      [0, 'pages'],
      [1, 'pages'],
    ]);
    expect(problems([100, 200], [1e9, 1e9])).toEqual([[1, 'after']]);
    // Four times as long is at most four times as many, but for the twentieth and the page that a count may be off.
    expect(problems([100, 424])).toEqual([]);
    expect(problems([100, 425])).toEqual([[1, 'pages']]);
  });

  it('knows that rates in MiB/s are rounded down', () => {
    const points = [
      { afterNs: 1e9, pages: 256, slackPages: 256 },
      { afterNs: 2e9, pages: 900, slackPages: 512 },
    ];
    expect(vectorProblems(points, 10_000)).toEqual([]);
    const [first, second] = points;
    expect(vectorProblems([{ ...first!, slackPages: 1 }, second!], 10_000)).toHaveLength(1);
    const falling = { afterNs: 2e9, pages: 200, slackPages: 56 };
    expect(vectorProblems([first!, falling], 10_000)).toEqual([]);
    expect(vectorProblems([first!, { ...falling, slackPages: 55 }], 10_000)).toHaveLength(1);
  });
});

const WORKLOAD: Workload = {
  pattern: {
    kind: 'dirty-vector',
    groups: [
      { pages: 10, rate: 900 },
      { pages: 20, rate: 100 },
    ],
  },
  firstGfn: 0,
  pages: 64,
  rate: 1000,
  writes: 1,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
};

describe('the plan of a dirty-rate vector', () => {
  it('weighs the pages of each group alike, in any cut of the memory, and never visits others', () => {
    const [whole] = partsOf(WORKLOAD, [{ firstGfn: 0, pages: 64 }], 7);
    const weights = weightsOf(whole!.table!);
    expect(weights.filter((weight) => Math.abs(weight - 0.09) < 1e-6)).toHaveLength(10);
    expect(weights.filter((weight) => Math.abs(weight - 0.005) < 1e-6)).toHaveLength(20);
    expect(weights.filter((weight) => weight < 1e-6)).toHaveLength(34);
    const halves = [0, 32].map((firstGfn) => ({ firstGfn, pages: 32 }));
    const parts = partsOf(WORKLOAD, halves, 7);
    expect(sum(parts.map(({ share }) => share))).toBeCloseTo(1, 12);
    const glued = parts.flatMap(({ table, share }) =>
      weightsOf(table!).map((weight) => weight * share),
    );
    glued.forEach((weight, page) => expect(weight).toBeCloseTo(weights[page]!, 6));
  });

  it('counts its table', () => {
    const shape = { memoryBytes: 64 * 4096, pageSize: 4096, vcpus: 1, memslots: 1 };
    let entries = 0;
    const { plan } = planMemory(
      { ...shape, dirtyLog: 'bitmap', workloads: [WORKLOAD] },
      1,
      (size) => {
        entries = size.entries;
      },
    );
    expect(entries).toBe(plan.tables[0]!.entries.length);
    expect(plan.streams[0]!.pattern).toBe('dirty-vector');
  });

  /** Returns how likely each page of an alias table is drawn. */
  function weightsOf(table: Uint32Array): number[] {
    const size = table.length / 2;
    const weights = Array.from({ length: size }, () => 0);
    for (let i = 0; i < size; i++) {
      const own = table[2 * i]! / 4294967296;
      weights[i]! += own / size;
      weights[table[2 * i + 1]!]! += (1 - own) / size;
    }
    return weights;
  }
});

describe('a guest with a dirty-rate vector', () => {
  const points = [
    { after: '125ms', pages: 1200 },
    { after: '500ms', rate: '30.5MiB/s' },
    { after: '1s', pages: 6400 },
    { after: '2s', pages: 9500 },
  ];
  const load = (workload: object) =>
    loadScenario('quick', [
      'runtime=virtual',
      'guest.backing=versions',
      'guest.memory=256MiB',
      `guest.workloads=${JSON.stringify([{ pattern: 'dirty-vector', points, ...workload }])}`,
      'migration.startAfter=100ms',
    ]);

  it.each([1, 2])(
    'dirties on a virtual clock what was asked for, on %i vCPUs in 3 slots',
    async (vcpus) => {
      const { scenario, config } = load({});
      const guest = { ...config.guest, vcpus, memslots: 3 };
      const [fit] = vectorFits(scenario);
      expect(fit!.points.map(({ pages }) => pages)).toEqual([1200, 3904, 6400, 9500]);
      expect(fit!.worstError).toBeLessThan(0.001);
      const measured = await runVirtualDirtyRate(
        { ...config, guest },
        fit!.points.map(({ afterMs }) => ({
          mode: 'dirty-bitmap' as const,
          periodNs: afterMs * 1e6,
          samplePagesPerGiB: 512,
          seed: 1,
        })),
      );
      const compared = comparedWith(fit!, { measurements: measured });
      for (const { error, pages, measuredPages } of compared.points) {
        expect(error).toBeCloseTo(measuredPages / pages - 1, 3);
        // Pages are drawn at random: three deviations of the count that deviates most, 1200, are 9 %.
        expect(Math.abs(error)).toBeLessThan(0.05);
      }
    },
  );

  it('warns in its result of a vector that groups of pages can not have', () => {
    const { scenario } = load({
      points: [
        { after: '125ms', pages: 1250 },
        { after: '500ms', pages: 5000 },
        { after: '1s', pages: 10_000 },
        { after: '5s', pages: 10_000 },
      ],
    });
    const fits = vectorFits(scenario);
    expect(badFits(vectorFits(load({}).scenario))).toEqual([]);
    expect(badFits(fits)).toEqual([
      expect.stringMatching(
        /^guest\.workloads\[0\]\.points: .* in 1000 ms, where 10000 were asked/,
      ),
    ]);
  });
});
