import { type Quartiles, quartiles } from '../../../lab/statistics.ts';
import { seriesColour } from '../chart/palette.ts';
import type { FigurePoint, FigureSeries, XyFigure } from '../chart/figure.ts';
import { formatNumber } from '../chart/scale.ts';
import { idOf, timeUnit } from '../words.ts';
import { amountOf, axisOf, type Grid, type GridRun, runsAlong, type VaryingKey } from './grid.ts';

/** A figure of a sweep's runs that charts show, with the formulas whose predictions are drawn beside it. */
interface Charted {
  readonly figure: string;
  readonly label: string;
  readonly models: readonly (readonly [name: string, figure: string])[];
}

const CHARTED: readonly Charted[] = [
  {
    figure: 'downtimeMs',
    label: 'downtime',
    models: [['geometric series', 'models_geometric_downtimeMs']],
  },
  {
    figure: 'totalTimeMs',
    label: 'total time',
    models: [
      ['one copy of the memory', 'models_bounds_totalTimeMs_low'],
      ['geometric series', 'models_geometric_totalTimeMs'],
    ],
  },
];

/** More lines than this can't be told apart. */
const MOST_SERIES = 7;
/** A span of values that is larger than this is shown on a logarithmic axis. */
const LOG_SPAN = 8;

/** Returns a chart for each figure and each quantity that varies: medians, with bands between the quartiles. */
export function sweepCharts(grid: Grid): XyFigure[] {
  return grid.quantities.flatMap((key) => {
    const runs = runsAlong(grid, key);
    const groups = groupsOf(grid, key, runs);
    return [
      ...CHARTED.flatMap((charted) => figureChart(charted, key, groups)),
      ...completedChart(key, groups),
    ];
  });
}

/** Runs, and what each line of a chart shows of them, by its name. */
interface Groups {
  readonly runs: readonly GridRun[];
  readonly lines: ReadonlyMap<string, readonly GridRun[]>;
  /** Whether the lines stand for values of another quantity. */
  readonly isByQuantity: boolean;
}

/**
 * Returns the runs by what a line of its own stands for: the keys that are no quantities, and the other quantity where
 * there is just one and nothing else varies.
 */
function groupsOf(
  { names, quantities }: Grid,
  along: VaryingKey,
  runs: readonly GridRun[],
): Groups {
  const others = quantities.filter(
    (key) => key !== along && new Set(runs.map(({ values }) => values.get(key.column))).size > 1,
  );
  const isByQuantity = names.length === 0 && others.length === 1;
  const keys = isByQuantity ? others : names;
  const groups = new Map<string, GridRun[]>();
  for (const run of runs) {
    const name = keys.map((key) => nameOf(run, key)).join(', ');
    const group = groups.get(name);
    if (group) group.push(run);
    else groups.set(name, [run]);
  }
  if (groups.size <= MOST_SERIES || !isByQuantity) return { runs, lines: groups, isByQuantity };
  return { runs, lines: new Map([['', runs]]), isByQuantity: false };
}

function nameOf(run: GridRun, key: VaryingKey): string {
  const amount = amountOf(run, key);
  if (key.quantity && amount !== undefined) {
    const last = key.key.split('.').at(-1)!;
    return `${last} ${formatNumber(amount)}${key.quantity.unit === '' ? '' : ` ${key.quantity.unit}`}`;
  }
  return String(run.values.get(key.column) ?? `no ${key.key}`);
}

const isCompleted = ({ record }: GridRun): boolean => record.result['outcome'] === 'completed';

function figureChart(
  { figure, label, models }: Charted,
  key: VaryingKey,
  groups: Groups,
): XyFigure[] {
  const completed = groups.runs.filter(isCompleted);
  const values = completed.flatMap(({ record }) => {
    const value = record.result[figure];
    return typeof value === 'number' ? [value] : [];
  });
  if (values.length === 0) return [];
  const unit = timeUnit(values.reduce((a, b) => Math.max(a, b), 0));
  const shown = [...groups.lines].slice(0, MOST_SERIES);
  const lines = shown.map(([name, group], index): FigureSeries => ({
    name: name || label,
    colour: seriesColour(index),
    style: 'line',
    points: pointsOf(group.filter(isCompleted), key, figure, unit.ms),
  }));
  // A formula says one value for one setting, so its line must not lie over several settings of another quantity.
  const told = groups.isByQuantity ? [] : models;
  const formulas = told.flatMap(([name, of], index): FigureSeries[] => {
    const points = pointsOf(completed, key, of, unit.ms).map(({ x, y }) => ({ x, y }));
    return points.length === 0
      ? []
      : [{ name, colour: index === 0 ? 'grey' : 'c7', style: 'dashed', points }];
  });
  const all = [...lines, ...formulas].filter(({ points }) => points.length > 0);
  const left = groups.lines.size - shown.length;
  return [
    {
      kind: 'xy',
      id: idOf(`${label}-over-${key.key}`),
      title: `${label.charAt(0).toUpperCase()}${label.slice(1)} over ${key.key}`,
      ...(left > 0
        ? { note: `${left} more lines are left out; the table below has all runs.` }
        : {}),
      x: { ...axisOf(key), isLog: isWide(all.flatMap(({ points }) => points.map(({ x }) => x))) },
      panels: [
        {
          y: { label, unit: unit.name, ...(isWide(values) ? { isLog: true } : { min: 0 }) },
          series: all,
          height: 220,
        },
      ],
    },
  ];
}

/** Returns the chart of the share of runs that completed; nothing when all did. */
function completedChart(key: VaryingKey, groups: Groups): XyFigure[] {
  if (groups.runs.every(isCompleted)) return [];
  const series = [...groups.lines]
    .slice(0, MOST_SERIES)
    .map(([name, group], index): FigureSeries => ({
      name: name || 'completed',
      colour: seriesColour(index),
      style: 'line',
      points: byAmount(group, key).map(([x, here]) => ({
        x,
        y: (100 * here.filter(isCompleted).length) / here.length,
      })),
    }));
  const places = series.flatMap(({ points }) => points.map(({ x }) => x));
  return [
    {
      kind: 'xy',
      id: idOf(`completed-over-${key.key}`),
      title: `Runs that completed over ${key.key}`,
      x: { ...axisOf(key), isLog: isWide(places) },
      panels: [{ y: { label: 'completed', unit: '%', min: 0, max: 105 }, series, height: 220 }],
    },
  ];
}

function isWide(values: readonly number[]): boolean {
  const [low, high] = [
    values.reduce((a, b) => Math.min(a, b), Infinity),
    values.reduce((a, b) => Math.max(a, b), 0),
  ];
  return low > 0 && high / low > LOG_SPAN;
}

function byAmount(runs: readonly GridRun[], key: VaryingKey): [number, GridRun[]][] {
  const groups = new Map<number, GridRun[]>();
  for (const run of runs) {
    const amount = amountOf(run, key);
    if (amount === undefined) continue;
    const group = groups.get(amount);
    if (group) group.push(run);
    else groups.set(amount, [run]);
  }
  return [...groups].toSorted(([a], [b]) => a - b);
}

function pointsOf(
  runs: readonly GridRun[],
  key: VaryingKey,
  figure: string,
  unit: number,
): FigurePoint[] {
  return byAmount(runs, key).flatMap(([x, group]) => {
    const values = group.flatMap(({ record }) => {
      const value = record.result[figure];
      return typeof value === 'number' ? [value / unit] : [];
    });
    return values.length === 0 ? [] : [pointOf(x, quartiles(values))];
  });
}

const pointOf = (x: number, { q1, median, q3 }: Quartiles): FigurePoint => ({
  x,
  y: median,
  low: q1,
  high: q3,
});
