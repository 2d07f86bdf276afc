import { exp } from '../random/elementary.ts';
import { nonNegativeFit } from './nonnegative.ts';

/** How many distinct pages a guest has dirtied when a time has passed since its dirty log was cleared. */
export interface DirtyPoint {
  readonly afterNs: number;
  readonly pages: number;
  /** So many pages more may have been dirty, as the count was rounded down; 1 when it is absent. */
  readonly slackPages?: number;
}

/** Pages that are all written equally often; `rate` is the writes a second to all of them together. */
export interface PageGroup {
  readonly pages: number;
  readonly rate: number;
}

/** Groups of pages that reproduce a dirty-rate vector, and how many pages they dirty by each of its points. */
export interface DirtyFit {
  readonly groups: readonly PageGroup[];
  readonly fittedPages: readonly number[];
  /** The largest |fitted − asked| ÷ asked. */
  readonly worstError: number;
}

/** A problem of a vector, at one of its points. */
export interface VectorProblem {
  readonly point: number;
  readonly what: 'after' | 'pages';
  readonly sentence: string;
}

/** A point may lie so much above the straight line through the one before, since measured counts are not exact. */
const UNEVEN = 1.05;

/** Returns why no guest with a region of so many pages can have a vector; no fit is asked for then. */
export function vectorProblems(points: readonly DirtyPoint[], pages: number): VectorProblem[] {
  if (points.length < 2) {
    const sentence = 'expected two points or more, as one says nothing about how the pages grow';
    return [{ point: 0, what: 'after', sentence }];
  }
  return points.flatMap((point, index) => {
    const problem = (what: 'after' | 'pages', sentence: string): VectorProblem[] => [
      { point: index, what, sentence },
    ];
    const before = points[index - 1];
    if (before && point.afterNs <= before.afterNs) {
      return problem('after', 'must be later than the point before: list the points in order');
    }
    if (point.pages < 1) {
      return problem('pages', 'expected one dirty page or more: leave a point without any out');
    }
    if (point.pages > pages) {
      const sentence = `${point.pages} dirty pages are more than the region's ${pages}: give it a larger region`;
      return problem('pages', sentence);
    }
    if (!before) return [];
    const slack = before.slackPages ?? 1;
    if (point.pages + (point.slackPages ?? 0) < before.pages) {
      const sentence = `${point.pages} dirty pages are fewer than the ${before.pages} of the point before: a count of distinct pages never falls as time passes`;
      return problem('pages', sentence);
    }
    const most = (UNEVEN * (before.pages + slack) * point.afterNs) / before.afterNs;
    if (point.pages <= most) return [];
    const sentence = `${point.pages} dirty pages grow faster than in proportion to time, which from ${before.pages} at the point before gives at most ${Math.floor(most)}: no steady guest does that, so measure again`;
    return problem('pages', sentence);
  });
}

/** Time constants from an eighth of the first point's time up to so many times the last one's are tried. */
const LONGEST = 32;
const SHORTEST = 1 / 8;
const STEPS_AN_OCTAVE = 4;

/**
 * Returns groups of pages that together dirty as many distinct pages as a vector says, as nearly as groups can. A group
 * of N pages that is written r times a second at random dirties N (1 − exp(−r t / N)) pages in t seconds. So the pages
 * of groups with given time constants N / r are factors of a linear problem, and none may be negative; relative errors
 * are what is made small. All groups together fit into a region of `pages` pages. The vector has no problems.
 */
export function fitDirtyVector(points: readonly DirtyPoint[], pages: number): DirtyFit {
  const constants = timeConstants(points);
  for (;;) {
    const groups = groupsFor(points, constants);
    const used = groups.reduce((sum, group) => sum + group.pages, 0);
    // Long time constants need many pages, most of which are never dirtied within the vector's time.
    if (used <= pages || constants.length === 1) return judge(points, fitting(groups, pages, used));
    constants.pop();
  }
}

function timeConstants(points: readonly DirtyPoint[]): number[] {
  const last = LONGEST * points.at(-1)!.afterNs;
  const constants: number[] = [];
  const step = exp(0.6931471805599453 / STEPS_AN_OCTAVE);
  for (let ns = SHORTEST * points[0]!.afterNs; ns < last; ns *= step) constants.push(ns);
  return constants;
}

function groupsFor(points: readonly DirtyPoint[], constants: readonly number[]): PageGroup[] {
  const columns = constants.map((ns) => points.map((p) => share(p.afterNs / ns) / p.pages));
  const sizes = nonNegativeFit(
    columns,
    points.map(() => 1),
  );
  return sizes.flatMap((size, k) => {
    const whole = Math.round(size);
    return whole === 0 ? [] : [{ pages: whole, rate: (whole * 1e9) / constants[k]! }];
  });
}

/** Returns groups that have been cut to a region by the same share, which a fit needs that is a rounding too large. */
function fitting(groups: readonly PageGroup[], pages: number, used: number): PageGroup[] {
  if (used <= pages) return [...groups];
  return groups.map(({ pages: own, rate }) => {
    const cut = Math.floor((own * pages) / used);
    return { pages: cut, rate: (rate * cut) / own };
  });
}

function judge(points: readonly DirtyPoint[], groups: readonly PageGroup[]): DirtyFit {
  const fittedPages = points.map(({ afterNs }) => dirtiedBy(groups, afterNs));
  const errors = points.map(({ pages }, k) => Math.abs(fittedPages[k]! - pages) / pages);
  return { groups, fittedPages, worstError: Math.max(...errors) };
}

/** Returns how many distinct pages the groups dirty in a time, on average. */
export function dirtiedBy(groups: readonly PageGroup[], ns: number): number {
  return groups.reduce((sum, { pages, rate }) => sum + pages * share((rate * ns) / 1e9 / pages), 0);
}

/** Returns 1 − e^−x for x > 0: the share of its pages that a group has dirtied after x writes a page. */
function share(x: number): number {
  return x > 40 ? 1 : 1 - exp(-x);
}
