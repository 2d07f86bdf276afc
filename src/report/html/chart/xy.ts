import { type Box, RIGHT_PX, X_AXIS_PX, xAxis, xMarks, yAxis, yMarks } from './axes.ts';
import type {
  Drawing,
  FigurePanel,
  FigurePoint,
  FigureSeries,
  Paint,
  Target,
  View,
  XyFigure,
} from './figure.ts';
import { extentOf, type Scale, scaleOf, withUnit } from './scale.ts';
import { element, px } from './svg.ts';

const LEFT = 60;
const PANEL_PX = 180;
/** The space above each panel for the name of its axis. */
const ABOVE = 30;

/** Draws an xy figure of a width in pixels; `view` is the part of the x axis that is shown. */
export function drawXy(
  figure: XyFigure,
  width: number,
  paint: Paint,
  view: View | undefined,
  clip: string,
): Drawing {
  const shown = view ?? wholeXy(figure);
  const boxes = boxesOf(figure, width);
  const plot = {
    left: LEFT,
    right: width - RIGHT_PX,
    top: boxes[0]!.top,
    bottom: boxes.at(-1)!.bottom,
  };
  const x = scaleOf(figure.x, shown, [plot.left, plot.right], (plot.right - plot.left) / 70);
  const parts = figure.panels.map((panel, i) => {
    const box = boxes[i]!;
    const y = scaleOf(panel.y, yExtent(panel), [box.bottom, box.top], (box.bottom - box.top) / 36);
    const isLast = i === figure.panels.length - 1;
    const id = `${clip}-${i}`;
    const content = panel.series.map((series) => drawSeries(series, x, y, paint)).join('');
    return [
      clipPath(id, box),
      spans(figure, box, x, paint),
      xAxis(box, x, figure.x, paint, isLast),
      yAxis(box, y, panel.y, paint),
      element('g', { 'clip-path': `url(#${id})` }, content),
      xMarks(figure.marks ?? [], box, x, paint, i === 0),
      i === 0 ? yMarks(figure.marks ?? [], box, y, paint) : '',
    ].join('');
  });
  return {
    width,
    height: plot.bottom + X_AXIS_PX,
    body: parts.join(''),
    targets: xyTargets(figure, x, boxes),
    plot,
    view: shown,
  };
}

const clipPath = (id: string, { left, right, top, bottom }: Box): string =>
  element(
    'clipPath',
    { id },
    element('rect', { x: left - 4, y: top - 6, width: right - left + 8, height: bottom - top + 6 }),
  );

function boxesOf({ panels }: XyFigure, width: number): Box[] {
  let top = 0;
  return panels.map(({ height = PANEL_PX }) => {
    const box = {
      left: LEFT,
      right: width - RIGHT_PX,
      top: top + ABOVE,
      bottom: top + ABOVE + height,
    };
    top = box.bottom;
    return box;
  });
}

const allPoints = ({ panels }: XyFigure): FigurePoint[] =>
  panels.flatMap(({ series }) => series.flatMap(({ points }) => points));

function wholeXy(figure: XyFigure): View {
  const isTight = !figure.panels.some(({ series }) => series.some(isLoose));
  return extentOf(
    figure.x,
    allPoints(figure).map(({ x }) => x),
    isTight,
  );
}

function yExtent({ y, series }: FigurePanel): View {
  const values = series.flatMap(({ points }) =>
    points.flatMap((point) => [point.y ?? NaN, point.low ?? NaN, point.high ?? NaN]),
  );
  return extentOf(y, values, false);
}

function spans({ spans: all = [] }: XyFigure, box: Box, x: Scale, paint: Paint): string {
  return all
    .filter(({ from, to }) => to >= x.from && from <= x.to)
    .map(({ from, to, colour }) => {
      const left = Math.max(box.left, x.toPixel(from));
      const right = Math.min(box.right, x.toPixel(to));
      // A short stop has to be seen as well.
      const width = Math.max(1.5, right - left);
      return element('rect', {
        x: left,
        y: box.top,
        width,
        height: box.bottom - box.top,
        fill: paint(colour),
        'fill-opacity': '0.22',
      });
    })
    .join('');
}

function drawSeries(
  { style, colour, points }: FigureSeries,
  x: Scale,
  y: Scale,
  paint: Paint,
): string {
  const stroke = paint(colour);
  const runs = runsOf(points, y);
  const isDotted = style === 'points' || style === 'marks';
  const band = isDotted ? whiskers(points, x, y, stroke) : bandOf(points, x, y, stroke);
  if (isDotted) return band + dots(points, x, y, stroke, style === 'marks');
  const isStep = style === 'step' || style === 'area';
  const paths = runs.map((run) => pathOf(run, x, y, isStep));
  const line = element('path', {
    d: paths.join(''),
    fill: 'none',
    stroke,
    'stroke-width': style === 'dashed' ? '1.5' : '2',
    'stroke-linejoin': 'round',
    ...(style === 'dashed' ? { 'stroke-dasharray': '5 4' } : {}),
  });
  const few =
    !isStep && style === 'line' && points.length <= 40 ? dots(points, x, y, stroke, false) : '';
  if (style !== 'area') return band + line + few;
  const base = px(y.toPixel(y.from));
  const closed = runs.map((run, i) => {
    const [first, last] = [px(x.toPixel(run[0]!.x)), px(x.toPixel(run.at(-1)!.x))];
    return `${paths[i]}L${last} ${base}L${first} ${base}Z`;
  });
  return element('path', { d: closed.join(''), fill: stroke, 'fill-opacity': '0.28' }) + line;
}

type Drawn = FigurePoint & { readonly y: number };

/** Divides points at those that have no value; on a logarithmic axis, 0 is none. */
function runsOf(points: readonly FigurePoint[], y: Scale): Drawn[][] {
  const runs: Drawn[][] = [];
  let run: Drawn[] = [];
  for (const point of points) {
    if (point.y !== null && Number.isFinite(y.toPixel(point.y))) run.push(point as Drawn);
    else if (run.length > 0) {
      runs.push(run);
      run = [];
    }
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

function pathOf(run: readonly Drawn[], x: Scale, y: Scale, isStep: boolean): string {
  return run
    .map((point, i) => {
      const [atX, atY] = [px(x.toPixel(point.x)), px(y.toPixel(point.y))];
      if (i === 0) return `M${atX} ${atY}`;
      return isStep ? `H${atX}V${atY}` : `L${atX} ${atY}`;
    })
    .join('');
}

/** Draws the intervals of loose points as lines through them. */
function whiskers(points: readonly FigurePoint[], x: Scale, y: Scale, stroke: string): string {
  return points
    .map(({ x: at, low, high }) =>
      low === undefined || high === undefined || low === high
        ? ''
        : element('path', {
            d: `M${px(x.toPixel(at))} ${px(y.toPixel(Math.max(low, y.from)))}V${px(y.toPixel(high))}`,
            stroke,
            'stroke-width': '1.5',
            'stroke-opacity': '0.6',
          }),
    )
    .join('');
}

/** Draws the intervals of points that follow one another as a band. */
function bandOf(points: readonly FigurePoint[], x: Scale, y: Scale, fill: string): string {
  const banded = points.flatMap(({ x: at, low, high }) =>
    low === undefined || high === undefined ? [] : [{ at, low, high }],
  );
  if (banded.length < 2) return '';
  const corner = (at: number, value: number): string =>
    `${px(x.toPixel(at))} ${px(y.toPixel(Math.max(value, y.from)))}`;
  const there = banded.map(({ at, low }) => corner(at, low));
  const back = banded.toReversed().map(({ at, high }) => corner(at, high));
  return element('path', { d: `M${[...there, ...back].join('L')}Z`, fill, 'fill-opacity': '0.16' });
}

function dots(
  points: readonly FigurePoint[],
  x: Scale,
  y: Scale,
  colour: string,
  isHollow: boolean,
): string {
  return points
    .filter((point): point is Drawn => point.y !== null && Number.isFinite(y.toPixel(point.y)))
    .map((point) =>
      element('circle', {
        cx: x.toPixel(point.x),
        cy: y.toPixel(point.y),
        r: isHollow ? 5 : 3.5,
        fill: isHollow ? 'none' : colour,
        ...(isHollow ? { stroke: colour, 'stroke-width': '2' } : {}),
      }),
    )
    .join('');
}

const isLoose = ({ style }: FigureSeries): boolean => style === 'points' || style === 'marks';

/** Returns a target for each place of the x axis that has points, and one for each loose point. */
function xyTargets(figure: XyFigure, x: Scale, boxes: readonly Box[]): Target[] {
  const targets: Target[] = [];
  const isInView = (at: number): boolean => at >= x.from && at <= x.to;
  const places = new Set<number>();
  for (const [i, panel] of figure.panels.entries()) {
    const box = boxes[i]!;
    const y = scaleOf(panel.y, yExtent(panel), [box.bottom, box.top], 2);
    for (const series of panel.series) {
      for (const point of series.points) {
        if (point.y === null || !isInView(point.x)) continue;
        if (!isLoose(series)) places.add(point.x);
        else
          targets.push(
            loose(figure, panel, series, point as Drawn, x.toPixel(point.x), y.toPixel(point.y)),
          );
      }
    }
  }
  for (const at of places) {
    const lines = figure.panels.flatMap((panel) =>
      panel.series.flatMap((series) => {
        const text = isLoose(series) ? undefined : valueAt(series, at, panel);
        return text === undefined
          ? []
          : [{ colour: series.colour, text: `${series.name}: ${text}` }];
      }),
    );
    const inside = (figure.spans ?? [])
      .filter(({ from, to }) => at >= from && at <= to)
      .map(({ name, colour }) => ({ colour, text: name }));
    const head = `${figure.x.label}: ${withUnit(at, figure.x)}`;
    targets.push({ x: x.toPixel(at), y: boxes[0]!.top, head, lines: [...lines, ...inside] });
  }
  return targets.toSorted((a, b) => a.x - b.x || a.y - b.y);
}

function loose(
  figure: XyFigure,
  panel: FigurePanel,
  { name, colour }: FigureSeries,
  point: Drawn,
  x: number,
  y: number,
): Target {
  const lines = [
    { colour, text: name },
    { text: `${figure.x.label}: ${withUnit(point.x, figure.x)}` },
    { text: `${panel.y.label}: ${valueText(point, panel)}` },
  ];
  return { x, y, head: point.text ?? name, lines };
}

function valueText({ y, low, high }: Drawn, panel: FigurePanel): string {
  const text = withUnit(y, panel.y);
  return low === undefined || high === undefined || low === high
    ? text
    : `${text} (${withUnit(low, panel.y)} to ${withUnit(high, panel.y)})`;
}

/** Returns what a series has at a place: the value of its step there, or of its point. */
function valueAt(
  { style, points }: FigureSeries,
  at: number,
  panel: FigurePanel,
): string | undefined {
  const isStep = style === 'step' || style === 'area';
  const point = isStep ? points.findLast(({ x }) => x <= at) : points.find(({ x }) => x === at);
  if (!point || point.y === null) return undefined;
  return valueText(point as Drawn, panel);
}
