import { framed, RIGHT_PX, X_AXIS_PX, xMarks } from './axes.ts';
import type { Drawing, FigureRow, Paint, RowsFigure, Target, View } from './figure.ts';
import { extentOf, type Scale, scaleOf, withUnit } from './scale.ts';
import { CHARACTER_PX, element, fit, px, textAt } from './svg.ts';

const ROWS_TOP = 22;
/** The heights of a row, and of its bar, where there are few rows and where there are many. */
const ROOMY = { row: 34, bar: 20 } as const;
const DENSE = { row: 20, bar: 12 } as const;
const MANY_ROWS = 14;

/** Draws a figure of rows of a width in pixels; `view` is the part of the x axis that is shown. */
export function drawRows(
  figure: RowsFigure,
  width: number,
  paint: Paint,
  view: View | undefined,
  clip: string,
): Drawing {
  const shown = view ?? wholeRows(figure);
  const sizes = figure.rows.length > MANY_ROWS ? DENSE : ROOMY;
  const isNarrow = width < 520;
  // On a narrow screen the labels stand above their bars.
  const above = isNarrow ? 16 : 0;
  const rowPx = sizes.row + above;
  const left = isNarrow
    ? 10
    : Math.min(width * 0.4, 16 + longest(figure.rows.map(({ label }) => label)));
  const notes = longest(figure.rows.map(({ note = '' }) => note));
  const right = width - RIGHT_PX - (notes > 0 && !isNarrow ? Math.min(notes + 8, width * 0.3) : 0);
  const plot = { left, right, top: ROWS_TOP, bottom: ROWS_TOP + figure.rows.length * rowPx };
  const x = scaleOf(figure.x, shown, [left, right], (right - left) / 70);
  const targets: Target[] = [];
  const rows = figure.rows.map((row, i) => {
    const middle = ROWS_TOP + i * rowPx + above + sizes.row / 2;
    targets.push(...rowTargets(row, figure, x, middle));
    const label = isNarrow
      ? textAt(left, middle - sizes.row / 2 - 2, fit(labelWithNote(row), right - left), {
          fill: paint('text'),
        })
      : textAt(left - 8, middle + 4, fit(row.label, left - 12), {
          'text-anchor': 'end',
          fill: paint('text'),
        });
    const note =
      row.note === undefined || isNarrow
        ? ''
        : textAt(right + 8, middle + 4, fit(row.note, width - right - 10), { fill: paint('grey') });
    return { label: label + note, bars: barsOf(row, figure, x, middle, sizes.bar, paint) };
  });
  return {
    width,
    height: plot.bottom + X_AXIS_PX,
    body: [
      framed(clip, plot, x, figure.x, paint, rows.map(({ bars }) => bars).join('')),
      ...rows.map(({ label }) => label),
      xMarks(figure.marks ?? [], { ...plot, top: plot.top - 16 }, x, paint, true),
    ].join(''),
    targets,
    plot,
    view: shown,
  };
}

const longest = (texts: readonly string[]): number =>
  Math.max(0, ...texts.map((text) => text.length)) * CHARACTER_PX;

const labelWithNote = ({ label, note }: FigureRow): string =>
  note === undefined ? label : `${label}: ${note}`;

function wholeRows({ x, rows, marks = [] }: RowsFigure): View {
  const values = rows.flatMap(({ bars, dot }) => [
    ...bars.flatMap(({ from, to }) => [from, to]),
    ...(dot === undefined ? [] : [dot]),
  ]);
  return extentOf(x, [...values, ...marks.map(({ at }) => at)], false);
}

function barsOf(
  row: FigureRow,
  { kinds }: RowsFigure,
  x: Scale,
  middle: number,
  barPx: number,
  paint: Paint,
): string {
  const bars = row.bars.map(({ kind, from, to }) => {
    const { colour, isThin } = kinds[kind]!;
    const height = isThin ? Math.max(3, barPx * 0.3) : barPx;
    const start = x.toPixel(Math.max(from, x.from));
    // A short part has to be seen as well.
    const width = Math.max(from === to ? 0 : 1.5, x.toPixel(Math.min(to, x.to)) - start);
    return element('rect', {
      x: start,
      y: middle - height / 2,
      width,
      height,
      fill: paint(colour),
    });
  });
  if (row.dot === undefined) return bars.join('');
  const at = x.toPixel(row.dot);
  const r = barPx * 0.32;
  const diamond = `M${px(at - r)} ${px(middle)}L${px(at)} ${px(middle - r)}L${px(at + r)} ${px(middle)}L${px(at)} ${px(middle + r)}Z`;
  return `${bars.join('')}${element('path', { d: diamond, fill: paint('text'), stroke: paint('paper') })}`;
}

/** Returns a target for each bar that is in view, or for the row's mark when it has one. */
function rowTargets(row: FigureRow, { kinds, x: axis }: RowsFigure, x: Scale, y: number): Target[] {
  const head = row.label;
  const described = row.bars.map(({ kind, from, to, text }) => ({
    colour: kinds[kind]!.colour,
    text: text ?? `${kinds[kind]!.name}: ${withUnit(to - from, axis)}`,
  }));
  if (row.dot !== undefined) {
    if (row.dot < x.from || row.dot > x.to) return [];
    const note = row.note === undefined ? [] : [{ text: row.note }];
    return [{ x: x.toPixel(row.dot), y, head, lines: [...described, ...note] }];
  }
  return row.bars.flatMap(({ from, to }, i) => {
    if (to < x.from || from > x.to) return [];
    const middle = (Math.max(from, x.from) + Math.min(to, x.to)) / 2;
    return [{ x: x.toPixel(middle), y, head, lines: [described[i]!] }];
  });
}
