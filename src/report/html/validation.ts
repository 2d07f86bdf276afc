import {
  METRICS,
  type MetricName,
  type Prediction,
  type Validation,
} from '../../lab/validate/validate.ts';
import type { FigurePoint, XyFigure } from './chart/figure.ts';
import { formatNumber } from './chart/scale.ts';
import type { Cell, Report, Table } from './model.ts';
import { countText, percentText, plural } from './words.ts';

const UNITS: Readonly<
  Record<MetricName, readonly [label: string, unit: string | undefined, size: number]>
> = {
  totalTimeMs: ['total time', 's', 1000],
  transferred: ['transferred', 'MB', 1e6],
  normal: ['normal pages', undefined, 1],
  dirtySyncCount: ['dirty syncs', undefined, 1],
  downtimeMs: ['downtime', 'ms', 1],
};

const COUNTED: Readonly<Record<MetricName, keyof Prediction['counted']>> = {
  totalTimeMs: 'time',
  transferred: 'transferred',
  normal: 'transferred',
  dirtySyncCount: 'transferred',
  downtimeMs: 'downtime',
};

/** Returns the report of predictions beside what was measured. */
export function validationReport(validation: Validation): Report {
  const { runs, skipped, summary, notReached } = validation;
  const { totalTimeMs, transferred } = summary;
  const wrong = runs.filter(
    ({ counted, errors }) => counted.outcome && errors.outcome !== 0,
  ).length;
  return {
    kind: 'Validation',
    title: `${plural(runs.length, 'measured migration')} and their predictions`,
    answer: answerOf(validation, wrong),
    tone: wrong > 0 ? 'bad' : 'good',
    facts: [
      {
        label: 'runs',
        value: countText(runs.length),
        ...(skipped.length > 0 ? { detail: `${skipped.length} skipped` } : {}),
      },
      { label: 'wrong outcomes', value: countText(wrong) },
      ...(totalTimeMs
        ? [
            {
              label: 'median error of total time',
              value: percentText(totalTimeMs.median),
              detail: `p90 ${percentText(totalTimeMs.p90)}`,
            },
          ]
        : []),
      ...(transferred
        ? [
            {
              label: 'median error of bytes',
              value: percentText(transferred.median),
              detail: `p90 ${percentText(transferred.p90)}`,
            },
          ]
        : []),
    ],
    sections: [
      {
        title: 'Predicted beside measured',
        blocks: [{ kind: 'figures', figures: METRICS.flatMap((name) => chartOf(runs, name)) }],
      },
      {
        title: 'Errors',
        blocks: [
          {
            kind: 'table',
            caption: 'How the absolute errors spread',
            table: spreadTable(validation),
          },
        ],
      },
      {
        title: 'All runs',
        blocks: [
          {
            kind: 'text',
            text: 'Figures are measured → predicted. Those in (brackets) are not counted.',
          },
          { kind: 'table', caption: 'All runs', table: runsTable(runs), isFilterable: true },
          ...(skipped.length > 0
            ? [
                {
                  kind: 'list' as const,
                  items: skipped.map(({ id, reason }) => `${id}: skipped, ${reason}`),
                },
              ]
            : []),
          ...(notReached === undefined
            ? []
            : [
                {
                  kind: 'warning' as const,
                  text: `The work was given up: ${plural(notReached, 'run')} were not reached.`,
                },
              ]),
        ],
      },
    ],
    origin: ['Pageferry'],
  };
}

function answerOf({ runs, summary: { totalTimeMs } }: Validation, wrong: number): string {
  const outcome =
    wrong === 0
      ? `All ${plural(runs.length, 'run')} ended as predicted`
      : `${plural(wrong, 'run')} of ${countText(runs.length)} ended otherwise than predicted`;
  const time = totalTimeMs
    ? `; the predicted total time is off by ${percentText(totalTimeMs.median)} in the median, and by at most ${percentText(totalTimeMs.p90)} in nine of ten`
    : '';
  return `${outcome}${time}.`;
}

/** Returns predicted over measured values, with the line on which both are equal. */
function chartOf(runs: readonly Prediction[], name: MetricName): XyFigure[] {
  const [label, unit, size] = UNITS[name];
  const pointsOf = (isCounted: boolean): FigurePoint[] =>
    runs.flatMap(({ id, measured, predicted, counted }) => {
      const [x, y] = [measured[name], predicted[name]];
      const isHere = counted[COUNTED[name]] === isCounted;
      return isHere && x !== null && y !== null && x > 0 && y > 0
        ? [{ x: x / size, y: y / size, text: id }]
        : [];
    });
  const [counted, others] = [pointsOf(true), pointsOf(false)];
  const values = [...counted, ...others].flatMap(({ x, y }) => [x, y!]);
  if (values.length === 0) return [];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return [
    {
      kind: 'xy',
      id: `predicted-${name.toLowerCase()}`,
      title: label,
      x: { label: 'measured', unit, isLog: true },
      panels: [
        {
          y: { label: 'predicted', unit, isLog: true },
          height: 260,
          series: [
            {
              name: 'equal',
              colour: 'grey',
              style: 'dashed',
              points: [
                { x: low, y: low },
                { x: high, y: high },
              ],
            },
            { name: 'counted', colour: 'c1', style: 'points', points: counted },
            ...(others.length > 0
              ? [
                  {
                    name: 'not counted',
                    colour: 'c2' as const,
                    style: 'marks' as const,
                    points: others,
                  },
                ]
              : []),
          ],
        },
      ],
    },
  ];
}

function spreadTable({ summary }: Validation): Table {
  const columns = [
    { name: 'figure' },
    ...['runs', 'median', 'p90', 'worst'].map((name) => ({ name, isNumber: true })),
  ];
  const rows = Object.entries(summary).map(([name, { n, median, p90, max }]) => [
    name,
    String(n),
    percentText(median),
    percentText(p90),
    percentText(max),
  ]);
  return { columns, rows };
}

function runsTable(runs: readonly Prediction[]): Table {
  const numbers = METRICS.map((name) => {
    const [label, unit] = UNITS[name];
    return { name: unit ? `${label}, ${unit}` : label, isNumber: true };
  });
  return {
    columns: [
      { name: 'run' },
      { name: 'outcome' },
      ...numbers,
      { name: 'error of total', isNumber: true },
      { name: 'why not counted' },
    ],
    rows: runs.map(({ id, measured, predicted, counted, errors, why = '' }): (string | Cell)[] => {
      const isSame = measured.outcome === predicted.outcome;
      const outcome = isSame ? measured.outcome : `${measured.outcome} → ${predicted.outcome}`;
      return [
        id,
        counted.outcome ? (isSame ? outcome : { text: outcome, tone: 'bad' }) : `(${outcome})`,
        ...METRICS.map((name) => {
          const size = UNITS[name][2];
          const show = (value: number | null): string =>
            value === null ? '–' : formatNumber(value / size);
          const text = `${show(measured[name])} → ${show(predicted[name])}`;
          return counted[COUNTED[name]] ? text : `(${text})`;
        }),
        errors.totalTimeMs === null ? '' : percentText(errors.totalTimeMs),
        why,
      ];
    }),
  };
}
