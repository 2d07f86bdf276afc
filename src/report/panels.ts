import { CustomChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Panel, PanelSeries } from '../lab/sweep/panels.ts';
import { COLOURS, FONT, withStableIds } from './chart.ts';

use([CustomChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** Sizes in pixels. */
const PANEL = { width: 300, height: 250, left: 74, right: 18, top: 34, bottom: 58 } as const;
const HEAD = 70;
const FOOT = 62;
const LEGEND = { gap: 26, icon: 22, character: 7, row: 24 } as const;
/** A span of values that is larger than this is drawn on a logarithmic scale. */
const LOG_SPAN = 8;
const GREYS = ['#444444', '#999999'];

/** What the figures of panels are called, with their unit and its size. */
const FIGURES: Readonly<Record<string, readonly [string, string, number]>> = {
  downtimeMs: ['downtime', 'ms', 1],
  totalTimeMs: ['total time', 's', 1000],
};

export interface PanelChart {
  readonly title: string;
  readonly subtitle: string;
  /** A row of panels for each figure, and in it a panel for each key. */
  readonly panels: readonly Panel[];
}

/**
 * Draws panels as an SVG document: a line of medians for each series with a band between the quartiles, and dashed
 * lines for what formulas predict.
 */
export function panelsSvg({ title, subtitle, panels }: PanelChart): string {
  const figures = [...new Set(panels.map(({ figure }) => figure))];
  const columns = Math.max(1, ...figures.map((name) => rowOf(panels, name).length));
  const width = Math.max(760, columns * PANEL.width);
  const top = HEAD + figures.length * PANEL.height;
  const height = top + FOOT + legendRows(panels, width) * LEGEND.row;
  const view = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    view.setOption(optionOf({ title, subtitle, panels }, figures, top));
    return withStableIds(view.renderToSVGString());
  } finally {
    view.dispose();
  }
}

/** Returns how many rows the legend needs beyond the first, by an estimate of the widths of its names. */
function legendRows(panels: readonly Panel[], width: number): number {
  let rows = 0;
  let used = 0;
  for (const { name } of namesOf(panels)) {
    const own = LEGEND.icon + 8 + name.length * LEGEND.character + LEGEND.gap;
    if (used > 0 && used + own > width - 32) {
      rows++;
      used = 0;
    }
    used += own;
  }
  return rows;
}

const rowOf = (panels: readonly Panel[], figure: string): Panel[] =>
  panels.filter((panel) => panel.figure === figure);

type Option = Parameters<ReturnType<typeof init>['setOption']>[0];

function optionOf(
  { title, subtitle, panels }: PanelChart,
  figures: readonly string[],
  legendTop: number,
): Option {
  const names = namesOf(panels);
  const cells = figures.flatMap((figure, row) =>
    rowOf(panels, figure).map((panel, column) => ({ panel, row, column, figure })),
  );
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    title: { text: title, subtext: subtitle, left: 16, top: 8, textStyle: { fontSize: 16 } },
    legend: {
      top: legendTop + 14,
      left: 16,
      right: 16,
      itemGap: LEGEND.gap,
      itemWidth: LEGEND.icon,
      itemHeight: 10,
      textStyle: { fontSize: 12 },
      data: names.map(({ name }) => name),
    },
    grid: cells.map(({ row, column }) => ({
      left: column * PANEL.width + PANEL.left,
      top: HEAD + row * PANEL.height + PANEL.top,
      width: PANEL.width - PANEL.left - PANEL.right,
      height: PANEL.height - PANEL.top - PANEL.bottom,
    })),
    xAxis: cells.map(({ panel }, gridIndex) => ({
      gridIndex,
      ...xAxisOf(panel),
    })),
    yAxis: cells.map(({ panel, figure, column }, gridIndex) => {
      const [label, unit] = nameOf(figure);
      const { low, high, isLog } = spanOf(panel);
      return {
        gridIndex,
        type: isLog ? ('log' as const) : ('value' as const),
        min: low,
        max: high,
        ...(column === 0
          ? { name: `${label}, ${unit}`, nameLocation: 'middle' as const, nameGap: 50 }
          : {}),
        axisLabel: { fontSize: 11 },
        splitLine: { lineStyle: { color: '#e8e8e8' } },
      };
    }),
    series: cells.flatMap(({ panel, figure }, at) =>
      panel.series.flatMap((series) => drawn(series, figure, at, names)),
    ),
  };
}

interface Named {
  readonly name: string;
  readonly colour: string;
}

/** Returns the names of all series with a colour for each: those of runs first, formulas in greys. */
function namesOf(panels: readonly Panel[]): Named[] {
  const all = (kind: PanelSeries['kind']): string[] => [
    ...new Set(
      panels.flatMap(({ series }) =>
        series.filter((one) => one.kind === kind).map(({ name }) => name),
      ),
    ),
  ];
  return [
    ...all('run').map((name, i) => ({ name, colour: COLOURS[i % COLOURS.length]! })),
    ...all('model').map((name, i) => ({ name, colour: GREYS[i % GREYS.length]! })),
  ];
}

const nameOf = (figure: string): readonly [string, string, number] =>
  FIGURES[figure] ?? [figure, '', 1];

/** Returns the range of a panel's figure, at whole powers of ten on a logarithmic scale. */
function spanOf({ series, figure }: Panel): { low?: number; high?: number; isLog: boolean } {
  const [, , scale] = nameOf(figure);
  const values = series
    .flatMap(({ points }) => points)
    .flatMap(({ y }) => [y.q1 / scale, y.q3 / scale])
    .filter((value) => value > 0);
  if (values.length === 0) return { isLog: false };
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (high / low <= LOG_SPAN) return { isLog: false };
  const powers = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  return { low: 10 ** powers[0]!, high: 10 ** powers[1]!, isLog: true };
}

function xAxisOf({ key, unit, series }: Panel) {
  const values = series.flatMap(({ points }) => points.map(({ x }) => x));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const isLog = low > 0 && high / low > LOG_SPAN;
  return {
    type: isLog ? ('log' as const) : ('value' as const),
    ...(values.length > 0 ? { min: low, max: high } : {}),
    name: unit === '' ? key : `${key}, ${unit}`,
    nameLocation: 'middle' as const,
    nameGap: 28,
    nameTextStyle: { fontSize: 11 },
    axisLabel: { fontSize: 11, hideOverlap: true },
    splitLine: { show: false },
  };
}

/** Returns the band and the line of a series in the panel with a number. */
function drawn(series: PanelSeries, figure: string, at: number, names: readonly Named[]) {
  const { name, kind, points } = series;
  const [, , scale] = nameOf(figure);
  const { colour } = names.find((one) => one.name === name)!;
  const place = { xAxisIndex: at, yAxisIndex: at };
  const positive = points.filter(({ y }) => y.q1 > 0);
  const line = {
    type: 'line' as const,
    name,
    ...place,
    data: positive.map(({ x, y }) => [x, y.median / scale]),
    symbol: kind === 'run' ? 'circle' : 'none',
    symbolSize: 4,
    itemStyle: { color: colour },
    lineStyle:
      kind === 'run' ? { width: 2 } : { width: 1.5, type: 'dashed' as const, color: colour },
    z: kind === 'run' ? 3 : 2,
  };
  if (kind === 'model' || positive.length < 2) return [line];
  const corners = [
    ...positive.map(({ x, y }) => [x, y.q1 / scale]),
    ...positive.toReversed().map(({ x, y }) => [x, y.q3 / scale]),
  ];
  const band = {
    type: 'custom' as const,
    name,
    ...place,
    data: [corners[0]!],
    silent: true,
    itemStyle: { color: colour },
    renderItem: (_: unknown, api: { coord(point: number[]): number[] }) => ({
      type: 'polygon' as const,
      shape: { points: corners.map((corner) => api.coord(corner)) },
      style: { fill: colour, opacity: 0.18 },
    }),
    z: 1,
  };
  // The legend shows the symbol and the colour of the first series of a name.
  return [line, band];
}
