import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([LineChart, ScatterChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

export interface ChartAxis {
  readonly label: string;
  readonly unit?: string | undefined;
  readonly log: boolean;
  /** What 1, 2, 3 … stand for; no line is drawn from one to the next. */
  readonly names?: readonly string[] | undefined;
}

export interface ChartSeries {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  /** The paper's values are marks, ours a line; another look at ours is dashed, what has no line dots. */
  readonly kind: 'line' | 'dashed' | 'dots' | 'marks';
  /** Which colour: the marks and the line of one thing share theirs. */
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
/** Okabe and Ito's palette, which colour-blind readers tell apart; black last. */
const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000'];
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'pin', 'roundRect', 'arrow'];
const FONT = 'DejaVu Sans';

/** The chart as an SVG document; the same chart gives the same bytes. */
export function chartSvg(chart: Chart): string {
  const view = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    view.setOption(optionOf(chart));
    return stable(view.renderToSVGString());
  } finally {
    // Without this the process would not end.
    view.dispose();
  }
}

/** An SVG as PNG, twice its size, with the font that comes along. */
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

function optionOf({
  title,
  subtitle,
  x,
  y,
  series,
}: Chart): Parameters<ReturnType<typeof init>['setOption']>[0] {
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    title: { text: title, subtext: subtitle, left: 16, top: 8, textStyle: { fontSize: 16 } },
    legend: {
      bottom: 8,
      left: 16,
      right: 16,
      // Widths of texts are estimated here: room behind each, so that none runs into the next.
      itemGap: 26,
      itemWidth: 18,
      itemHeight: 12,
      textStyle: { fontSize: 11 },
    },
    grid: { left: 76, right: 28, top: 76, bottom: 118 },
    xAxis: axisOf(x, 30),
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

/** Counters of the library run on from chart to chart; they start anew here. */
function stable(svg: string): string {
  const names = new Map<string, string>();
  return svg.replaceAll(/zr\d+-[a-z]+-?\d*/g, (name) => {
    if (!names.has(name)) names.set(name, `zr-${names.size}`);
    return names.get(name)!;
  });
}
