import { median } from '../statistics.ts';
import { centerOf, percentileInterval, RESAMPLES } from './bootstrap.ts';
import { type Extent, extentOf, type Measured, type Scale } from './measure.ts';
import type { MetricFacts, PointVerdict, Summary, Verdict } from './result.ts';
import { clip, type Shift } from './shift.ts';
import { leastStratifiedP, type Stratum, stratifiedTest } from './strata.ts';

/** What all points together say of a metric. */
export interface Together {
  /** The median over the points' shifts; of shares the mean. */
  readonly size: number;
  /** Absent when no point has enough runs. */
  readonly shift?: Shift;
  readonly floor: number;
}

/**
 * Puts the points of a grid together: what stands for all of them is the median of their shifts, or of shares the mean. Its interval comes from
 * the same median of the points' replicates, so it says what chance does to the runs at these points, not which other
 * points there could be.
 */
export function together(points: readonly Measured[], unit: string): Together {
  const center = unit === 'share' ? 'mean' : 'median';
  const floor = median(points.map((point) => point.floor));
  const size = centerOf(
    points.map((point) => point.size),
    center,
  );
  const measured = points.filter((point) => point.shift);
  if (measured.length === 0) return { size, floor };
  if (points.length === 1) return { size, floor, shift: measured[0]!.shift! };
  const replicates = new Float64Array(RESAMPLES);
  const drawn = points.map(
    ({ size: fixed, shift }) =>
      (i: number) =>
        shift?.replicates[i] ?? fixed,
  );
  for (let i = 0; i < RESAMPLES; i++) {
    replicates[i] = centerOf(
      drawn.map((draw) => draw(i)),
      center,
    );
  }
  const strata = measured.map(stratumOf);
  const leastP = measured.reduce((product, { shift }) => product * shift!.leastP, 1);
  const shift: Shift = {
    size,
    interval: percentileInterval(replicates),
    replicates,
    ...stratifiedTest(strata),
    leastP: Math.max(leastP, leastStratifiedP(strata)),
  };
  return { size, floor, shift };
}

function stratumOf({ differences, scaled }: Measured): Stratum {
  return differences ? { differences: clip(differences) } : scaled;
}

/** Returns the summary of a metric; `verdicts` are those of its points, `judged` is what the points together are. */
export function summaryOf(
  metric: MetricFacts,
  points: readonly Measured[],
  all: Together,
  scale: Scale,
  verdicts: readonly (PointVerdict | undefined)[],
  judged: { readonly p: number; readonly verdict: PointVerdict } | undefined,
): Summary {
  const count = (wanted: PointVerdict): number =>
    verdicts.filter((verdict) => verdict === wanted).length;
  const extents = points.map((point) =>
    extentOf(point.size, undefined, scale, metric.unit, median(point.values.before)),
  );
  const extent = extentOfAll(points, all, scale, metric.unit, extents);
  const shares = extents.flatMap(({ change }) => (change === undefined ? [] : [change]));
  const known = verdicts.filter((verdict) => verdict !== undefined);
  const verdict = combine(judged ? [judged.verdict, ...decided(known)] : known);
  return {
    metric: metric.name,
    points: points.length,
    better: count('better'),
    worse: count('worse'),
    same: count('same'),
    unclear: count('unclear'),
    ...extent,
    ...(shares.length === points.length ? { changeRange: rangeOf(shares) } : {}),
    differenceRange: rangeOf(extents.map(({ difference }) => difference)),
    ...(judged ? { p: judged.p } : {}),
    ...(verdict ? { verdict } : {}),
  };
}

/** Several points have no value before in common, of which a difference could be a share, or a share a difference. */
function extentOfAll(
  points: readonly Measured[],
  { size, shift }: Together,
  scale: Scale,
  unit: string,
  extents: readonly Extent[],
): Extent {
  const base = median(points[0]!.values.before);
  const whole = extentOf(size, shift?.interval, scale, unit, base);
  if (points.length === 1) return whole;
  if (scale === 'difference') {
    const { difference, differenceInterval } = whole;
    return { difference, ...(differenceInterval ? { differenceInterval } : {}) };
  }
  const { differenceInterval: _, ...shares } = whole;
  return { ...shares, difference: median(extents.map(({ difference }) => difference)) };
}

const decided = (verdicts: readonly PointVerdict[]): PointVerdict[] =>
  verdicts.filter((verdict) => verdict === 'better' || verdict === 'worse');

/** Returns what several verdicts say together; undefined when there is none. */
export function combine(verdicts: readonly Verdict[]): Verdict | undefined {
  const has = (verdict: Verdict): boolean => verdicts.includes(verdict);
  if (has('mixed') || (has('better') && has('worse'))) return 'mixed';
  return (['worse', 'better', 'unclear', 'same'] as const).find(has);
}

const rangeOf = (values: readonly number[]): [number, number] => [
  values.reduce((least, value) => Math.min(least, value), Infinity),
  values.reduce((most, value) => Math.max(most, value), -Infinity),
];
