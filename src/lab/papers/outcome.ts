/** One value of a paper beside ours. */
export interface Point {
  readonly x: number;
  /** null: the paper has none. */
  readonly paper: number | null;
  readonly ours: number;
  /** (ours − paper) ÷ paper; null without one. */
  readonly error: number | null;
  /** Whether the error stays below the goal that was set for it; absent: none was. */
  readonly isMet?: boolean;
}

export interface OutcomeSeries {
  readonly name: string;
  readonly isUnverified: boolean;
  readonly goal?: number;
  readonly points: readonly Point[];
  /** A value beside the figure: in the table, not in the chart. */
  readonly isAside?: boolean;
  /** Means of stretches, with nothing between them: no line. */
  readonly isMarksOnly?: boolean;
  /** Too many points for the table: in the chart alone. */
  readonly isDrawnOnly?: boolean;
  /** Another look at that series, which the paper doesn't have: drawn in its colour, dashed. */
  readonly like?: string;
  /** The paper gives a bound for ours, not a value. */
  readonly bound?: 'low' | 'high';
}

export interface Axis {
  readonly label: string;
  readonly unit?: string | undefined;
  readonly log: boolean;
  /** What 1, 2, 3 … stand for, when they do: nothing lies between them. */
  readonly names?: readonly string[] | undefined;
}

/** What an experiment came to; the same each time, so that it can be committed. */
export interface Outcome {
  readonly format: 'pageferry/paper@1';
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  readonly about: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly OutcomeSeries[];
  readonly fitted: readonly string[];
  readonly notes: readonly string[];
}

/** What an experiment computes; the rest is in its file. */
export type Figures = Pick<Outcome, 'x' | 'y' | 'series'>;

/** A point, judged: by its error, or by a bound that it must keep. */
export function pointOf(
  x: number,
  paper: number | null,
  ours: number,
  judged: { readonly goal?: number | undefined; readonly bound?: 'low' | 'high' } = {},
): Point {
  const error = paper === null ? null : paper === 0 ? (ours === 0 ? 0 : null) : ours / paper - 1;
  const { goal, bound } = judged;
  const point = { x, paper, ours: rounded(ours), error: error === null ? null : rounded(error) };
  if (paper !== null && bound) {
    return { ...point, isMet: bound === 'low' ? ours >= paper : ours <= paper };
  }
  if (error === null || goal === undefined) return point;
  return { ...point, isMet: Math.abs(error) <= goal };
}

/** Six digits are more than any of it is good for, and the same on every machine. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
