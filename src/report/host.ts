import { LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { HostResult } from '../fleet/host/result-schema.ts';
import { COLOURS, FONT, withStableIds } from './chart.ts';

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** Sizes in pixels. */
const PANEL = { width: 420, height: 230, left: 66, right: 18, top: 40, bottom: 44 } as const;
const HEAD = 64;
const FOOT = 44;
const COLUMNS = 2;
/** A host with more guests than this has a panel for all of them together only. */
const MOST_PANELS = 12;
const MIB = 1024 * 1024;

type Key = Exclude<keyof HostResult['series']['guests'][number], 'name'>;

/** The lines of a panel, as figure 8 of Waldspurger, OSDI 2002 has them. */
const LINES: readonly (readonly [Key, string, string])[] = [
  ['allocatedBytes', 'allocated', COLOURS[6]!],
  ['activeBytes', 'active', COLOURS[1]!],
  ['balloonedBytes', 'ballooned', COLOURS[0]!],
  ['sharedBytes', 'shared', COLOURS[2]!],
  ['swappedBytes', 'swapped out', COLOURS[3]!],
];

interface HostPanel {
  readonly title: string;
  /** The values of each of `LINES`, in MiB. */
  readonly lines: readonly (readonly (number | null)[])[];
}

/** Draws the memory of a host's guests over time as an SVG document: all together, and each by itself. */
export function hostSvg(result: HostResult): string {
  const panels = panelsOf(result);
  const columns = Math.min(COLUMNS, panels.length);
  const rows = Math.ceil(panels.length / columns);
  const width = Math.max(640, columns * PANEL.width);
  const height = HEAD + rows * PANEL.height + FOOT;
  const view = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    view.setOption(optionOf(result, panels, { columns, height, panelWidth: width / columns }));
    return withStableIds(view.renderToSVGString());
  } finally {
    // Without this the process would not end.
    view.dispose();
  }
}

function panelsOf({ series, guests }: HostResult): HostPanel[] {
  const own = series.guests.map(({ name, ...values }): HostPanel => ({
    title: name,
    lines: LINES.map(([key]) => values[key].map((value) => (value === null ? null : value / MIB))),
  }));
  if (own.length === 1) return own;
  const all: HostPanel = {
    title: `all ${guests.length} guests`,
    lines: LINES.map((_, line) =>
      series.timesMs.map((__, at) =>
        own.reduce((sum, one) => sum + (one.lines[line]![at] ?? 0), 0),
      ),
    ),
  };
  return own.length > MOST_PANELS ? [all] : [all, ...own];
}

type Option = Parameters<ReturnType<typeof init>['setOption']>[0];

interface Sizes {
  readonly columns: number;
  readonly height: number;
  readonly panelWidth: number;
}

function optionOf(
  { scenario, host, series }: HostResult,
  panels: readonly HostPanel[],
  { columns, height, panelWidth }: Sizes,
): Option {
  const name = typeof scenario['name'] === 'string' ? scenario['name'] : 'host';
  const percent = (host.commitment * 100).toFixed(0);
  const [unit, unitMs] = unitOf(series.timesMs.at(-1) ?? 0);
  const places = panels.map((_, i) => ({
    left: (i % columns) * panelWidth + PANEL.left,
    top: HEAD + Math.floor(i / columns) * PANEL.height + PANEL.top,
  }));
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    title: [
      {
        text: name,
        subtext: `${(host.memoryBytes / MIB).toFixed(0)} MiB of machine memory, ${percent} % of it promised`,
        left: 16,
        top: 8,
        textStyle: { fontSize: 16 },
      },
      ...panels.map(({ title }, i) => ({
        text: title,
        left: places[i]!.left,
        top: places[i]!.top - 26,
        textStyle: { fontSize: 12 },
      })),
    ],
    legend: { top: height - 34, left: 16, itemWidth: 22, data: LINES.map(([, label]) => label) },
    grid: places.map(({ left, top }) => ({
      left,
      top,
      width: panelWidth - PANEL.left - PANEL.right,
      height: PANEL.height - PANEL.top - PANEL.bottom,
    })),
    xAxis: panels.map((_, gridIndex) => ({
      gridIndex,
      type: 'value' as const,
      min: 0,
      max: (series.timesMs.at(-1) ?? 0) / unitMs,
      name: unit,
      nameLocation: 'middle' as const,
      nameGap: 24,
      splitLine: { show: false },
    })),
    yAxis: panels.map((_, gridIndex) => ({
      gridIndex,
      type: 'value' as const,
      min: 0,
      name: 'MiB',
      nameLocation: 'middle' as const,
      nameGap: 46,
    })),
    series: panels.flatMap(({ lines }, panel) =>
      LINES.map(([, label, colour], line) => ({
        name: label,
        type: 'line' as const,
        xAxisIndex: panel,
        yAxisIndex: panel,
        showSymbol: false,
        lineStyle: { width: line === 0 ? 2 : 1.5, color: colour },
        itemStyle: { color: colour },
        data: lines[line]!.map((value, at) => [series.timesMs[at]! / unitMs, value]),
      })),
    ),
  };
}

/** Returns the unit of the time axis, and its milliseconds. */
function unitOf(endMs: number): readonly [string, number] {
  return endMs > 600_000 ? ['min', 60_000] : ['s', 1000];
}
