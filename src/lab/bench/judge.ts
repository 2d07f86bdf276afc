import { FEWEST_VALUES, pairedShift, type Shift, unpairedShift } from '../compare/shift.ts';
import { judgeShifts } from '../compare/verdict.ts';
import { median, quantile } from '../statistics.ts';
import type { BenchOutcome, Metric } from './outcome.ts';

/** How one metric changed between two versions of the program. */
export interface Judgement {
  readonly of: string;
  readonly name: string;
  readonly unit: string;
  /** The old version's median over the runs that are compared, in `unit`. */
  readonly before: number;
  /**
   * `before` with the compared change. It is not the new version's own median: what is compared is each pair of runs,
   * and the medians of both versions can change by another share, or even in the other direction.
   */
  readonly after: number;
  /** How far `after` is from `before`, as a share of it: 0.2 is a fifth more, whether that is better or worse. */
  readonly change: number;
  /** The interval in which the change lies, with a probability of some 95 %: the percentile interval of a bootstrap. */
  readonly interval: readonly [low: number, high: number];
  /** How much worse the new version is, as a share: 0.2 is 20 % slower; a value below 0 is better. */
  readonly worseBy: number;
  /** What `worseBy` must exceed: the threshold, or how far the interval reaches towards no change if that is more. */
  readonly noise: number;
  /**
   * The probability that chance alone makes the metric at least this much worse (or better), corrected
   * by Holm's method for the number of metrics.
   */
  readonly p: number;
  readonly verdict: 'regression' | 'improvement' | 'same';
}

export interface JudgeOptions {
  /** True when the versions took turns, so that run i of one is compared with run i of the other. */
  readonly isPaired: boolean;
  /** The smallest change that is reported, as a share. */
  readonly threshold: number;
  /** The accepted probability of a false alarm, over all metrics together. */
  readonly alpha: number;
}

/** The result of `judge`: a judgement of each metric, and the metrics that could not be compared. */
export interface Verdicts {
  readonly judgements: readonly Judgement[];
  /** A line for each, such as `log: get us`, with the reason. */
  readonly notCompared: readonly string[];
  /** True when no change, however large, could be significant: there are too few runs for so many metrics. */
  readonly isPowerless: boolean;
}

/**
 * Compares runs of two versions. Each run is a process of its own, so that differences between
 * processes (memory at other addresses, compilation at other moments) count as noise too. The model is
 * Firecracker's A/B test (tools/ab_test.py); the pairs, which it has not, cancel out a machine that
 * changes its speed.
 */
export function judge(
  before: readonly BenchOutcome[],
  after: readonly BenchOutcome[],
  options: JudgeOptions,
): Verdicts {
  const notCompared: string[] = [];
  const compared = metricsOf([...before, ...after]).flatMap((metric) => {
    const series = [before, after].map((runs) => runs.map((run) => valueOf(run, metric)));
    const change = changeOf(series[0]!, series[1]!, options.isPaired);
    if (change) return [{ metric, ...change }];
    const missing = series.map((values) => values.filter((value) => value === undefined).length);
    notCompared.push(
      `${metric.of}: ${metric.name} ${metric.unit} (missing in ${missing[0]} runs before, ${missing[1]} after)`,
    );
    return [];
  });
  const floor = Math.log1p(options.threshold);
  const verdicts = judgeShifts(
    compared.map(({ metric, shift }) => ({ shift, better: metric.better, floor })),
    { alpha: options.alpha, sides: 1 },
  );
  const judgements = compared.map(({ metric, base, shift }, i): Judgement => {
    const { cost, noise, p, verdict } = verdicts[i]!;
    const { of, name, unit } = metric;
    const [low, high] = shift.interval;
    return {
      of,
      name,
      unit,
      before: base,
      after: base * Math.exp(shift.size),
      // Changes are logarithms until here, so that doubling and halving have the same size.
      change: Math.expm1(shift.size),
      interval: [Math.expm1(low), Math.expm1(high)],
      worseBy: Math.expm1(cost),
      noise: Math.expm1(noise),
      p,
      verdict: VERDICTS[verdict],
    };
  });
  const least = compared.map(({ shift }) => shift.leastP);
  // Holm's method multiplies the smallest p by the number of metrics: that is its largest factor.
  const isPowerless = least.every((p) => p * compared.length >= options.alpha);
  return { judgements, notCompared, isPowerless };
}

/** What a bench calls the verdicts: whatever is no change for certain is the same. */
const VERDICTS = {
  worse: 'regression',
  better: 'improvement',
  same: 'same',
  unclear: 'same',
} as const;

/** Returns each metric that some run has, once, without those that are facts. */
function metricsOf(runs: readonly BenchOutcome[]): readonly Metric[] {
  const known = new Map<string, Metric>();
  for (const metric of runs.flatMap(({ metrics }) => metrics)) {
    if (metric.isFact === true) continue;
    const key = JSON.stringify([metric.of, metric.name, metric.unit]);
    if (!known.has(key)) known.set(key, metric);
  }
  return [...known.values()];
}

/** Other work of the machine makes a sample worse, never better: the best tenth shows the program itself. */
const BEST_SHARE = 0.1;

/**
 * Returns a run's value of a metric: the worst sample of its best tenth, which scatters less than the
 * median on a shared machine. Returns undefined when there is no sample, or the value is not positive.
 */
export function valueOf(
  { metrics }: BenchOutcome,
  { of, name, unit, better }: Metric,
): number | undefined {
  const found = metrics.find((m) => m.of === of && m.name === name && m.unit === unit);
  if (!found || found.samples.length === 0) return undefined;
  const value = quantile(found.samples, better === 'less' ? BEST_SHARE : 1 - BEST_SHARE);
  return value > 0 ? value : undefined;
}

interface Change {
  /** The old version's median. */
  readonly base: number;
  /** How far the new version's values are from the old one's, as logarithms. */
  readonly shift: Shift;
}

type Series = readonly (number | undefined)[];

const isThere = (value: number | undefined): value is number => value !== undefined;

function changeOf(before: Series, after: Series, isPaired: boolean): Change | undefined {
  if (isPaired) {
    // When one run of a pair lacks the metric, the whole pair is left out.
    const pairs = after.flatMap((now, i) => {
      const old = before[i];
      return isThere(now) && isThere(old) ? [{ old, now }] : [];
    });
    if (pairs.length < FEWEST_VALUES) return undefined;
    return {
      base: median(pairs.map(({ old }) => old)),
      shift: pairedShift(pairs.map(({ old, now }) => Math.log(now) - Math.log(old))),
    };
  }
  const [old, now] = [before, after].map((series) => series.filter(isThere));
  if (Math.min(old!.length, now!.length) < FEWEST_VALUES) return undefined;
  return {
    base: median(old!),
    shift: unpairedShift(old!.map(Math.log), now!.map(Math.log)),
  };
}
