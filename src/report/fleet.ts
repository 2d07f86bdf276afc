import { BarChart, CustomChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { FleetResult } from '../fleet/datacentre/result-schema.ts';
import { COLOURS, FONT, withStableIds } from './chart.ts';

use([
  LineChart,
  BarChart,
  CustomChart,
  GridComponent,
  LegendComponent,
  TitleComponent,
  SVGRenderer,
]);

/** Sizes in pixels. */
const WIDTH = 900;
const PLOT = { left: 70, right: 24, height: 120, gap: 64 } as const;
const HEAD = 64;
const FOOT = 44;
/** A fleet with more hosts than this has one panel with the mean and the busiest host. */
const MOST_PANELS = 8;
const MOST_LINES = 8;

interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Lines of one stack lie on top of each other. */
  readonly isStacked?: boolean;
  readonly colour: string;
}

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly most?: number;
  readonly lines: readonly Line[];
}

const colourOf = (index: number): string => COLOURS[index % COLOURS.length]!;

/**
 * Draws a fleet over time as an SVG document: the CPUs of each host, stacked by guest as figure 3 of Wood et al. (NSDI
 * 2007) has them, response times, and a bar for each migration.
 */
export function fleetSvg(result: FleetResult): string {
  const panels = [...hostPanels(result), ...responsePanels(result)];
  const { migrations } = result;
  const all = panels.length + (migrations.length > 0 ? 1 : 0);
  const height = HEAD + all * (PLOT.height + PLOT.gap) + FOOT;
  const view = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    view.setOption(optionOf(result, panels));
    return withStableIds(view.renderToSVGString());
  } finally {
    // Without this the process would not end.
    view.dispose();
  }
}

function hostPanels({ hosts, guests }: FleetResult): Panel[] {
  const isSmall = hosts.length <= MOST_PANELS && guests.every(({ seriesCpu }) => seriesCpu);
  if (!isSmall) {
    const intervals = hosts[0]?.seriesCpu.length ?? 0;
    const at = (index: number): number[] => hosts.map(({ seriesCpu }) => seriesCpu[index]!);
    const over = (of: (uses: readonly number[]) => number): number[] =>
      Array.from({ length: intervals }, (_, index) => of(at(index)) * 100);
    const mean = over((uses) => uses.reduce((sum, one) => sum + one, 0) / uses.length);
    const most = over((uses) => Math.max(...uses));
    const lines = [
      { name: 'mean of all hosts', values: mean, colour: colourOf(1) },
      { name: 'busiest host', values: most, colour: colourOf(3) },
    ];
    return [{ title: `CPU of ${hosts.length} hosts`, unit: '%', most: 100, lines }];
  }
  return hosts.map(({ name }, host) => ({
    title: `CPU of ${name}`,
    unit: '%',
    most: 100,
    lines: guests.flatMap((guest, index): Line[] => {
      const values = guest.seriesCpu!.map((cpu, at) =>
        guest.seriesHost![at] === host ? cpu * 100 : 0,
      );
      if (values.every((value) => value === 0)) return [];
      return [{ name: guest.name, values, isStacked: true, colour: colourOf(index) }];
    }),
  }));
}

function responsePanels({ applications }: FleetResult): Panel[] {
  if (applications.length === 0) return [];
  const shown = applications
    .toSorted((a, b) => b.violationMs - a.violationMs)
    .slice(0, MOST_LINES)
    .map(({ name, series }, index) => ({
      name,
      values: series.responseMs,
      colour: colourOf(index),
    }));
  const some = applications.length > MOST_LINES ? `, ${MOST_LINES} of ${applications.length}` : '';
  return [{ title: `response time${some}`, unit: 'ms', lines: shown }];
}

/** Returns where a panel's plot begins. */
const topOf = (index: number): number => HEAD + 26 + index * (PLOT.height + PLOT.gap);

type Option = Parameters<ReturnType<typeof init>['setOption']>[0];

function optionOf(result: FleetResult, panels: readonly Panel[]): Option {
  const { scenario, policy, hosts, guests, intervalMs, migrations, durationMs } = result;
  const name = typeof scenario['name'] === 'string' ? scenario['name'] : 'fleet';
  const hasBars = migrations.length > 0;
  const titles = [...panels.map(({ title }) => title), ...(hasBars ? ['migrations'] : [])];
  const axis = {
    type: 'value' as const,
    min: 0,
    max: durationMs / 1000,
    splitLine: { show: false },
  };
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    title: [
      {
        text: name,
        subtext: `${guests.length} guests on ${hosts.length} hosts, policy ${policy}`,
        left: 16,
        top: 8,
        textStyle: { fontSize: 16 },
      },
      ...titles.map((text, index) => ({
        text,
        left: PLOT.left,
        top: topOf(index) - 26,
        textStyle: { fontSize: 12 },
      })),
    ],
    legend: {
      top: topOf(titles.length) - 30,
      left: 16,
      itemWidth: 18,
      data: [...new Set(panels.flatMap(({ lines }) => lines.map((line) => line.name)))],
    },
    grid: titles.map((_, index) => ({
      left: PLOT.left,
      right: PLOT.right,
      top: topOf(index),
      height: PLOT.height,
    })),
    xAxis: titles.map((_, gridIndex) => ({
      ...axis,
      gridIndex,
      ...(gridIndex === titles.length - 1
        ? { name: 's', nameLocation: 'middle' as const, nameGap: 24 }
        : {}),
    })),
    yAxis: [
      ...panels.map(({ unit, most }, gridIndex) => ({
        gridIndex,
        type: 'value' as const,
        min: 0,
        ...(most === undefined ? {} : { max: most }),
        name: unit,
        nameLocation: 'middle' as const,
        nameGap: 44,
      })),
      ...(hasBars
        ? [{ gridIndex: panels.length, type: 'value' as const, min: 0, max: 1, show: false }]
        : []),
    ],
    series: [
      ...panels.flatMap(({ lines }, index) =>
        lines.map((line) => ({
          name: line.name,
          type: 'line' as const,
          xAxisIndex: index,
          yAxisIndex: index,
          showSymbol: false,
          step: 'start' as const,
          ...(line.isStacked ? { stack: `host ${index}`, areaStyle: { opacity: 0.7 } } : {}),
          lineStyle: { width: line.isStacked ? 0 : 1.5, color: line.colour },
          itemStyle: { color: line.colour },
          // A reading is of the interval that ends with it.
          data: [line.values[0] ?? null, ...line.values].map((value, at) => [
            (at * intervalMs) / 1000,
            value,
          ]),
        })),
      ),
      ...(hasBars ? [migrationBars(result, panels.length)] : []),
    ],
  };
}

/** The width of a letter of a bar's name, on average, in pixels. */
const LETTER = 6.5;

/**
 * Draws a bar for each migration in the colour of its guest, in as few rows as they need so that none covers another or
 * another's name.
 */
function migrationBars({ migrations, guests, durationMs }: FleetResult, axis: number) {
  const rows: number[] = [];
  const hasNames = migrations.length <= 12;
  const letterMs = (LETTER * durationMs) / (WIDTH - PLOT.left - PLOT.right);
  const indices = new Map(guests.map(({ name }, index) => [name, index]));
  const bars = migrations.map((one) => {
    const name = hasNames ? `${one.guest} → ${one.to}` : '';
    const free = rows.findIndex((endMs) => endMs <= one.startMs);
    const row = free < 0 ? rows.length : free;
    // Two letters' widths are the gaps on both sides of the name.
    rows[row] = one.endMs + (hasNames ? (name.length + 2) * letterMs : 0);
    return { ...one, name, row, colour: colourOf(indices.get(one.guest) ?? 0) };
  });
  const height = 1 / Math.max(3, rows.length);
  return {
    type: 'custom' as const,
    xAxisIndex: axis,
    yAxisIndex: axis,
    data: bars.map(({ startMs, endMs, row }) => [startMs / 1000, endMs / 1000, row]),
    renderItem: (
      { dataIndex }: { readonly dataIndex: number },
      api: { readonly coord: (point: readonly number[]) => number[] },
    ) => {
      const bar = bars[dataIndex]!;
      const [x0, y0] = api.coord([bar.startMs / 1000, 1 - bar.row * height]) as [number, number];
      const [x1, y1] = api.coord([bar.endMs / 1000, 1 - (bar.row + 0.6) * height]) as [
        number,
        number,
      ];
      const shape = { x: x0, y: y0, width: Math.max(2, x1 - x0), height: y1 - y0 };
      const label = {
        text: bar.name,
        x: x0 + shape.width + 4,
        y: y0,
        fontSize: 11,
      };
      return {
        type: 'group' as const,
        children: [
          { type: 'rect' as const, shape, style: { fill: bar.colour } },
          ...(hasNames
            ? [{ type: 'text' as const, style: { ...label, fontFamily: FONT, fill: '#333' } }]
            : []),
        ],
      };
    },
  };
}
