import { z } from 'zod';

/**
 * This module defines the shape of a comparison, `pageferry/compare@1` (docs/compare.md explains each key). Shares are
 * fractions: 0.2 is a fifth more. An absent key means that the value does not exist, never 0.
 */

const count = z.number().int().min(0);
const cell = z.union([z.string(), z.number(), z.boolean()]);
const cells = z.record(z.string(), cell);
const interval = z.tuple([z.number(), z.number()]);
const probability = z.number().min(0).max(1);

const side = z.strictObject({
  /** The files and stores, as they were named. */
  sources: z.array(z.string()).min(1),
  runs: count,
  versions: z.array(z.string()),
});

const sample = z.strictObject({
  /** How many runs have the figure. */
  runs: count,
  /** The median over the runs; of `completed`, which is 0 or 1 in each run, the mean. */
  middle: z.number(),
  min: z.number(),
  max: z.number(),
});

/** `better`, `worse`, `same` (the whole interval lies within the threshold), or `unclear`. */
const verdict = z.enum(['better', 'worse', 'same', 'unclear']);

const change = z.strictObject({
  metric: z.string(),
  before: sample,
  after: sample,
  /**
   * What the change rests on: `exact` (virtual runs with one or two seeds in common, which have no noise), `pairs` of
   * runs that have a seed in common, independent `samples`, or `few` (too few runs to judge).
   */
  basis: z.enum(['exact', 'pairs', 'samples', 'few']),
  /** How many pairs of runs there are. */
  pairs: count,
  /** How far `after` is from `before`, in the metric's unit, and the 95 % interval of that. */
  difference: z.number(),
  differenceInterval: interval.optional(),
  /**
   * The same as a share of `before`; absent where that is 0, or the metric is a share itself. With pairs, it is the
   * median over the pairs, from which the medians of the two sides can differ.
   */
  change: z.number().optional(),
  changeInterval: interval.optional(),
  /** Cliff's delta: from -1 (every run after is below every run before) to 1; absent where there are too few runs. */
  cliffsDelta: z.number().min(-1).max(1).optional(),
  /** Holm's correction over all metrics and points is in it. */
  p: probability.optional(),
  /** Absent for facts, and where there are too few runs. */
  verdict: verdict.optional(),
});

const point = z.strictObject({
  /** The keys that tell the points apart, with this point's values. */
  scenario: cells,
  runs: z.strictObject({ before: count, after: count, pairs: count }),
  /** How many runs ended how. */
  outcomes: z.strictObject({
    before: z.record(z.string(), count),
    after: z.record(z.string(), count),
  }),
  changes: z.array(change),
});

const lonePoint = z.strictObject({ scenario: cells, runs: count });

const summary = z.strictObject({
  metric: z.string(),
  /** How many points have the metric at both sides, and how many have which verdict. */
  points: count,
  better: count,
  worse: count,
  same: count,
  unclear: count,
  /** The median over the points' changes (differences where there is no share), and the least and the largest of them. */
  change: z.number().optional(),
  changeInterval: interval.optional(),
  changeRange: interval.optional(),
  difference: z.number(),
  differenceInterval: interval.optional(),
  differenceRange: interval,
  /** Holm's correction over the metrics is in it. */
  p: probability.optional(),
  /** `mixed`: better at some points and worse at others. Absent for facts, and where there are too few runs. */
  verdict: z.enum([...verdict.options, 'mixed']).optional(),
});

export const compareSchema = z.strictObject({
  schema: z.literal('pageferry/compare@1'),
  version: z.string(),
  /** What the two sides are: results of `run` and `sweep`, or of `bench`. */
  of: z.enum(['runs', 'bench']),
  before: side,
  after: side,
  method: z.strictObject({
    threshold: z.number(),
    alpha: z.number(),
    interval: z.literal('bootstrap percentile'),
    resamples: count,
    seed: count,
    test: z.literal('permutation, two-sided, Holm'),
    effect: z.literal("Cliff's delta"),
  }),
  /** The keys of the scenarios (options of a bench) in which the two sides differ: each has one value, or none. */
  differing: z.array(
    z.strictObject({ key: z.string(), before: cell.optional(), after: cell.optional() }),
  ),
  /** The keys by which points are matched, since they vary. */
  matchedBy: z.array(z.string()),
  /** The keys that vary and by which points are not matched, as asked. */
  ignored: z.array(z.string()),
  metrics: z.array(
    z.strictObject({
      name: z.string(),
      unit: z.string(),
      /** Which direction is better; absent for a fact, which has none. */
      better: z.enum(['less', 'more']).optional(),
    }),
  ),
  /** For each metric, what all points together say. */
  summary: z.array(summary),
  points: z.array(point),
  /** The points that only one side has. */
  onlyBefore: z.array(lonePoint),
  onlyAfter: z.array(lonePoint),
  /** What could not be compared, a sentence each. */
  notCompared: z.array(z.string()),
  warnings: z.array(z.string()),
  /** What all metrics that have a direction say together. */
  verdict: z.enum([...verdict.options, 'mixed']),
});

export type CompareResult = z.infer<typeof compareSchema>;
export type ComparedSide = CompareResult['before'];
export type ComparedPoint = CompareResult['points'][number];
export type Change = ComparedPoint['changes'][number];
export type Summary = CompareResult['summary'][number];
export type MetricFacts = CompareResult['metrics'][number];
export type PointVerdict = NonNullable<Change['verdict']>;
export type Verdict = CompareResult['verdict'];
