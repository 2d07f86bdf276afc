import { VERSION } from '../../result/version.ts';
import { type Effort, FULL_EFFORT, leastPermutationP, leastSignFlipP } from '../statistics.ts';
import { RESAMPLES } from './bootstrap.ts';
import { chooseMetrics } from './choose.ts';
import { type Matching, matchRuns, type MatchedPoint, type PairedRuns, pairUp } from './match.ts';
import {
  changeOf,
  type Measured,
  measureChange,
  type Scale,
  scaleOf,
  type Values,
  valuesOf,
} from './measure.ts';
import type { Change, CompareResult, MetricFacts, PointVerdict, Summary } from './result.ts';
import { FEWEST_VALUES } from './shift.ts';
import type { ComparedRun, Side } from './side.ts';
import { combine, summaryOf, together } from './summary.ts';
import { type Direction, judgeExact, type Judged, judgeShifts } from './verdict.ts';

export interface CompareOptions {
  /** The smallest change that counts, as a share. */
  readonly threshold: number;
  /** The accepted probability of a false alarm, over all metrics together. */
  readonly alpha: number;
  /** Keys by which runs are not matched. */
  readonly ignored?: ReadonlySet<string>;
  /** The names of the metrics to compare; `all` stands for all of them. */
  readonly metrics?: readonly string[];
}

/** What a comparison says, and whether it could say anything. */
export interface Compared {
  readonly result: CompareResult;
  /** True when no change, however large, could be found: there are too few runs, or too few for so many metrics. */
  readonly isPowerless: boolean;
}

/** Two sides that can't be compared; the message says why, and what to do. */
export class CompareError extends Error {
  override readonly name = 'CompareError';
}

/**
 * Returns how much work each of so many tests may be, so that a thousand points take less than a minute. Holm's
 * correction multiplies p by their number, so they need permutations by the ten thousand.
 */
function effortFor(tests: number): Effort {
  if (tests <= 60) return FULL_EFFORT;
  return { resamples: tests <= 1000 ? FULL_EFFORT.resamples : 9999, exactPairs: 13 };
}

const isShared = ({ before, after }: MatchedPoint): boolean =>
  before.length > 0 && after.length > 0;

/** Compares two sides at all points that both have. Throws CompareError when there is none, or no metric. */
export function compareSides(before: Side, after: Side, options: CompareOptions): Compared {
  const matching = matchRuns(before.runs, after.runs, options.ignored ?? new Set());
  const matched = matching.points.filter(isShared);
  if (matched.length === 0) throw new CompareError(noPoint(matching));
  const points = matched.map((point) => ({ ...point, ...pairUp(point, matching.ignored) }));
  const choice = chooseMetrics(before, after, points, options.metrics);
  if (choice.metrics.length === 0) {
    throw new CompareError(`no figure is there at both sides: ${choice.notCompared.join('; ')}`);
  }
  const metrics = choice.metrics.map((metric) => new MetricAtPoints(metric, points));
  const effort = effortFor(metrics.length * points.length);
  for (const [i, metric] of metrics.entries()) metric.measure(options.threshold, effort, i);
  const verdicts = judgeAll(metrics, points.length, options.alpha);
  const { summaries, changes, isPowerless } = verdicts;
  const judged = summaries.flatMap(({ metric, verdict }) =>
    verdict && choice.deciding.has(metric) ? [verdict] : [],
  );
  const lone = matching.points.filter((point) => !isShared(point));
  const result: CompareResult = {
    schema: 'pageferry/compare@1',
    version: VERSION,
    of: before.of,
    before: { sources: [...before.sources], ...factsOf(before) },
    after: { sources: [...after.sources], ...factsOf(after) },
    method: {
      threshold: options.threshold,
      alpha: options.alpha,
      interval: 'bootstrap percentile',
      resamples: RESAMPLES,
      seed: 1,
      test: 'permutation, two-sided, Holm',
      effect: "Cliff's delta",
    },
    differing: matching.differing,
    matchedBy: matching.matchedBy,
    ignored: matching.ignored,
    metrics: [...choice.metrics],
    summary: summaries,
    points: points.map((point, i) => ({
      scenario: point.scenario,
      runs: {
        before: point.before.length,
        after: point.after.length,
        pairs: point.pairs.length,
      },
      outcomes: { before: outcomesOf(point.before), after: outcomesOf(point.after) },
      changes: changes[i]!,
    })),
    onlyBefore: lone.filter(({ after: now }) => now.length === 0).map(loneOf),
    onlyAfter: lone.filter(({ before: old }) => old.length === 0).map(loneOf),
    notCompared: [...choice.notCompared],
    warnings: [
      ...warningsOf(before, after, points),
      ...powerOf(verdicts, points.length, options.alpha),
    ],
    verdict: combine(judged) ?? 'unclear',
  };
  return { result, isPowerless };
}

/** A metric at all points at which both sides have it. */
class MetricAtPoints {
  readonly metric: MetricFacts;
  readonly values: ReadonlyMap<number, Values>;
  readonly scale: Scale;
  readonly measured = new Map<number, Measured>();

  constructor(metric: MetricFacts, points: readonly PairedRuns[]) {
    this.metric = metric;
    const values = points.map((point, i) => [i, valuesOf(metric, point)] as const);
    this.values = new Map(values.flatMap(([i, there]) => (there ? [[i, there]] : [])));
    this.scale = scaleOf(metric, [...this.values.values()]);
  }

  measure(threshold: number, effort: Effort, index: number): void {
    const { metric, scale } = this;
    for (const [at, values] of this.values) {
      const options = { scale, threshold, effort, seeds: [index, at] };
      this.measured.set(at, measureChange(metric, values, options));
    }
  }
}

interface JudgedMetrics {
  readonly summaries: Summary[];
  /** The changes of each point. */
  readonly changes: Change[][];
  readonly isPowerless: boolean;
  readonly arePointsPowerless: boolean;
  /** How many tests there are at all points. */
  readonly tests: number;
}

/**
 * Judges each metric at each point, and each metric at all points together. Both are families of their own, each of
 * which raises a false alarm with a probability of at most `alpha`.
 */
function judgeAll(
  metrics: readonly MetricAtPoints[],
  points: number,
  alpha: number,
): JudgedMetrics {
  const family = new Family(alpha);
  const wholes = new Family(alpha);
  const rows = metrics.map((one) => {
    const { metric, scale, measured } = one;
    const all = together([...measured.values()], metric.unit);
    const judgeAt = [...measured].map(([at, point]) => ({
      at,
      change: changeOf(metric, point, scale),
      judge: family.enter(metric.better, point),
    }));
    return {
      metric,
      scale,
      all,
      measured: [...measured.values()],
      judgeAt,
      judge: wholes.enter(metric.better, all),
    };
  });
  const changes = Array.from({ length: points }, (): Change[] => []);
  const summaries = rows.map(({ metric, scale, all, measured, judgeAt, judge }) => {
    const verdicts = judgeAt.map(({ at, change, judge: judgeOne }) => {
      const verdict = judgeOne();
      changes[at]!.push({ ...change, ...verdict });
      return verdict?.verdict;
    });
    const judged = judge();
    const whole = judged?.p === undefined ? undefined : { ...judged, p: judged.p };
    return summaryOf(metric, measured, all, scale, verdicts, whole);
  });
  return {
    summaries,
    changes,
    isPowerless: family.isPowerless && wholes.isPowerless,
    arePointsPowerless: family.isPowerless,
    tests: family.size,
  };
}

/** What is judged of one metric: with a p where there is noise. */
interface Verdict {
  readonly p?: number;
  readonly verdict: PointVerdict;
}

/** Shifts that are judged together. They enter one by one; their verdicts are there once all have entered. */
class Family {
  readonly #alpha: number;
  readonly #judged: Judged[] = [];
  #least = Infinity;
  #hasExact = false;
  #verdicts: Verdict[] | undefined;

  constructor(alpha: number) {
    this.#alpha = alpha;
  }

  /** Takes in a metric; returns a function for its verdict, which is undefined for facts and for too few runs. */
  enter(
    better: Direction | undefined,
    { shift, size, floor, differences }: Pick<Measured, 'shift' | 'size' | 'floor' | 'differences'>,
  ): () => Verdict | undefined {
    if (!better) return () => undefined;
    if (!shift) {
      if (!differences) return () => undefined;
      this.#hasExact = true;
      const verdict = judgeExact(differences, size, better, floor);
      return () => ({ verdict });
    }
    const index = this.#judged.push({ shift, better, floor }) - 1;
    this.#least = Math.min(this.#least, shift.leastP);
    return () => {
      this.#verdicts ??= judgeShifts(this.#judged, { alpha: this.#alpha, sides: 2 }).map(
        ({ p, verdict }) => ({ p, verdict }),
      );
      return this.#verdicts[index];
    };
  }

  get size(): number {
    return this.#judged.length;
  }

  /** Whether no shift, however large, could have been found. */
  get isPowerless(): boolean {
    if (this.#hasExact) return false;
    return this.size === 0 || 2 * this.#least * this.size >= this.#alpha;
  }
}

function factsOf({ runs, versions }: Side): Pick<CompareResult['before'], 'runs' | 'versions'> {
  return { runs: runs.length, versions: [...versions] };
}

function outcomesOf(runs: readonly ComparedRun[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of runs) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

const loneOf = ({
  scenario,
  before,
  after,
}: MatchedPoint): CompareResult['onlyBefore'][number] => ({
  scenario,
  runs: before.length + after.length,
});

/** Returns the sentence that no point is there at both sides, with the keys of which no value is. */
function noPoint({ points, matchedBy }: Matching): string {
  const apart = matchedBy.filter((key) => {
    const valuesAt = (side: 'before' | 'after'): Set<unknown> =>
      new Set(
        points.filter((point) => point[side].length > 0).map(({ scenario }) => scenario[key]),
      );
    const [old, now] = [valuesAt('before'), valuesAt('after')];
    return ![...old].some((value) => now.has(value));
  });
  const keys = (apart.length > 0 ? apart : matchedBy).map(keyName);
  const reason =
    apart.length > 0
      ? `they have no value in common of ${keys.join(', ')}`
      : `they vary ${keys.join(', ')}, in no combination that both have`;
  return `no run before has the scenario of a run after: ${reason}; leave a key out with --ignore KEY`;
}

/** Returns a key as a scenario writes it: `guest.workloads[0].rate` for `guest_workloads_0_rate`. */
export const keyName = (column: string): string =>
  column.replaceAll(/_(\d+)(?=_|$)/g, '[$1]').replaceAll('_', '.');

/** Returns a sentence when a change could not have been found, however large, and how many runs would do. */
function powerOf(
  { isPowerless, arePointsPowerless, tests, changes }: JudgedMetrics,
  points: number,
  alpha: number,
): string[] {
  if (!arePointsPowerless || tests === 0) return [];
  const arePairs = changes.flat().some(({ basis }) => basis === 'pairs');
  const fewest = fewestRuns(tests, alpha, arePairs);
  const runs = arePairs ? 'seeds that both sides have' : 'runs of each side';
  const remedy =
    fewest === undefined
      ? `${counted(tests, 'test')} are too many: name fewer metrics`
      : `${fewest} ${runs} would do for ${counted(tests, 'test')}`;
  if (isPowerless) return [`so few runs can show no change, however large: ${remedy}`];
  if (points === 1) return [];
  return [`no point alone has enough runs to show a change, all together have: ${remedy}`];
}

/** With more pairs than this, the permutations that are drawn limit how sure a test can be. */
const MOST_PAIRS = 20;

/** Returns the fewest pairs of runs, or runs of each side, that can be sure among so many tests; undefined if none can. */
function fewestRuns(tests: number, alpha: number, arePairs: boolean): number | undefined {
  const effort = effortFor(tests);
  for (let runs = FEWEST_VALUES; runs <= MOST_PAIRS; runs++) {
    const p = arePairs ? leastSignFlipP(runs, effort) : leastPermutationP(runs, runs, effort);
    // Both directions count.
    if (2 * p * tests < alpha) return runs;
  }
  return undefined;
}

const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`;

function warningsOf(
  before: Side,
  after: Side,
  points: readonly (MatchedPoint & PairedRuns)[],
): string[] {
  const warnings = [...new Set([...before.warnings, ...after.warnings])];
  const hosts = new Set([...before.hosts, ...after.hosts]);
  if (hosts.size > 1) {
    warnings.push(
      `the runs were measured on different machines (${[...hosts].join('; ')}), which differ more than what is compared may do`,
    );
  }
  const runsOf = points.flatMap(({ before: old, after: now }) => [...old, ...now]);
  const lost = runsOf.filter(({ outcome }) => outcome !== 'completed').length;
  if (lost > 0) {
    warnings.push(
      `${lost} of ${runsOf.length} runs did not complete: all figures but \`completed\` are those of the runs that did`,
    );
  }
  const alone = points.filter(
    ({ pairs, before: old, after: now }) =>
      pairs.length > 0 && old.length + now.length > 2 * pairs.length,
  ).length;
  if (alone > 0) {
    warnings.push(
      `at ${alone} of ${points.length} points some runs have no partner with the same seed: where three pairs and more are there, only these are compared`,
    );
  }
  return warnings;
}
