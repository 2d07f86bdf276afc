import type { Figure, FigurePoint, HeatFigure, RowsFigure, XyFigure } from './chart/figure.ts';
import { axisTitle, formatNumber, withUnit } from './chart/scale.ts';
import type { Table } from './model.ts';

/** A table of a chart has at most this many rows; the rest is in the result's file. */
const MOST_ROWS = 1000;

/** Returns the values of a chart as a table, for readers who can't see it or want its numbers. */
export function dataTable(figure: Figure): { readonly table: Table; readonly left: number } {
  const table =
    figure.kind === 'xy'
      ? xyTable(figure)
      : figure.kind === 'rows'
        ? rowsTable(figure)
        : heatTable(figure);
  return {
    table: { ...table, rows: table.rows.slice(0, MOST_ROWS) },
    left: Math.max(0, table.rows.length - MOST_ROWS),
  };
}

const column = (name: string) => ({ name, isNumber: true });

function xyTable({ x, panels }: XyFigure): Table {
  const all = panels.flatMap(({ y, series }) => series.map((one) => ({ ...one, y })));
  if (all.some(({ points }) => points.some(({ text }) => text !== undefined))) {
    return {
      columns: [
        { name: 'point' },
        { name: 'series' },
        column(axisTitle(x)),
        column(axisTitle(panels[0]!.y)),
      ],
      rows: all.flatMap(({ name, points }) =>
        points.map((point) => [point.text ?? '', name, formatNumber(point.x), valueOf(point)]),
      ),
    };
  }
  const places = [...new Set(all.flatMap(({ points }) => points.map((point) => point.x)))].toSorted(
    (a, b) => a - b,
  );
  const byPlace = all.map(({ points }) => new Map(points.map((point) => [point.x, point])));
  return {
    columns: [
      { name: axisTitle(x), isNumber: !x.names },
      ...all.map(({ name, y }) => column(y.unit ? `${name}, ${y.unit}` : name)),
    ],
    rows: places.map((at) => [
      x.names ? withUnit(at, x) : formatNumber(at),
      ...byPlace.map((points) => valueOf(points.get(at))),
    ]),
  };
}

function valueOf(point: FigurePoint | undefined): string {
  if (!point || point.y === null) return '';
  const { y, low, high } = point;
  if (low === undefined || high === undefined || low === high) return formatNumber(y);
  return `${formatNumber(y)} (${formatNumber(low)} to ${formatNumber(high)})`;
}

function rowsTable({ x, kinds, rows }: RowsFigure): Table {
  const hasDots = rows.some(({ dot }) => dot !== undefined);
  return {
    columns: [
      { name: '' },
      { name: 'part' },
      column(`from, ${x.unit ?? x.label}`),
      column(`to, ${x.unit ?? x.label}`),
      ...(hasDots ? [column('value')] : []),
    ],
    rows: rows.flatMap(({ label, bars, dot }) =>
      bars.map(({ kind, from, to }) => [
        label,
        kinds[kind]!.name,
        formatNumber(from),
        formatNumber(to),
        ...(hasDots ? [dot === undefined ? '' : formatNumber(dot)] : []),
      ]),
    ),
  };
}

/** A heat map has too many cells for a table: of each row it has the sum, and where the largest number is. */
function heatTable({ x, y, columns, values, what }: HeatFigure): Table {
  const [from, to] = [x.min ?? 0, x.max ?? columns];
  const placeOf = (at: number): string => withUnit(from + ((to - from) * at) / columns, x);
  return {
    columns: [
      { name: y.label },
      column(`${what}, sum`),
      column('cells above 0'),
      column('largest'),
      { name: 'where the largest is' },
    ],
    rows: y.rows.map((name, row) => {
      const own = values.slice(row * columns, (row + 1) * columns);
      const most = own.reduce((a, b) => Math.max(a, b), 0);
      const at = own.indexOf(most);
      return [
        name,
        formatNumber(own.reduce((a, b) => a + b, 0)),
        String(own.filter((value) => value > 0).length),
        formatNumber(most),
        most === 0 ? '' : `${placeOf(at)} to ${placeOf(at + 1)}`,
      ];
    }),
  };
}
