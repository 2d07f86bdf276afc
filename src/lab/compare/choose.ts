import { nearest } from '../../scenario/suggest.ts';
import { InputError, shorten } from '../../scenario/input-error.ts';
import type { PairedRuns } from './match.ts';
import { COMPLETED, HEADLINE } from './metrics.ts';
import type { MetricFacts } from './result.ts';
import type { Side } from './side.ts';

/** The metrics that a comparison compares. */
export interface Choice {
  readonly metrics: readonly MetricFacts[];
  /** The names of those whose verdicts make the comparison's; others are details. */
  readonly deciding: ReadonlySet<string>;
  /** A sentence for each metric that would be compared if both sides had it. */
  readonly notCompared: readonly string[];
}

/** What stands for all metrics. */
export const ALL = 'all';

/**
 * Chooses the metrics: those that are asked for by name; else all of them, where a single pair of runs without noise
 * is compared, or else those that matter most. Throws InputError when no run has a metric that is asked for.
 */
export function chooseMetrics(
  before: Side,
  after: Side,
  points: readonly PairedRuns[],
  asked: readonly string[] = [],
): Choice {
  const known = new Map([...before.metrics, ...after.metrics].map((one) => [one.name, one]));
  const names =
    asked.length > 0 ? namesAsked(asked, [...known.keys()]) : namesOf(before, points, known);
  const deciding = new Set(asked.length > 0 || before.of === 'bench' ? names : HEADLINE);
  const metrics: MetricFacts[] = [];
  const notCompared: string[] = [];
  const lone: Record<'before' | 'after', string[]> = { before: [], after: [] };
  for (const name of names) {
    const [old, now] = [countOf(points, 'before', name), countOf(points, 'after', name)];
    if (old > 0 && now > 0) metrics.push(known.get(name)!);
    else if (asked.includes(name) || (deciding.has(name) && old + now > 0)) {
      notCompared.push(`${name}: ${old} runs before have it, ${now} after`);
    } else if (old + now > 0) lone[old > 0 ? 'before' : 'after'].push(name);
  }
  for (const side of ['before', 'after'] as const) {
    if (lone[side].length > 0)
      notCompared.push(`figures that only runs ${side} have: ${lone[side].join(', ')}`);
  }
  return { metrics, deciding, notCompared };
}

const countOf = (points: readonly PairedRuns[], side: 'before' | 'after', name: string): number =>
  points.flatMap((point) => point[side]).filter(({ figures }) => figures[name] !== undefined)
    .length;

function namesAsked(asked: readonly string[], known: readonly string[]): readonly string[] {
  if (asked.includes(ALL)) return known;
  for (const name of asked) {
    if (known.includes(name)) continue;
    const guess = nearest(name, known);
    const hint = guess === undefined ? '--metric all compares every one' : `did you mean ${guess}?`;
    const sentence = `no run has this figure (${hint})`;
    throw new InputError([{ place: `--metric ${shorten(name)}`, key: '', sentence }]);
  }
  return [...new Set(asked)];
}

function namesOf(
  side: Side,
  points: readonly PairedRuns[],
  known: ReadonlyMap<string, MetricFacts>,
): readonly string[] {
  if (side.of === 'bench') {
    return [...known.values()].flatMap(({ name, better }) => (better ? [name] : []));
  }
  const isSpoiled = points.some(({ before, after }) =>
    [...before, ...after].some(({ outcome }) => outcome !== 'completed'),
  );
  const headline = HEADLINE.filter((name) => name !== COMPLETED || isSpoiled);
  if (points.length > 1 || !isOnePair(points[0]!)) return headline;
  const others = [...known.keys()].filter((name) => !HEADLINE.includes(name));
  return [...headline, ...others];
}

const isOnePair = ({ before, after, pairs }: PairedRuns): boolean =>
  before.length === 1 &&
  after.length === 1 &&
  pairs.some((pair) => pair.before.isExact && pair.after.isExact);
