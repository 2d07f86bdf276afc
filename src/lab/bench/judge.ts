import { holm, median, permutationTest, scatter, signFlipTest } from '../statistics.ts';
import type { BenchOutcome, Metric } from './outcome.ts';

/** What has become of one metric between two versions of the program. */
export interface Judgement {
  readonly of: string;
  readonly name: string;
  readonly unit: string;
  /** Medians over the runs. */
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

/**
 * Compares runs of two versions, each run a process of its own: what two processes differ by (memory
 * that lies elsewhere, other moments of compiling) is noise as well. Firecracker's A/B test
 * (tools/ab_test.py) is the model; here pairs of runs make up for a machine that changes its speed.
 */
export function judge(
  before: readonly BenchOutcome[],
  after: readonly BenchOutcome[],
  options: JudgeOptions,
): Judgement[] {
  const compared = metricsOf(after).flatMap((metric) => {
    const values = [before, after].map((runs) => valuesOf(runs, metric));
    // What only one of the two measures is not compared.
    return values.some((series) => series.length < 2)
      ? []
      : [{ metric, ...changeOf(values[0]!, values[1]!, options.isPaired) }];
  });
  const worse = holm(compared.map(({ pWorse }) => pWorse));
  const better = holm(compared.map(({ pBetter }) => pBetter));
  return compared.map(({ metric, median: m, change, error }, i) => {
    // Changes are logarithms until here, so that twice and half as fast are equally far.
    const worseBy = Math.exp(metric.better === 'less' ? change : -change) - 1;
    const [pUp, pDown] = [worse[i]!, better[i]!];
    const [pWorse, pBetter] = metric.better === 'less' ? [pUp, pDown] : [pDown, pUp];
    const noise = Math.max(options.threshold, 2 * error);
    const isWorse = pWorse < options.alpha && worseBy > noise;
    const isBetter = pBetter < options.alpha && worseBy < -noise / (1 + noise);
    return {
      of: metric.of,
      name: metric.name,
      unit: metric.unit,
      ...m,
      worseBy,
      noise,
      p: worseBy >= 0 ? pWorse : pBetter,
      verdict: isWorse ? 'regression' : isBetter ? 'improvement' : 'same',
    };
  });
}

function metricsOf(runs: readonly BenchOutcome[]): readonly Metric[] {
  return runs[0]!.metrics.filter(({ isFact }) => isFact !== true);
}

/** A run's value is the median of its samples; a run that has none of the metric is left out. */
function valuesOf(runs: readonly BenchOutcome[], { of, name, unit }: Metric): number[] {
  return runs.flatMap(({ metrics }) => {
    const found = metrics.find((m) => m.of === of && m.name === name && m.unit === unit);
    const value = found && found.samples.length > 0 ? median(found.samples) : 0;
    return value > 0 ? [value] : [];
  });
}

interface Change {
  readonly median: { readonly before: number; readonly after: number };
  /** Logarithm of after ÷ before, and its standard error. */
  readonly change: number;
  readonly error: number;
  readonly pWorse: number;
  readonly pBetter: number;
}

/** `Worse` stands for larger here. */
function changeOf(before: readonly number[], after: readonly number[], isPaired: boolean): Change {
  const medians = { before: median(before), after: median(after) };
  const [old, now] = [before, after].map((values) => values.map((value) => Math.log(value)));
  if (isPaired && before.length === after.length) {
    const differences = now!.map((value, i) => value - old![i]!);
    const clipped = clip(differences);
    return {
      median: medians,
      change: median(differences),
      error: errorOfMedian(differences),
      pWorse: signFlipTest(clipped),
      pBetter: signFlipTest(clipped.map((value) => -value)),
    };
  }
  return {
    median: medians,
    change: median(now!) - median(old!),
    error: Math.hypot(errorOfMedian(old!), errorOfMedian(now!)),
    pWorse: permutationTest(old!, now!),
    pBetter: permutationTest(
      old!.map((value) => -value),
      now!.map((value) => -value),
    ),
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
