import type { GoalAnswer, SettingAnswer, WhatIfResult } from '../../../lab/what-if/result.ts';
import type { FigureMark, FigurePoint, FigureSeries, XyFigure } from '../chart/figure.ts';
import { seriesColour } from '../chart/palette.ts';
import type { Block } from '../model.ts';
import { timeUnit } from '../words.ts';

/** Returns the settings that no other beats in both medians, by their total times. */
export function paretoFront(settings: readonly SettingAnswer[]): SettingAnswer[] {
  const known = settings.filter(({ totalTimeMs, downtimeMs }) => totalTimeMs && downtimeMs);
  const front = known.filter((one) =>
    known.every(
      (other) =>
        other === one ||
        other.totalTimeMs!.median > one.totalTimeMs!.median ||
        other.downtimeMs!.median > one.downtimeMs!.median ||
        (other.totalTimeMs!.median === one.totalTimeMs!.median &&
          other.downtimeMs!.median === one.downtimeMs!.median),
    ),
  );
  return front.toSorted((a, b) => a.totalTimeMs!.median - b.totalTimeMs!.median);
}

/** Returns the chart of downtime against total time, a point for each setting. */
export function paretoBlocks({ settings, goal }: WhatIfResult): Block[] {
  const known = settings.filter(({ totalTimeMs, downtimeMs }) => totalTimeMs && downtimeMs);
  if (known.length === 0) return [{ kind: 'text', text: 'No run of any setting completed.' }];
  const unit = timeUnit(Math.max(...known.map(({ totalTimeMs }) => totalTimeMs!.high)));
  const pointOf = ({ title, totalTimeMs, downtimeMs }: SettingAnswer): FigurePoint => ({
    x: totalTimeMs!.median / unit.ms,
    y: downtimeMs!.median,
    low: downtimeMs!.low,
    high: downtimeMs!.high,
    text: title,
  });
  const families = [...new Set(known.map(({ family }) => family))];
  const series: FigureSeries[] = families.map((family, index) => ({
    name: family,
    colour: seriesColour(index),
    style: 'points',
    points: known.filter((one) => one.family === family).map(pointOf),
  }));
  const front = paretoFront(known).map((one) => ({ x: pointOf(one).x, y: pointOf(one).y }));
  const figure: XyFigure = {
    kind: 'xy',
    id: 'pareto',
    title: 'Downtime against total time',
    note: 'Each point is a setting: medians, and the range of nine tenths of the downtimes. No setting is better in both than those on the dashed line.',
    x: { label: 'total time', unit: unit.name, isLog: isWide(known.map((one) => pointOf(one).x)) },
    panels: [
      {
        y: {
          label: 'downtime',
          unit: 'ms',
          isLog: isWide(known.flatMap((one) => [pointOf(one).low!, pointOf(one).high!])),
        },
        height: 320,
        series: [
          ...(front.length > 1
            ? [
                {
                  name: 'Pareto front',
                  colour: 'grey' as const,
                  style: 'dashed' as const,
                  points: front,
                },
              ]
            : []),
          ...series,
        ],
      },
    ],
    marks: goalMarks(goal, unit.ms),
  };
  return [{ kind: 'figure', figure }];
}

function goalMarks(goal: GoalAnswer | undefined, unitMs: number): FigureMark[] {
  const { maxDowntimeMs, maxTotalTimeMs } = goal ?? {};
  return [
    ...(maxTotalTimeMs === undefined
      ? []
      : [{ name: 'longest total time', at: maxTotalTimeMs / unitMs }]),
    ...(maxDowntimeMs === undefined
      ? []
      : [{ name: 'longest downtime', at: maxDowntimeMs, axis: 'y' as const }]),
  ];
}

const isWide = (values: readonly number[]): boolean => {
  const low = Math.min(...values);
  return low > 0 && Math.max(...values) / low > 8;
};

/** Returns the chart of what a measurement of the dirty rate shows over other periods. */
export function periodBlocks({ dirtyRateByPeriod, facts }: WhatIfResult): Block[] {
  if (dirtyRateByPeriod.length < 2) return [];
  const unit = 1e6;
  const points = dirtyRateByPeriod.map(
    ({ periodMs, bytesPerSecond: { low, median, high } }): FigurePoint => ({
      x: periodMs,
      y: median / unit,
      low: low / unit,
      high: high / unit,
    }),
  );
  const measured = facts.rates.map(({ periodMs, bytesPerSecond }): FigurePoint => ({
    x: periodMs,
    y: bytesPerSecond / unit,
  }));
  const figure: XyFigure = {
    kind: 'xy',
    id: 'dirty-rate-by-period',
    title: 'The dirty rate that a measurement shows depends on its period',
    note: 'A page that is written many times in a period counts once.',
    x: { label: 'period', unit: 'ms', isLog: true },
    panels: [
      {
        y: { label: 'dirty rate', unit: 'MB/s', min: 0 },
        series: [
          { name: 'guests of the runs', colour: 'c1', style: 'line', points },
          ...(measured.length > 0
            ? [
                {
                  name: 'measured',
                  colour: 'c2' as const,
                  style: 'marks' as const,
                  points: measured,
                },
              ]
            : []),
        ],
      },
    ],
  };
  return [{ kind: 'figure', figure }];
}
