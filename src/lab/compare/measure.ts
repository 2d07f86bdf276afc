import { type Effort, mean, median } from '../statistics.ts';
import type { PairedRuns } from './match.ts';
import type { Change, MetricFacts } from './result.ts';
import { cliffsDelta, FEWEST_VALUES, pairedShift, type Shift, unpairedShift } from './shift.ts';
import type { ComparedRun } from './side.ts';

/** The values of a metric at a point; with pairs, the i-th one of each side are a pair. */
export interface Values {
  readonly basis: Change['basis'];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly pairs: number;
}

/** A metric at a point, on the scale on which it is compared at all points. */
export interface Measured {
  readonly values: Values;
  /** How far apart the sides are, on that scale. */
  readonly size: number;
  /** The differences of pairs, on that scale; absent for independent samples. */
  readonly differences?: readonly number[];
  /** The values of each side, on that scale. */
  readonly scaled: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** Absent where there is no noise, or where there are too few runs. */
  readonly shift?: Shift;
  /** The smallest shift that counts, on that scale. */
  readonly floor: number;
}

/**
 * How values become those that are compared. Ratios are compared where all values are above 0, so that doubling and
 * halving have the same size; differences, where some are not, or the figure is a share itself.
 */
export type Scale = 'ratio' | 'difference';

/** Returns the values of a metric at a point; undefined when one side has none. */
export function valuesOf(
  metric: MetricFacts,
  { pairs, before, after }: PairedRuns,
): Values | undefined {
  const valueOf = ({ figures }: ComparedRun): number | undefined => figures[metric.name];
  const there = (runs: readonly ComparedRun[]): number[] =>
    runs.map(valueOf).filter((value) => value !== undefined);
  const [old, now] = [there(before), there(after)];
  if (old.length === 0 || now.length === 0) return undefined;
  const whole = pairs.filter(
    (pair) => valueOf(pair.before) !== undefined && valueOf(pair.after) !== undefined,
  );
  const paired = {
    before: whole.map((pair) => valueOf(pair.before)!),
    after: whole.map((pair) => valueOf(pair.after)!),
    pairs: whole.length,
  };
  if (whole.length >= FEWEST_VALUES) return { basis: 'pairs', ...paired };
  const fewest = Math.min(old.length, now.length);
  const isExact = whole.every((pair) => pair.before.isExact && pair.after.isExact);
  if (whole.length > 0 && isExact && fewest < FEWEST_VALUES) return { basis: 'exact', ...paired };
  const basis = fewest < FEWEST_VALUES ? 'few' : 'samples';
  return { basis, before: old, after: now, pairs: 0 };
}

/** Returns the scale on which a metric is compared at all points. */
export function scaleOf({ unit }: MetricFacts, all: readonly Values[]): Scale {
  const isPositive = ({ before, after }: Values): boolean =>
    [...before, ...after].every((value) => value > 0);
  return unit !== 'share' && all.every(isPositive) ? 'ratio' : 'difference';
}

export interface MeasureOptions {
  readonly scale: Scale;
  /** The smallest change that counts, as a share. */
  readonly threshold: number;
  readonly effort: Effort;
  readonly seeds: readonly number[];
}

/** Measures how far apart the sides are in a metric at a point. */
export function measureChange(
  { unit }: MetricFacts,
  values: Values,
  { scale, threshold, effort, seeds }: MeasureOptions,
): Measured {
  const center = unit === 'share' ? 'mean' : 'median';
  const onScale = (all: readonly number[]): number[] =>
    scale === 'ratio' ? all.map(Math.log) : [...all];
  const [before, after] = [onScale(values.before), onScale(values.after)];
  const scaled = { before, after };
  const floor = floorOf(unit, scale, threshold, values.before);
  const options = { center, effort, seeds } as const;
  if (values.basis === 'samples') {
    const shift = unpairedShift(before, after, options);
    return { values, scaled, size: shift.size, shift, floor };
  }
  if (values.basis === 'few') {
    return { values, scaled, size: median(after) - median(before), floor };
  }
  const differences = after.map((value, i) => value - before[i]!);
  if (values.basis === 'exact') {
    const size = center === 'mean' ? mean(differences) : median(differences);
    return { values, scaled, size, differences, floor };
  }
  const shift = pairedShift(differences, options);
  return { values, scaled, size: shift.size, differences, shift, floor };
}

function floorOf(unit: string, scale: Scale, threshold: number, before: readonly number[]): number {
  if (scale === 'ratio') return Math.log1p(threshold);
  return unit === 'share' ? threshold : threshold * Math.abs(median(before));
}

/** Returns a measured change as a comparison tells it, without a verdict. */
export function changeOf(metric: MetricFacts, measured: Measured, scale: Scale): Change {
  const { values, size, shift } = measured;
  const [before, after] = [sampleOf(metric, values.before), sampleOf(metric, values.after)];
  const isJudged = shift !== undefined;
  return {
    metric: metric.name,
    before,
    after,
    basis: values.basis,
    pairs: values.pairs,
    ...extentOf(size, shift?.interval, scale, metric.unit, before.middle),
    ...(isJudged ? { cliffsDelta: cliffsDelta(values.before, values.after) } : {}),
  };
}

/** The part of a change that says how large it is. */
export type Extent = Pick<
  Change,
  'difference' | 'differenceInterval' | 'change' | 'changeInterval'
>;

/** Returns a shift and its interval in the unit of the metric, and as shares of the value before where that says more. */
export function extentOf(
  size: number,
  interval: Shift['interval'] | undefined,
  scale: Scale,
  unit: string,
  base: number,
): Extent {
  const share = scale === 'ratio' ? Math.expm1 : (value: number): number => value / base;
  const inUnit = (value: number): number => (scale === 'ratio' ? base * Math.expm1(value) : value);
  const both = (of: (value: number) => number): [number, number] => [
    of(interval![0]),
    of(interval![1]),
  ];
  const hasShare = unit !== 'share' && base > 0;
  return {
    difference: inUnit(size),
    ...(interval ? { differenceInterval: both(inUnit) } : {}),
    ...(hasShare ? { change: share(size) } : {}),
    ...(hasShare && interval ? { changeInterval: both(share) } : {}),
  };
}

function sampleOf({ unit }: MetricFacts, values: readonly number[]): Change['before'] {
  return {
    runs: values.length,
    middle: unit === 'share' ? mean(values) : median(values),
    min: values.reduce((least, value) => Math.min(least, value), Infinity),
    max: values.reduce((most, value) => Math.max(most, value), -Infinity),
  };
}
