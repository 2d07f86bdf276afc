import { CustomChart, LineChart } from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TitleComponent,
} from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { RunResult } from '../result/schema.ts';
import { formatBitRate } from '../units/rate.ts';
import { formatSize } from '../units/size.ts';
import { COLOURS, FONT, withStableIds } from './chart.ts';
import { type ChartRound, figuresOf, type RunFigures, type Span } from './run-figures.ts';

use([
  CustomChart,
  LineChart,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TitleComponent,
  SVGRenderer,
]);

const WIDTH = 960;
const HEIGHT = 600;
const LEFT = 84;
const RIGHT = 72;
const ROUNDS = { left: LEFT, right: RIGHT, top: 96, height: 210 };
const GUEST = { left: LEFT, right: RIGHT, top: 354, height: 140 };
const GREY = '#e4e4e4';
const [SENT, DIRTIED, THROTTLE, , DOWNTIME, GUEST_COLOUR] = COLOURS as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const MIB = 2 ** 20;

/**
 * Draws a run as an SVG document: what each round sent and what the guest dirtied meanwhile, with the throttle, and
 * below it how fast the guest ran, with the downtime. The guest's timeline begins at `timelineMs` since the migration's
 * start. The same result gives the same bytes.
 */
export function runSvg(result: RunResult, timelineMs: number): string {
  const view = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    view.setOption(optionOf(result, figuresOf(result, timelineMs)));
    return withStableIds(view.renderToSVGString());
  } finally {
    // Without this the process would not end.
    view.dispose();
  }
}

type Option = Parameters<ReturnType<typeof init>['setOption']>[0];

function optionOf(result: RunResult, figures: RunFigures): Option {
  const { shown } = figures;
  const unit = shown.toMs - shown.fromMs >= 2000 ? { name: 's', ms: 1000 } : { name: 'ms', ms: 1 };
  const isThrottled = figures.rounds.some(({ throttle }) => throttle !== undefined);
  const time = {
    type: 'value' as const,
    min: shown.fromMs / unit.ms,
    max: shown.toMs / unit.ms,
    splitLine: { lineStyle: { color: GREY } },
    // The ends of the axis are no round numbers.
    axisLabel: { fontSize: 11, showMinLabel: false, showMaxLabel: false },
    axisLine: { onZero: false },
  };
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    title: { ...titleOf(result, figures), left: 16, top: 10, textStyle: { fontSize: 16 } },
    legend: {
      bottom: 10,
      left: LEFT,
      // The library only estimates widths of texts, so a gap keeps one from running into the next.
      itemGap: 44,
      itemWidth: 18,
      itemHeight: 12,
      icon: 'roundRect',
      textStyle: { fontSize: 12 },
      data: legendOf(figures, isThrottled),
    },
    grid: [ROUNDS, GUEST],
    xAxis: [
      { ...time, gridIndex: 0 },
      {
        ...time,
        gridIndex: 1,
        name: `time since the migration's start, ${unit.name}`,
        nameLocation: 'middle' as const,
        nameGap: 28,
        nameTextStyle: { fontSize: 12 },
      },
    ],
    yAxis: [
      { ...valueAxis('MiB in the round', 0), min: 0 },
      {
        ...valueAxis('accesses a second', 1),
        min: 0,
        axisLabel: { fontSize: 11, formatter: short },
      },
      ...(isThrottled ? [throttleAxis()] : []),
    ],
    series: [
      ...amountSeries(figures, unit.ms),
      ...(isThrottled ? [throttleSeries(figures.rounds, unit.ms)] : []),
      labelSeries(figures, unit.ms),
      guestSeries(figures, unit.ms),
      ...(figures.downtime ? [DOWNTIME_KEY] : []),
    ],
  };
}

const SERIES = {
  sent: 'sent',
  dirtied: 'dirtied meanwhile',
  throttle: 'throttle',
  guest: 'accesses of the guest',
  downtime: 'downtime',
} as const;

/** A series without points, which explains the colour of the downtime in the legend. */
const DOWNTIME_KEY = {
  name: SERIES.downtime,
  type: 'line' as const,
  xAxisIndex: 1,
  yAxisIndex: 1,
  data: [],
  itemStyle: { color: DOWNTIME },
};

function legendOf({ rounds, downtime }: RunFigures, isThrottled: boolean): string[] {
  const isDirtied = rounds.some(({ dirtiedBytes }) => dirtiedBytes !== undefined);
  return [
    SERIES.sent,
    ...(isDirtied ? [SERIES.dirtied] : []),
    ...(isThrottled ? [SERIES.throttle] : []),
    SERIES.guest,
    ...(downtime ? [SERIES.downtime] : []),
  ];
}

function titleOf(result: RunResult, { downtime }: RunFigures): { text: string; subtext: string } {
  const { scenario, ram, outcome, totalTimeMs, link } = result;
  const { name, migration } = scenario as {
    name?: string;
    migration: { algorithm: string; policy: string | { readonly export: string } };
  };
  const { algorithm, policy } = migration;
  const kind = typeof policy === 'string' ? policy : policy.export;
  const how = /precopy|hybrid/.test(algorithm) ? `${algorithm}, policy ${kind}` : algorithm;
  const stopped = downtime ? `, downtime ${lengthOf(downtime)}` : '';
  const rate =
    link.achievedBytesPerSecond === undefined
      ? ''
      : ` at ${formatBitRate(link.achievedBytesPerSecond)}`;
  return {
    text: `${name ?? 'run'}: ${how}, ${formatSize(ram.total)} guest`,
    subtext: `${outcome} in ${formatMs(totalTimeMs)}${stopped}, ${formatSize(ram.transferred)} of pages sent${rate}`,
  };
}

const formatMs = (ms: number): string =>
  ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${Number(ms.toPrecision(3))} ms`;

const lengthOf = ({ fromMs, toMs }: Span): string => formatMs(toMs - fromMs);

/** Formats a number of accesses in a short form, such as 25k. */
function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  return value >= 1e3 ? `${Number((value / 1e3).toPrecision(3))}k` : String(value);
}

function valueAxis(name: string, gridIndex: number) {
  return {
    type: 'value' as const,
    gridIndex,
    name,
    nameLocation: 'middle' as const,
    nameGap: 56,
    nameTextStyle: { fontSize: 12 },
    axisLabel: { fontSize: 11 },
    splitNumber: 4,
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: GREY } },
  };
}

function throttleAxis() {
  return {
    ...valueAxis('throttle, %', 0),
    position: 'right' as const,
    nameGap: 42,
    min: 0,
    max: 100,
    interval: 25,
    splitLine: { show: false },
  };
}

/** Returns the corners of a line that has a value from the begin to the end of each span, and gaps between spans. */
function steps(
  spans: readonly ChartRound[],
  unitMs: number,
  valueOf: (round: ChartRound) => number | undefined,
): (number | null)[][] {
  return spans.flatMap((span, i) => {
    const value = valueOf(span);
    const [from, to] = [span.fromMs / unitMs, span.toMs / unitMs];
    if (value === undefined) return [[from, null]];
    const corners = [
      [from, value],
      [to, value],
    ];
    // Post-copy is no round: no line leads to what it sent from what the stop sent.
    return spans[i + 1]?.label === 'post-copy' ? [...corners, [to, null]] : corners;
  });
}

function amountSeries({ rounds }: RunFigures, unitMs: number) {
  const line = { type: 'line' as const, xAxisIndex: 0, yAxisIndex: 0, symbol: 'none' };
  return [
    {
      ...line,
      name: SERIES.sent,
      data: steps(rounds, unitMs, ({ sentBytes }) => sentBytes / MIB),
      itemStyle: { color: SENT },
      lineStyle: { width: 1.5, color: SENT },
      areaStyle: { color: SENT, opacity: 0.3 },
    },
    {
      ...line,
      name: SERIES.dirtied,
      data: steps(rounds, unitMs, ({ dirtiedBytes }) =>
        dirtiedBytes === undefined ? undefined : dirtiedBytes / MIB,
      ),
      itemStyle: { color: DIRTIED },
      lineStyle: { width: 2, color: DIRTIED },
    },
  ];
}

function throttleSeries(rounds: readonly ChartRound[], unitMs: number) {
  const live = rounds.filter(({ dirtiedBytes }) => dirtiedBytes !== undefined);
  return {
    name: SERIES.throttle,
    type: 'line' as const,
    xAxisIndex: 0,
    yAxisIndex: 2,
    symbol: 'none',
    data: steps(live, unitMs, ({ throttle }) => 100 * (throttle ?? 0)),
    itemStyle: { color: THROTTLE },
    lineStyle: { width: 2, type: 'dashed' as const, color: THROTTLE },
  };
}

/** The part of the library's interface that a custom series uses while it draws. */
interface ItemApi {
  value(dimension: number): number;
  coord(point: readonly number[]): number[];
}

const LABEL_PX = 6.4;
const LABEL_GAP_PX = 8;

/** Returns the rounds whose labels have room above the chart, each in the middle of its round. */
function roomyLabels({ rounds, shown }: RunFigures): readonly ChartRound[] {
  const pxPerMs = (WIDTH - LEFT - RIGHT) / (shown.toMs - shown.fromMs);
  const kept: { round: ChartRound; from: number; to: number }[] = [];
  // The stop and post-copy come first, as they are what one looks for; then the longest rounds.
  const ranked = rounds.toSorted(
    (a, b) =>
      Number(/^\d/.test(a.label)) - Number(/^\d/.test(b.label)) ||
      b.toMs - b.fromMs - (a.toMs - a.fromMs),
  );
  for (const round of ranked) {
    const middle = ((round.fromMs + round.toMs) / 2) * pxPerMs;
    const half = (round.label.length * LABEL_PX + LABEL_GAP_PX) / 2;
    const [from, to] = [middle - half, middle + half];
    if (kept.every((other) => to <= other.from || from >= other.to)) kept.push({ round, from, to });
  }
  return kept.map(({ round }) => round);
}

function labelSeries(figures: RunFigures, unitMs: number) {
  const labels = roomyLabels(figures);
  return {
    type: 'custom' as const,
    xAxisIndex: 0,
    yAxisIndex: 0,
    z: 20,
    silent: true,
    data: labels.map(({ fromMs, toMs }) => [(fromMs + toMs) / 2 / unitMs, 0]),
    renderItem: ({ dataIndex }: { dataIndex: number }, api: ItemApi) => {
      const [x = 0] = api.coord([api.value(0), 0]);
      return {
        type: 'text' as const,
        style: {
          x,
          y: ROUNDS.top - 8,
          text: labels[dataIndex]!.label,
          fill: '#444444',
          font: `11px ${FONT}`,
          textAlign: 'center' as const,
          textVerticalAlign: 'middle' as const,
        },
      };
    },
  };
}

function guestSeries({ guest, downtime, migration }: RunFigures, unitMs: number) {
  const { startMs, periodMs, perSecond } = guest;
  const data = perSecond.flatMap((value, i) => [
    [(startMs + i * periodMs) / unitMs, value],
    [(startMs + (i + 1) * periodMs) / unitMs, value],
  ]);
  const marks = [
    { xAxis: migration.fromMs / unitMs, name: 'start' },
    { xAxis: migration.toMs / unitMs, name: 'end' },
  ];
  return {
    name: SERIES.guest,
    type: 'line' as const,
    xAxisIndex: 1,
    yAxisIndex: 1,
    symbol: 'none',
    data,
    itemStyle: { color: GUEST_COLOUR },
    lineStyle: { width: 1, color: GUEST_COLOUR },
    areaStyle: { color: GUEST_COLOUR, opacity: 0.45 },
    markLine: {
      silent: true,
      symbol: 'none',
      lineStyle: { color: '#000000', type: 'dashed' as const, width: 1 },
      label: { formatter: '{b}', fontSize: 11, color: '#444444' },
      data: marks,
    },
    ...(downtime
      ? {
          markArea: {
            silent: true,
            itemStyle: { color: DOWNTIME, opacity: 0.6 },
            label: { show: false },
            data: [[{ xAxis: downtime.fromMs / unitMs }, { xAxis: downtime.toMs / unitMs }]] as [
              { xAxis: number },
              { xAxis: number },
            ][],
          },
        }
      : {}),
  };
}
