import { framed, RIGHT_PX, X_AXIS_PX } from './axes.ts';
import type { Drawing, HeatFigure, Paint, Target, View } from './figure.ts';
import { formatNumber, scaleOf, withUnit } from './scale.ts';
import { CHARACTER_PX, element, fit, px, textAt } from './svg.ts';

const HEAT_TOP = 26;
/** Cells have one of so many shades, so that equal neighbours are one rectangle. */
const SHADES = 8;

/** Draws a heat map of a width in pixels; `view` is the part of the x axis that is shown. */
export function drawHeat(
  heat: HeatFigure,
  width: number,
  paint: Paint,
  view: View | undefined,
  clip: string,
): Drawing {
  const { x: axis, y, columns, values } = heat;
  const whole = { from: axis.min ?? 0, to: axis.max ?? columns };
  const shown = view ?? whole;
  const names = y.rows;
  const rowPx = Math.max(4, Math.min(26, Math.floor(320 / Math.max(1, names.length))));
  const left = Math.max(34, 20 + Math.max(0, ...names.map((name) => name.length)) * CHARACTER_PX);
  const plot = {
    left,
    right: width - RIGHT_PX,
    top: HEAT_TOP,
    bottom: HEAT_TOP + names.length * rowPx,
  };
  const x = scaleOf(axis, shown, [plot.left, plot.right], (plot.right - plot.left) / 80);
  const edge = (column: number): number =>
    x.toPixel(whole.from + ((whole.to - whole.from) * column) / columns);
  const most = values.reduce((a, b) => Math.max(a, b), 0) || 1;
  const shades: string[] = Array.from({ length: SHADES + 1 }, () => '');
  for (let row = 0; row < names.length; row++) {
    let from = 0;
    for (let column = 1; column <= columns; column++) {
      const shade = shadeOf(values[row * columns + from]!, most);
      if (column < columns && shadeOf(values[row * columns + column]!, most) === shade) continue;
      const [start, end] = [Math.max(plot.left, edge(from)), Math.min(plot.right, edge(column))];
      if (shade > 0 && end > start) {
        const top = HEAT_TOP + row * rowPx;
        shades[shade] += `M${px(start)} ${px(top)}H${px(end)}V${px(top + rowPx - 1)}H${px(start)}Z`;
      }
      from = column;
    }
  }
  const cells = shades.map((d, shade) =>
    d === ''
      ? ''
      : element('path', {
          d,
          fill: paint(heat.colour),
          'fill-opacity': (0.12 + (0.88 * shade) / SHADES).toFixed(2),
        }),
  );
  const every = Math.ceil(14 / rowPx);
  const labels = names.map((name, row) =>
    row % every === 0 || row === names.length - 1
      ? textAt(left - 8, HEAT_TOP + (row + 0.5) * rowPx + 4, name, {
          'text-anchor': 'end',
          fill: paint('grey'),
        })
      : '',
  );
  const title = textAt(4, 14, fit(y.label, width - 8), { fill: paint('text') });
  return {
    width,
    height: plot.bottom + X_AXIS_PX,
    body: [framed(clip, plot, x, axis, paint, cells.join('')), ...labels, title].join(''),
    targets: heatTargets(heat, edge, plot, rowPx),
    plot,
    view: shown,
  };
}

/** Returns the shade of a number: 0 for nothing, then 1 to the darkest. */
export const shadeOf = (value: number, most: number): number =>
  value <= 0 ? 0 : Math.max(1, Math.round((SHADES * value) / most));

function heatTargets(
  { x: axis, y, columns, values, what, colour }: HeatFigure,
  edge: (column: number) => number,
  plot: Drawing['plot'],
  rowPx: number,
): Target[] {
  const [from, to] = [axis.min ?? 0, axis.max ?? columns];
  const at = (column: number): string => withUnit(from + ((to - from) * column) / columns, axis);
  const targets: Target[] = [];
  for (const [row, name] of y.rows.entries()) {
    for (let column = 0; column < columns; column++) {
      const x = (edge(column) + edge(column + 1)) / 2;
      if (x < plot.left || x > plot.right) continue;
      targets.push({
        x,
        y: HEAT_TOP + (row + 0.5) * rowPx,
        head: `${y.label} ${name}, ${at(column)} to ${at(column + 1)}`,
        lines: [{ colour, text: `${what}: ${formatNumber(values[row * columns + column]!)}` }],
      });
    }
  }
  return targets;
}
