import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { FONT } from './font.ts';

export { FONT };

use([LineChart, ScatterChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** An axis of a chart, linear or logarithmic. */
export interface ChartAxis {
  readonly label: string;
  readonly unit?: string | undefined;
  readonly log: boolean;
  /** The names for which the values 1, 2, 3 … stand; no line connects such values. */
  readonly names?: readonly string[] | undefined;
}

/** Points of a chart that belong together, each as [x, y]. */
export interface ChartSeries {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  /** How the points are drawn: a paper's values as marks, ours as a line, a dashed line or dots. */
  readonly kind: 'line' | 'dashed' | 'dots' | 'marks';
  /** An index into `COLOURS`: the paper's marks and our line for one quantity share it. */
  readonly colour: number;
}

export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly ChartSeries[];
}

const WIDTH = 840;
const HEIGHT = 480;
/** Okabe and Ito's palette, which colour-blind readers can tell apart, with black last. */
export const COLOURS = [
  '#0072B2',
  '#D55E00',
  '#009E73',
  '#CC79A7',
  '#E69F00',
  '#56B4E9',
  '#000000',
];
/** The centre of every symbol lies at its value. */
const CROSS = 'path://M0,0 L10,10 M10,0 L0,10';
const PLUS = 'path://M5,0 L5,10 M0,5 L10,5';
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', CROSS, 'roundRect', PLUS];
/** Estimated sizes in the legend in pixels, and the number of its rows that every chart has room for. */
const LEGEND_GAP = 26;
const LEGEND_ICON = 24;
const LEGEND_CHARACTER = 6.6;
const LEGEND_ROW = 40;
const LEGEND_ROWS = 2;

/** Draws a chart as an SVG document; the same chart gives the same bytes. */
export function chartSvg(chart: Chart): string {
  const height = HEIGHT + extraLegend(chart);
  const view = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    view.setOption(optionOf(chart, height - HEIGHT));
    return withStableIds(view.renderToSVGString());
  } finally {
    // Without this the process would not end.
    view.dispose();
  }
}

/** Renders an SVG document as a PNG of twice its size, with a font that comes with the program. */
export function pngOf(svg: string): Uint8Array {
  const fonts = dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json'));
  const fontFiles = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) =>
    join(fonts, 'ttf', name),
  );
  const font = { fontFiles, loadSystemFonts: false, defaultFontFamily: FONT };
  return new Resvg(svg, { font, fitTo: { mode: 'zoom', value: 2 }, background: 'white' })
    .render()
    .asPng();
}

/** Returns the height in pixels of the legend's rows beyond those that every chart has room for. */
function extraLegend({ series }: Chart): number {
  let rows = 1;
  let used = 0;
  for (const { name } of series) {
    const width = LEGEND_ICON + name.length * LEGEND_CHARACTER + LEGEND_GAP;
    if (used > 0 && used + width > WIDTH - 32) {
      rows++;
      used = 0;
    }
    used += width;
  }
  return Math.max(0, rows - LEGEND_ROWS) * LEGEND_ROW;
}

/** True when all values are powers of two, so that the axis has a mark for each of them. */
function isDoubling(values: readonly number[]): boolean {
  return (
    values.length > 2 && values.every((value) => value > 0 && Number.isInteger(Math.log2(value)))
  );
}

function optionOf(
  { title, subtitle, x, y, series }: Chart,
  extra: number,
): Parameters<ReturnType<typeof init>['setOption']>[0] {
  const all = series.flatMap(({ points }) => points.map(([at]) => at));
  const doublings =
    x.log && isDoubling(all) ? { logBase: 2, min: Math.min(...all), max: Math.max(...all) } : {};
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    title: { text: title, subtext: subtitle, left: 16, top: 8, textStyle: { fontSize: 16 } },
    legend: {
      bottom: 8,
      left: 16,
      right: 16,
      // The library only estimates widths of texts, so a gap keeps one from running into the next.
      itemGap: LEGEND_GAP,
      itemWidth: 18,
      itemHeight: 12,
      textStyle: { fontSize: 11 },
    },
    grid: { left: 76, right: 28, top: 76, bottom: 118 + extra },
    xAxis: { ...axisOf(x, 30), ...doublings },
    yAxis: axisOf(y, 54),
    series: series.map(({ name, points, kind, colour }) => ({
      name,
      data: points.map(([a, b]) => [a, b]),
      type:
        kind === 'marks' || kind === 'dots' || x.names ? ('scatter' as const) : ('line' as const),
      symbol: SYMBOLS[colour % SYMBOLS.length]!,
      symbolSize:
        kind === 'marks' ? 11 : kind === 'dots' || x.names ? 7 : points.length > 50 ? 0 : 4,
      itemStyle:
        kind === 'marks'
          ? {
              color: 'transparent',
              borderColor: COLOURS[colour % COLOURS.length]!,
              borderWidth: 2,
            }
          : { color: COLOURS[colour % COLOURS.length]! },
      lineStyle: kind === 'dashed' ? { width: 2, type: 'dashed' as const } : { width: 2 },
    })),
  };
}

function axisOf({ label, unit, log, names }: ChartAxis, nameGap: number) {
  return {
    ...(names ? { min: 0, max: names.length + 1, interval: 1 } : {}),
    type: log ? ('log' as const) : ('value' as const),
    name: unit === undefined ? label : `${label}, ${unit}`,
    nameLocation: 'middle' as const,
    nameGap,
    nameTextStyle: { fontSize: 13 },
    axisLabel: names
      ? { fontSize: 11, formatter: (at: number): string => names[at - 1] ?? '' }
      : { fontSize: 12 },
    splitLine: { lineStyle: { color: '#e4e4e4' } },
  };
}

/** Renumbers the names in an SVG, because the library's counters go on from chart to chart. */
export function withStableIds(svg: string): string {
  const names = new Map<string, string>();
  return svg.replaceAll(/zr\d+-[a-z]+-?\d*/g, (name) => {
    if (!names.has(name)) names.set(name, `zr-${names.size}`);
    return names.get(name)!;
  });
}
