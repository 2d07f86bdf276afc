/** One value of a paper with ours beside it. */
export interface Point {
  readonly x: number;
  /** null when the paper has no value here. */
  readonly paper: number | null;
  readonly ours: number;
  /** (ours − paper) ÷ paper; null when the paper has no value, or 0. */
  readonly error: number | null;
  /** Whether our value meets the goal or keeps the bound; absent when there is neither. */
  readonly isMet?: boolean;
}

/** Points that belong together: a line of the chart, and rows of the table. */
export interface OutcomeSeries {
  readonly name: string;
  /** True when the paper's values are uncertain, for example read off a figure. */
  readonly isUnverified: boolean;
  /** The largest relative error that meets the goal. */
  readonly goal?: number;
  readonly points: readonly Point[];
  /** True when only the table shows the series, for example because its unit is another. */
  readonly isAside?: boolean;
  /** True when no line connects the points, because nothing lies between them. */
  readonly isMarksOnly?: boolean;
  /** True when only the chart shows the series, because it has too many points for the table. */
  readonly isDrawnOnly?: boolean;
  /** The name of a series that this one, which the paper lacks, varies: it is dashed, in the same colour. */
  readonly like?: string;
  /** Set when the paper gives a lower or upper bound for our value in place of a value. */
  readonly bound?: 'low' | 'high';
}

export interface Axis {
  readonly label: string;
  readonly unit?: string | undefined;
  readonly log: boolean;
  /** The names for which the values 1, 2, 3 … stand, when nothing lies between these values. */
  readonly names?: readonly string[] | undefined;
}

/** The outcome of an experiment. It is the same at each run, so that it can be committed. */
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

/** The part of an outcome that is computed; the rest comes from the experiment's file. */
export type Figures = Pick<Outcome, 'x' | 'y' | 'series'>;

/** Makes a point and judges it by its error (when there is a goal) or by the bound that it must keep. */
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

/** Rounds to six digits: more than any of the values is exact, and the same on every machine. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
