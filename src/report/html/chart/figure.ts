/**
 * Charts as plain data. A figure says what is shown, in the units of its axes; `draw.ts` makes an SVG of it, on this
 * side for files and in the reader's browser for the width of the window and the part that is zoomed to.
 */

/** The names of colours; `palette.ts` has their values for light and for dark paper. */
export type Colour = 'c1' | 'c2' | 'c3' | 'c4' | 'c5' | 'c6' | 'c7' | 'grey' | 'bad' | 'good';

export interface FigureAxis {
  readonly label: string;
  /** The unit of the values, such as `ms`; absent for counts and names. */
  readonly unit?: string | undefined;
  readonly isLog?: boolean;
  /** Whether only whole numbers have ticks. */
  readonly isWhole?: boolean;
  /** The ends of the axis; without them, those of the data. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** The names for which the values 1, 2, 3 … stand. */
  readonly names?: readonly string[] | undefined;
}

/** A point of a line; a `y` of null breaks the line. `low` and `high` are the ends of its interval. */
export interface FigurePoint {
  readonly x: number;
  readonly y: number | null;
  readonly low?: number;
  readonly high?: number;
  /** What the point is, in place of its `x`. */
  readonly text?: string;
}

/**
 * Points that belong together. A `step` has each value until the next point; an `area` is a step that is filled;
 * `marks` are outlines of points.
 */
export interface FigureSeries {
  readonly name: string;
  readonly colour: Colour;
  readonly style: 'line' | 'dashed' | 'step' | 'area' | 'points' | 'marks';
  readonly points: readonly FigurePoint[];
}

/** A part of an xy figure with a value axis of its own. */
export interface FigurePanel {
  readonly y: FigureAxis;
  readonly series: readonly FigureSeries[];
  /** In pixels; 180 without it. */
  readonly height?: number;
}

/** A part of the x axis that is shaded in all panels, such as the downtime. */
export interface FigureSpan {
  readonly name: string;
  readonly colour: Colour;
  readonly from: number;
  readonly to: number;
}

/** A place on the x axis, or on the y axis of the first panel, with a dashed line. */
export interface FigureMark {
  readonly name: string;
  readonly at: number;
  readonly axis?: 'x' | 'y';
}

interface Titled {
  /** The name of the file when the chart is exported: lower-case letters, digits and `-`. */
  readonly id: string;
  readonly title: string;
  /** Sentences below the title that say how to read the chart. */
  readonly note?: string;
  readonly x: FigureAxis;
}

/** Lines, bands and points over a common x axis, in one panel or several that lie below one another. */
export interface XyFigure extends Titled {
  readonly kind: 'xy';
  readonly panels: readonly FigurePanel[];
  readonly spans?: readonly FigureSpan[];
  readonly marks?: readonly FigureMark[];
}

export interface FigureBar {
  /** The index of its kind in `kinds`. */
  readonly kind: number;
  readonly from: number;
  readonly to: number;
  /** What a reader is told of it, in place of its length. */
  readonly text?: string;
}

export interface FigureRow {
  readonly label: string;
  readonly bars: readonly FigureBar[];
  /** A mark at a value, such as the median in its interval. */
  readonly dot?: number;
  /** A short text at the right end of the row. */
  readonly note?: string;
}

/** Bars in rows: stacked parts, spans of time, or intervals with their medians. */
export interface RowsFigure extends Titled {
  readonly kind: 'rows';
  readonly kinds: readonly {
    readonly name: string;
    readonly colour: Colour;
    readonly isThin?: boolean;
  }[];
  readonly rows: readonly FigureRow[];
  readonly marks?: readonly FigureMark[];
}

/** A grid of cells whose colours are numbers; x is divided into `columns` equal parts from `x.min` to `x.max`. */
export interface HeatFigure extends Titled {
  readonly kind: 'heat';
  readonly y: { readonly label: string; readonly rows: readonly string[] };
  readonly columns: number;
  /** A number for each cell, row after row; 0 is nothing. */
  readonly values: readonly number[];
  /** What a cell's number counts, such as `times sent`. */
  readonly what: string;
  readonly colour: Colour;
}

export type Figure = XyFigure | RowsFigure | HeatFigure;

/** A part of the x axis that is zoomed to. */
export interface View {
  readonly from: number;
  readonly to: number;
}

/** A place of a drawing that a reader can point at or walk to, in pixels, with what it says. */
export interface Target {
  readonly x: number;
  readonly y: number;
  readonly head: string;
  readonly lines: readonly { readonly colour?: Colour; readonly text: string }[];
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** The SVG's elements without the `svg` element itself. */
  readonly body: string;
  /** From left to right, and then from top to bottom. */
  readonly targets: readonly Target[];
  /** The part of the drawing that the x axis spans, in pixels. */
  readonly plot: {
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
  };
  readonly view: View;
}

/** Returns what a colour is written as in the SVG, such as `#0067a5` or `var(--c1)`. */
export type Paint = (colour: Colour | 'text' | 'line' | 'paper') => string;
