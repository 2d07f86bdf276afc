import { quartiles } from '../../../lab/statistics.ts';
import type { RunRecord } from '../../../lab/sweep/rows.ts';
import { formatNumber } from '../chart/scale.ts';
import type { Block, Cell, Fact, Report, Section, Table, Tone } from '../model.ts';
import { countText, msText, plural } from '../words.ts';
import { sweepCharts } from './charts.ts';
import { amountOf, type Grid, gridOf, type GridRun, type VaryingKey } from './grid.ts';

/** What a report of a sweep is made of: the records of its store, and the file of the sweep when there is one. */
export interface SweepSource {
  readonly name: string;
  readonly records: readonly RunRecord[];
  readonly file?: string;
}

/** A table of runs has at most so many cells, so that a report stays small. */
const MOST_CELLS = 16_000;

/** The figures of a run in the table of all runs: column, name, and how they are shown. */
const FIGURES: readonly (readonly [string, string])[] = [
  ['totalTimeMs', 'totalTimeMs'],
  ['downtimeMs', 'downtimeMs'],
  ['resumeTimeMs', 'resumeTimeMs'],
  ['rounds', 'rounds'],
  ['ram_transferred', 'ram_transferred'],
];

/** Returns the report of a sweep's store. */
export function sweepReport({ name, records, file }: SweepSource): Report {
  const grid = gridOf(records);
  const charts = sweepCharts(grid);
  const isWhole = records.every((record) => outcomeOf(record) === 'completed');
  return {
    kind: 'Sweep',
    title: name,
    answer: answerOf(records, grid),
    tone: toneOf(records),
    facts: factsOf(records, grid),
    sections: [
      {
        title: 'What varied',
        blocks: [
          { kind: 'table', caption: 'The keys that vary among the runs', table: keysTable(grid) },
        ],
      },
      ...(charts.length > 0
        ? [
            {
              title: 'Charts',
              blocks: [
                {
                  kind: 'text' as const,
                  text: 'Lines are medians over the runs that completed, bands lie between the quartiles over seeds and over all that varies besides. Dashed lines, where there are some, are what closed formulas say.',
                },
                { kind: 'figures' as const, figures: charts },
              ],
            },
          ]
        : []),
      ...extremesSection(grid),
      ...(isWhole ? [] : [failedSection(grid)]),
      { title: 'All runs', blocks: runsBlocks(grid) },
      ...(file === undefined
        ? []
        : [
            {
              title: 'The file of the sweep',
              blocks: [{ kind: 'code' as const, caption: 'sweep.yaml', text: file }],
            },
          ]),
    ],
    origin: ['Pageferry', `${plural(records.length, 'run')} in the store`],
  };
}

const outcomeOf = ({ result }: RunRecord): string => String(result['outcome'] ?? 'unknown');

function countsOf(records: readonly RunRecord[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const record of records)
    counts.set(outcomeOf(record), (counts.get(outcomeOf(record)) ?? 0) + 1);
  return counts;
}

function toneOf(records: readonly RunRecord[]): Tone {
  if (
    records.some((record) => outcomeOf(record) === 'failed' || record.result['verify_ok'] === false)
  )
    return 'bad';
  return records.every((record) => outcomeOf(record) === 'completed') ? 'good' : 'plain';
}

function valuesOf(records: readonly RunRecord[], figure: string): number[] {
  return records.flatMap((record) => {
    const value = record.result[figure];
    return outcomeOf(record) === 'completed' && typeof value === 'number' ? [value] : [];
  });
}

function answerOf(records: readonly RunRecord[], grid: Grid): string {
  const counts = countsOf(records);
  const completed = counts.get('completed') ?? 0;
  const others = [...counts]
    .filter(([outcome]) => outcome !== 'completed')
    .map(([outcome, count]) => `${countText(count)} ${outcome}`);
  const keys = [...grid.quantities, ...grid.names].length;
  const first = `${countText(completed)} of ${plural(records.length, 'run')}${keys === 0 ? '' : ` over ${plural(keys, 'varying key')}`} completed${others.length > 0 ? ` (${others.join(', ')})` : ''}.`;
  const downtimes = valuesOf(records, 'downtimeMs');
  if (downtimes.length === 0) return first;
  const { min: low, median, max: high } = quartiles(downtimes);
  if (downtimes.length === 1) return `${first} Its downtime was ${msText(median)}.`;
  return `${first} Their downtime was between ${msText(low)} and ${msText(high)}, with a median of ${msText(median)}.`;
}

function factsOf(records: readonly RunRecord[], grid: Grid): Fact[] {
  const spread = (label: string, figure: string): Fact[] => {
    const values = valuesOf(records, figure);
    if (values.length === 0) return [];
    const { q1, median, q3 } = quartiles(values);
    return [
      {
        label: `median ${label}`,
        value: msText(median),
        detail: `quartiles ${msText(q1)} to ${msText(q3)}`,
      },
    ];
  };
  const seeds = new Set(records.map(({ scenario }) => scenario['seed']));
  return [
    { label: 'runs', value: countText(records.length), detail: plural(seeds.size, 'seed') },
    { label: 'completed', value: countText(countsOf(records).get('completed') ?? 0) },
    ...spread('downtime', 'downtimeMs'),
    ...spread('total time', 'totalTimeMs'),
    { label: 'keys that vary', value: countText(grid.quantities.length + grid.names.length) },
  ];
}

function keysTable(grid: Grid): Table {
  const rows = [...grid.quantities, ...grid.names].map((key) => {
    const values = new Set(grid.runs.map((run) => textOf(run, key)));
    const amounts = grid.runs.flatMap((run) => amountOf(run, key) ?? []);
    const isMany = key.quantity !== undefined && values.size > 8;
    const low = amounts.reduce((a, b) => Math.min(a, b), Infinity);
    const high = amounts.reduce((a, b) => Math.max(a, b), -Infinity);
    const unit = key.quantity?.unit ? ` ${key.quantity.unit}` : '';
    const listed = isMany
      ? `${formatNumber(low)} to ${formatNumber(high)}`
      : [...values].join(', ');
    return [key.key, `${listed}${unit}`, String(values.size)];
  });
  return {
    columns: [{ name: 'key' }, { name: 'values' }, { name: 'number', isNumber: true }],
    rows,
  };
}

function textOf(run: GridRun, key: VaryingKey): string {
  const amount = key.quantity && amountOf(run, key);
  if (amount !== undefined) return formatNumber(amount);
  const value = run.values.get(key.column);
  return value === undefined ? 'absent' : String(value);
}

/** Returns the points with the shortest downtimes and total times, by the medians over their seeds. */
function extremesSection(grid: Grid): Section[] {
  const keys = [...grid.names, ...grid.quantities];
  const points = new Map<string, GridRun[]>();
  for (const run of grid.runs) {
    const point = JSON.stringify(keys.map((key) => textOf(run, key)));
    const runs = points.get(point);
    if (runs) runs.push(run);
    else points.set(point, [run]);
  }
  if (points.size < 4) return [];
  const ranked = (figure: string): (readonly string[])[] =>
    [...points.values()]
      .flatMap((runs) => {
        const values = valuesOf(
          runs.map(({ record }) => record),
          figure,
        );
        return values.length === 0 ? [] : [{ run: runs[0]!, value: quartiles(values).median }];
      })
      .toSorted((a, b) => a.value - b.value)
      .slice(0, 5)
      .map(({ run, value }) => [...keys.map((key) => textOf(run, key)), msText(value)]);
  const table = (figure: string): Table => ({
    columns: [...headsOf(keys), { name: 'median', isNumber: true }],
    rows: ranked(figure),
  });
  return [
    {
      title: 'The best points',
      blocks: [
        { kind: 'table', caption: 'Shortest downtime', table: table('downtimeMs') },
        { kind: 'table', caption: 'Shortest total time', table: table('totalTimeMs') },
      ],
    },
  ];
}

const headsOf = (keys: readonly VaryingKey[]) =>
  keys.map(({ key, quantity }) => ({
    name: quantity?.unit ? `${key}, ${quantity.unit}` : key,
    isNumber: quantity !== undefined,
  }));

function failedSection(grid: Grid): Section {
  const keys = [...grid.names, ...grid.quantities];
  const rows = grid.runs
    .filter(({ record }) => outcomeOf(record) !== 'completed')
    .map((run): (string | Cell)[] => [
      ...keys.map((key) => textOf(run, key)),
      String(run.record.scenario['seed'] ?? ''),
      { text: outcomeOf(run.record), tone: 'bad' },
      String(run.record.result['error'] ?? ''),
    ]);
  return {
    title: 'Runs that did not complete',
    blocks: [
      {
        kind: 'table',
        caption: 'Runs that did not complete, and why',
        table: {
          columns: [
            ...headsOf(keys),
            { name: 'seed', isNumber: true },
            { name: 'outcome' },
            { name: 'error' },
          ],
          rows: rows.slice(0, 200),
        },
      },
      ...(rows.length > 200
        ? [
            {
              kind: 'text' as const,
              text: `${countText(rows.length - 200)} more runs did not complete.`,
            },
          ]
        : []),
    ],
  };
}

function runsBlocks(grid: Grid): Block[] {
  const keys = [...grid.names, ...grid.quantities];
  const figures = FIGURES.filter(([name]) =>
    grid.runs.some(({ record }) => record.result[name] !== undefined),
  );
  const columns = [
    ...headsOf(keys),
    { name: 'seed', isNumber: true },
    { name: 'outcome' },
    ...figures.map(([, name]) => ({ name, isNumber: true })),
  ];
  const most = Math.floor(MOST_CELLS / columns.length);
  const rows = grid.runs.slice(0, most).map((run): (string | Cell)[] => {
    const { record } = run;
    const outcome = outcomeOf(record);
    return [
      ...keys.map((key) => textOf(run, key)),
      String(record.scenario['seed'] ?? ''),
      outcome === 'completed' ? outcome : { text: outcome, tone: 'bad' },
      ...figures.map(([name]) => {
        const value = record.result[name];
        return typeof value === 'number' ? formatNumber(value) : '';
      }),
    ];
  });
  const left = grid.runs.length - rows.length;
  return [
    { kind: 'table', caption: 'All runs', table: { columns, rows }, isFilterable: true },
    ...(left > 0
      ? [
          {
            kind: 'text' as const,
            text: `${countText(left)} more runs are in the store; pageferry query asks it in SQL.`,
          },
        ]
      : []),
  ];
}
