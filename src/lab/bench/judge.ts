import {
  holm,
  LEAST_PERMUTATION_P,
  leastSignFlipP,
  median,
  permutationTest,
  quantile,
  scatter,
  signFlipTest,
} from '../statistics.ts';
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
  /** The interval in which the change lies, with a probability of some 95 %: two standard errors to each side. */
  readonly interval: readonly [low: number, high: number];
  /** How much worse the new version is, as a share: 0.2 is 20 % slower; a value below 0 is better. */
  readonly worseBy: number;
  /** What `worseBy` must exceed: the threshold, or two standard errors if that is more. */
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
    const change = changeOf(series[0]!, series[1]!, metric.better, options.isPaired);
    if (change) return [{ metric, ...change }];
    const missing = series.map((values) => values.filter((value) => value === undefined).length);
    notCompared.push(
      `${metric.of}: ${metric.name} ${metric.unit} (missing in ${missing[0]} runs before, ${missing[1]} after)`,
    );
    return [];
  });
  const worse = holm(compared.map(({ pWorse }) => pWorse));
  const better = holm(compared.map(({ pBetter }) => pBetter));
  const judgements = compared.map(({ metric, base, change, error }, i): Judgement => {
    // Changes are logarithms until here, so that doubling and halving have the same size.
    const worseBy = Math.exp(change) - 1;
    const noise = Math.max(options.threshold, Math.exp(2 * error) - 1);
    const isWorse = worse[i]! < options.alpha && worseBy > noise;
    const isBetter = better[i]! < options.alpha && Math.exp(-change) - 1 > noise;
    const { of, name, unit, better: direction } = metric;
    const sign = direction === 'less' ? 1 : -1;
    return {
      of,
      name,
      unit,
      before: base,
      after: base * Math.exp(sign * change),
      change: shareOf(sign * change),
      interval: [shareOf(sign * change - 2 * error), shareOf(sign * change + 2 * error)],
      worseBy,
      noise,
      p: worseBy >= 0 ? worse[i]! : better[i]!,
      verdict: isWorse ? 'regression' : isBetter ? 'improvement' : 'same',
    };
  });
  const least = compared.map(({ leastP }) => leastP);
  // Holm's method multiplies the smallest p by the number of metrics: that is its largest factor.
  const isPowerless = least.every((p) => p * compared.length >= options.alpha);
  return { judgements, notCompared, isPowerless };
}

/** Returns how far a value is from another, as a share, from the logarithm of their ratio. */
const shareOf = (logarithm: number): number => Math.exp(logarithm) - 1;

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
function valueOf(
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
  /** The logarithm of how many times worse the new version is, and its standard error. */
  readonly change: number;
  readonly error: number;
  readonly pWorse: number;
  readonly pBetter: number;
  /** The smallest p that so many runs can give. */
  readonly leastP: number;
}

type Series = readonly (number | undefined)[];

const isThere = (value: number | undefined): value is number => value !== undefined;

/** With fewer values than this, their scatter can't be estimated. */
const FEWEST_VALUES = 3;

function changeOf(
  before: Series,
  after: Series,
  better: Metric['better'],
  isPaired: boolean,
): Change | undefined {
  /** The logarithm of a value, with the sign that makes larger worse. */
  const cost = (value: number): number => (better === 'less' ? 1 : -1) * Math.log(value);
  if (isPaired) {
    // When one run of a pair lacks the metric, the whole pair is left out.
    const pairs = after.flatMap((now, i) => {
      const old = before[i];
      return isThere(now) && isThere(old) ? [{ old, now }] : [];
    });
    if (pairs.length < FEWEST_VALUES) return undefined;
    const differences = pairs.map(({ old, now }) => cost(now) - cost(old));
    const clipped = clip(differences);
    return {
      base: median(pairs.map(({ old }) => old)),
      change: median(differences),
      error: errorOfMedian(differences),
      pWorse: signFlipTest(clipped),
      pBetter: signFlipTest(clipped.map((value) => -value)),
      leastP: leastSignFlipP(pairs.length),
    };
  }
  const [old, now] = [before, after].map((series) => series.filter(isThere));
  if (Math.min(old!.length, now!.length) < FEWEST_VALUES) return undefined;
  const [was, is] = [old!.map(cost), now!.map(cost)];
  return {
    base: median(old!),
    change: median(is) - median(was),
    error: Math.hypot(errorOfMedian(was), errorOfMedian(is)),
    pWorse: permutationTest(was, is),
    pBetter: permutationTest(is, was),
    leastP: LEAST_PERMUTATION_P,
  };
}

/**
 * Limits outliers, such as a run that the scheduler interrupted, to three times the median size. It
 * looks at sizes only, so that signs stay exchangeable, as the sign-flip test assumes.
 */
function clip(differences: readonly number[]): number[] {
  const most = 3 * median(differences.map(Math.abs));
  return differences.map((value) => Math.max(-most, Math.min(most, value)));
}

/** The standard error of a normal sample's median: 1.2533 σ ÷ √n. */
function errorOfMedian(values: readonly number[]): number {
  return (1.2533 * scatter(values)) / Math.sqrt(values.length);
}
