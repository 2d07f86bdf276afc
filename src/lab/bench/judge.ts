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

/** What has become of one metric between two versions of the program. */
export interface Judgement {
  readonly of: string;
  readonly name: string;
  readonly unit: string;
  /** Medians over the runs of each one's value. */
  readonly before: number;
  readonly after: number;
  /** How much worse, as a share: 0.2 is 20 % slower, below 0 is better. */
  readonly worseBy: number;
  /** What a change must exceed to be told from noise: the threshold, or twice the median's own error. */
  readonly noise: number;
  /** That chance alone makes it so much worse (or better), corrected for all metrics looked at (Holm). */
  readonly p: number;
  readonly verdict: 'regression' | 'improvement' | 'same';
}

export interface JudgeOptions {
  /** Runs of both versions took turns: run i of one is compared with run i of the other. */
  readonly isPaired: boolean;
  /** The least change that is spoken of, a share. */
  readonly threshold: number;
  /** The most probable false alarm that is put up with, over all metrics together. */
  readonly alpha: number;
}

/** What came of it: a judgement of each metric, and those that could not be compared. */
export interface Verdicts {
  readonly judgements: readonly Judgement[];
  /** `log: get us`, with the reason. */
  readonly notCompared: readonly string[];
  /** No change, however large, could be told from chance: so few runs, so many metrics. */
  readonly isPowerless: boolean;
}

/**
 * Compares runs of two versions, each run a process of its own: what two processes differ by (memory
 * that lies elsewhere, other moments of compiling) is noise as well. Firecracker's A/B test
 * (tools/ab_test.py) is the model; here pairs of runs make up for a machine that changes its speed.
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
  const judgements = compared.map(({ metric, medians, change, error }, i): Judgement => {
    // Changes are logarithms until here, so that twice and half as fast are equally far.
    const worseBy = Math.exp(change) - 1;
    const noise = Math.max(options.threshold, 2 * error);
    const isWorse = worse[i]! < options.alpha && worseBy > noise;
    const isBetter = better[i]! < options.alpha && worseBy < -noise / (1 + noise);
    return {
      of: metric.of,
      name: metric.name,
      unit: metric.unit,
      ...medians,
      worseBy,
      noise,
      p: worseBy >= 0 ? worse[i]! : better[i]!,
      verdict: isWorse ? 'regression' : isBetter ? 'improvement' : 'same',
    };
  });
  const least = compared.map(({ leastP }) => leastP);
  // Holm's harshest factor: that of the first of all to be looked at.
  const isPowerless = least.every((p) => p * compared.length >= options.alpha);
  return { judgements, notCompared, isPowerless };
}

/** All metrics that some run has, facts left out, each once. */
function metricsOf(runs: readonly BenchOutcome[]): readonly Metric[] {
  const known = new Map<string, Metric>();
  for (const metric of runs.flatMap(({ metrics }) => metrics)) {
    if (metric.isFact === true) continue;
    const key = JSON.stringify([metric.of, metric.name, metric.unit]);
    if (!known.has(key)) known.set(key, metric);
  }
  return [...known.values()];
}

/** Whatever else the machine does makes a sample worse, never better. */
const BEST_SHARE = 0.1;

/**
 * A run's value is the worst of its best tenth: on a shared machine it scatters less than the median.
 * Undefined when it has no samples, or none that is positive.
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
  readonly medians: { readonly before: number; readonly after: number };
  /** How much worse, as a logarithm, and its standard error. */
  readonly change: number;
  readonly error: number;
  readonly pWorse: number;
  readonly pBetter: number;
  /** The least that either could have been. */
  readonly leastP: number;
}

type Series = readonly (number | undefined)[];

const isThere = (value: number | undefined): value is number => value !== undefined;

/** Fewer values than that say nothing of how they scatter. */
const FEWEST_VALUES = 3;

function changeOf(
  before: Series,
  after: Series,
  better: Metric['better'],
  isPaired: boolean,
): Change | undefined {
  /** Larger is worse. */
  const cost = (value: number): number => (better === 'less' ? 1 : -1) * Math.log(value);
  if (isPaired) {
    // A run that lacks the metric takes the other one of its pair with it.
    const pairs = after.flatMap((now, i) => {
      const old = before[i];
      return isThere(now) && isThere(old) ? [{ old, now }] : [];
    });
    if (pairs.length < FEWEST_VALUES) return undefined;
    const differences = pairs.map(({ old, now }) => cost(now) - cost(old));
    const clipped = clip(differences);
    return {
      medians: {
        before: median(pairs.map(({ old }) => old)),
        after: median(pairs.map(({ now }) => now)),
      },
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
    medians: { before: median(old!), after: median(now!) },
    change: median(is) - median(was),
    error: Math.hypot(errorOfMedian(was), errorOfMedian(is)),
    pWorse: permutationTest(was, is),
    pBetter: permutationTest(is, was),
    leastP: LEAST_PERMUTATION_P,
  };
}

/**
 * Cuts outliers (a run that the scheduler stopped) to three times the median size. That looks at
 * sizes alone, so that the signs stay as exchangeable as the test takes them to be.
 */
function clip(differences: readonly number[]): number[] {
  const most = 3 * median(differences.map(Math.abs));
  return differences.map((value) => Math.max(-most, Math.min(most, value)));
}

/** Of a normal sample: 1.2533 σ ÷ √n. */
function errorOfMedian(values: readonly number[]): number {
  return (1.2533 * scatter(values)) / Math.sqrt(values.length);
}
