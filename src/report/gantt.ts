import { CustomChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { EvacuationResult } from '../fleet/evacuation/result-schema.ts';
import { FONT, withStableIds } from './chart.ts';
import { type Bar, barsOf, KINDS, type Kind } from './gantt-bars.ts';
import { coreOf, linkTitle, linkUnit, scaleOf } from './gantt-scale.ts';

use([CustomChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const WIDTH = 1120;
const LEFT = 120;
/** Room for the labels beside the bars. */
const RIGHT = 150;
const TOP = 84;
const LINK_HEIGHT = 120;
/** The gap between the bars and the link's use, with room for the labels of the time axis. */
const GAP = 40;
/** Room below the link's use for the labels of the time axis, its name and the legend. */
const BOTTOM = 86;
/** In rows lower than this, names would overlap and are left out. */
const LEGIBLE_ROW = 12;
const TALLEST_BARS = 4000;
const GREY = '#e4e4e4';

function rowHeight(rows: number): number {
  if (rows <= 16) return 26;
  return rows <= 100 ? 17 : Math.max(2, Math.min(17, Math.floor(TALLEST_BARS / rows)));
}

/**
 * Draws an evacuation as an SVG document: a row of bars for each guest in the order of their starts, and
 * below them the use of the link that the guests share. The same result gives the same bytes.
 */
export function ganttSvg(result: EvacuationResult): string {
  const bodyHeight = result.guests.length * rowHeight(result.guests.length);
  const height = TOP + bodyHeight + GAP + LINK_HEIGHT + BOTTOM;
  const view = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    view.setOption(optionOf(result, bodyHeight));
    return withStableIds(view.renderToSVGString());
  } finally {
    // Without this the process would not end.
    view.dispose();
  }
}

function optionOf(
  result: EvacuationResult,
  bodyHeight: number,
): Parameters<ReturnType<typeof init>['setOption']>[0] {
  const scale = scaleOf(result.makespanMs);
  const msPerPixel = (scale.max * scale.unitMs) / (WIDTH - LEFT - RIGHT);
  const { names, bars, labels } = barsOf(result, msPerPixel);
  const height = rowHeight(names.length);
  const isLegible = height >= LEGIBLE_ROW;
  const time = { type: 'value' as const, min: 0, max: scale.max, interval: scale.step };
  const linkTop = TOP + bodyHeight + GAP;
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    title: { ...titleOf(result), left: 16, top: 10, textStyle: { fontSize: 16 } },
    legend: {
      bottom: 10,
      left: LEFT,
      itemGap: 30,
      itemWidth: 18,
      itemHeight: 12,
      icon: 'roundRect',
      textStyle: { fontSize: 12 },
      data: KINDS.map(({ name }) => name),
    },
    grid: [
      { left: LEFT, right: RIGHT, top: TOP, height: bodyHeight },
      { left: LEFT, right: RIGHT, top: linkTop, height: LINK_HEIGHT },
    ],
    xAxis: [
      { ...time, gridIndex: 0, ...lines, axisLabel: { fontSize: 11 } },
      {
        ...time,
        gridIndex: 1,
        ...lines,
        axisLabel: { fontSize: 11 },
        name: `time since ${result.source} began to be emptied, ${scale.unit}`,
        nameLocation: 'middle',
        nameGap: 26,
        nameTextStyle: { fontSize: 12 },
      },
    ],
    yAxis: [
      {
        type: 'category',
        gridIndex: 0,
        inverse: true,
        data: names,
        axisTick: { show: false },
        axisLabel: {
          show: isLegible,
          interval: 0,
          fontSize: height > 20 ? 12 : 10,
          width: LEFT - 16,
          overflow: 'truncate',
        },
      },
      linkAxis(result),
    ],
    series: [
      ...KINDS.map((kind) => barSeries(kind, bars, scale.unitMs, height)),
      ...(isLegible ? [labelSeries(labels, scale.unitMs, height)] : []),
      ...linkSeries(result, scale.unitMs),
    ],
  };
}

const lines = { splitLine: { lineStyle: { color: GREY } } };

function titleOf({
  scenario,
  source,
  guests,
  emptied,
  makespanMs,
  downtimeMs,
  limits,
}: EvacuationResult): {
  text: string;
  subtext: string;
} {
  const name = scenario['name'];
  const text = `${typeof name === 'string' ? `${name}: ` : ''}emptying ${source}, ${guests.length} guests`;
  const { outgoing, incoming, cluster, inBatches } = limits;
  const limited = [
    ...(outgoing === undefined ? [] : [`${outgoing} leaving the host`]),
    ...(incoming === undefined ? [] : [`${incoming} coming to one`]),
    ...(cluster === undefined ? [] : [`${cluster} in all`]),
  ];
  const most = limited.length > 0 ? `at most ${limited.join(', ')}` : 'any number at a time';
  const downtimes = downtimeMs
    ? `; downtimes ${(downtimeMs.sum / 1e3).toFixed(2)} s in all, longest ${(downtimeMs.max / 1e3).toFixed(2)} s`
    : '';
  const end = `${emptied ? 'empty' : 'over'} after ${(makespanMs / 1e3).toFixed(1)} s`;
  const subtext = `${end}; ${most}${inBatches ? ', in batches' : ''}${downtimes}. Beside each bar: downtime, or what became of the guest.`;
  return { text, subtext };
}

function barSeries(kind: Kind, bars: readonly Bar[], unitMs: number, rowHeightPx: number) {
  const height = Math.max(1, Math.round(rowHeightPx * kind.height));
  return {
    name: kind.name,
    type: 'custom' as const,
    xAxisIndex: 0,
    yAxisIndex: 0,
    itemStyle: { color: kind.colour },
    z: kind.z,
    data: bars
      .filter((bar) => bar.kind === kind.name)
      .map(({ row, fromMs, toMs, isPale }) => ({
        value: [fromMs / unitMs, row, toMs / unitMs],
        itemStyle: { color: isPale ? kind.pale : kind.colour },
      })),
    encode: { x: [0, 2], y: 1 },
    renderItem: (_: unknown, api: ItemApi) => {
      const [fromX = 0, y = 0] = api.coord([api.value(0), api.value(1)]);
      const [toX = 0] = api.coord([api.value(2), api.value(1)]);
      const width = Math.max(toX - fromX, kind.leastWidth);
      return {
        type: 'rect' as const,
        shape: {
          x: toX - fromX < kind.leastWidth ? toX - width : fromX,
          y: y - height / 2,
          width,
          height,
        },
        style: { fill: String(api.visual('color')) },
      };
    },
  };
}

/** The part of the library's interface that a custom series uses while it draws. */
interface ItemApi {
  value(dimension: number): number;
  coord(point: readonly number[]): number[];
  visual(name: string): unknown;
}

type Label = ReturnType<typeof barsOf>['labels'][number];

function labelSeries(labels: readonly Label[], unitMs: number, height: number) {
  return {
    type: 'custom' as const,
    xAxisIndex: 0,
    yAxisIndex: 0,
    z: 20,
    silent: true,
    data: labels.map(({ row, atMs }) => [atMs / unitMs, row]),
    renderItem: ({ dataIndex }: { dataIndex: number }, api: ItemApi) => {
      const [x = 0, y = 0] = api.coord([api.value(0), api.value(1)]);
      const { text, isBad } = labels[dataIndex]!;
      return {
        type: 'text' as const,
        style: {
          x: x + 6,
          y,
          text,
          fill: isBad ? '#B00020' : '#444444',
          font: `${isBad ? 'bold ' : ''}${height > 20 ? 11 : 10}px ${FONT}`,
          textVerticalAlign: 'middle' as const,
        },
      };
    },
  };
}

function linkAxis(result: EvacuationResult) {
  const { unit, max } = linkUnit(result);
  return {
    type: 'value' as const,
    gridIndex: 1,
    min: 0,
    max,
    splitNumber: 3,
    name: `${linkTitle(result)}, ${unit}`,
    nameLocation: 'middle' as const,
    nameGap: 44,
    nameTextStyle: { fontSize: 12 },
    axisLabel: { fontSize: 11 },
    ...lines,
  };
}

function linkSeries(result: EvacuationResult, unitMs: number) {
  const core = coreOf(result);
  if (!core) return [];
  const { bytesPerUnit } = linkUnit(result);
  const periodMs = result.timeline.periodMs;
  const series = core.seriesBytesPerSecond;
  const points = series.map((value, i) => [(i * periodMs) / unitMs, value / bytesPerUnit]);
  const last = series.at(-1) ?? 0;
  points.push([result.makespanMs / unitMs, last / bytesPerUnit]);
  const onLink = { type: 'line' as const, xAxisIndex: 1, yAxisIndex: 1, symbol: 'none' };
  const used = {
    ...onLink,
    step: 'end' as const,
    data: points,
    lineStyle: { width: 1, color: '#009E73' },
    areaStyle: { color: '#009E73', opacity: 0.35 },
  };
  if (core.bytesPerSecond === undefined) return [used];
  const capacity = core.bytesPerSecond / bytesPerUnit;
  const most = {
    ...onLink,
    data: [
      [0, capacity],
      [scaleOf(result.makespanMs).max, capacity],
    ],
    lineStyle: { width: 1, type: 'dashed' as const, color: '#000000' },
    endLabel: { show: true, formatter: 'capacity', fontSize: 11, color: '#444444' },
  };
  return [used, most];
}
