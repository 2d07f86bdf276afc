import type { Change, CompareResult, MetricFacts, Summary } from '../../lab/compare/result.ts';
import { compareNotes, compareTables, compareTitle } from '../compare.ts';
import type { FigureRow, RowsFigure } from './chart/figure.ts';
import { formatNumber } from './chart/scale.ts';
import type { Block, Cell, Report, Table, Tone } from './model.ts';
import { countText, idOf, plural } from './words.ts';

/** A chart has at most so many rows; the table below it has all points. */
const MOST_ROWS = 40;

/** The kinds of bars of a chart of changes: an interval is drawn in the colour of its verdict. */
const VERDICTS = [
  { name: 'better', colour: 'good' },
  { name: 'worse', colour: 'bad' },
  { name: 'same', colour: 'grey' },
  { name: 'unclear', colour: 'c5' },
] as const;

const TONES: Readonly<Record<string, Tone>> = { better: 'good', worse: 'bad' };

/** Returns the report of a comparison. */
export function compareReport(result: CompareResult): Report {
  const { verdict, version, warnings, points, summary, metrics } = result;
  const [first] = points;
  const isOne = points.length === 1;
  const judged = (isOne && first ? first.changes : summary).filter(
    ({ verdict: one }) => one !== undefined,
  );
  const charts = isOne
    ? []
    : metrics.filter(({ better }) => better).map((metric) => pointsChart(result, metric));
  return {
    kind: 'Comparison',
    title: `${namesOf(result.before)} and ${namesOf(result.after)}`,
    answer: answerOf(result, judged),
    tone: TONES[verdict] ?? 'plain',
    facts: [
      { label: 'verdict', value: verdict },
      { label: 'before', value: plural(result.before.runs, 'run'), detail: namesOf(result.before) },
      { label: 'after', value: plural(result.after.runs, 'run'), detail: namesOf(result.after) },
      { label: 'points', value: countText(points.length), detail: 'that both have' },
    ],
    sections: [
      {
        title: 'What is compared',
        blocks: [
          ...warnings.map((text): Block => ({ kind: 'warning', text })),
          { kind: 'list', items: compareTitle(result) },
        ],
      },
      {
        title: 'Changes',
        blocks: [
          ...(judged.length > 0
            ? [{ kind: 'figure' as const, figure: summaryChart(judged, isOne) }]
            : []),
          ...tablesOf(result),
        ],
      },
      ...(charts.some(({ rows }) => rows.length > 1)
        ? [
            {
              title: 'Changes point by point',
              blocks: [
                { kind: 'figures' as const, figures: charts.filter(({ rows }) => rows.length > 1) },
              ],
            },
          ]
        : []),
      { title: 'How it was judged', blocks: [{ kind: 'list', items: compareNotes(result) }] },
    ],
    origin: [`Pageferry ${version}`],
  };
}

const namesOf = ({ sources }: CompareResult['before']): string =>
  sources.length > 2 ? `${sources[0]} and ${sources.length - 1} more` : sources.join(' and ');

type Judged = Pick<Summary | Change, 'metric' | 'change' | 'difference' | 'verdict'>;

function answerOf({ verdict, metrics, of }: CompareResult, judged: readonly Judged[]): string {
  const changed = judged.filter((one) => one.verdict === 'better' || one.verdict === 'worse');
  const order = new Map(metrics.map(({ name }, i) => [name, i]));
  const named = changed
    .toSorted((a, b) => (order.get(a.metric) ?? 0) - (order.get(b.metric) ?? 0))
    .slice(0, 4)
    .map(({ metric, change, difference, verdict: one }) => {
      const size =
        change === undefined
          ? formatNumber(difference)
          : `${change > 0 ? '+' : ''}${formatNumber(100 * change)} %`;
      return `${metric} ${size} (${one})`;
    });
  const first = {
    better: 'After is better than before',
    worse: 'After is worse than before',
    same: 'After is the same as before',
    unclear: 'It is unclear whether anything has changed',
    mixed: 'After is better in some respects and worse in others',
  }[verdict];
  const more =
    changed.length > named.length
      ? `, and ${plural(changed.length - named.length, 'more change')}`
      : '';
  return `${first}${named.length > 0 ? `: ${named.join(', ')}${more}` : ''}.${of === 'bench' ? ' These are figures of a bench.' : ''}`;
}

const percentAxis = { label: 'change from before to after', unit: '%' };

/** Returns a row with an interval of a change in percent, coloured by its verdict. */
function rowOf(
  label: string,
  { change = 0, changeInterval, verdict = 'unclear' }: Change | Summary,
): FigureRow {
  const kind = Math.max(
    0,
    VERDICTS.findIndex(({ name }) => name === verdict),
  );
  const [low, high] = changeInterval ?? [change, change];
  const interval =
    low === high ? '' : ` (${formatNumber(100 * low)} to ${formatNumber(100 * high)} %)`;
  const text = `${formatNumber(100 * change)} %${interval}: ${verdict}`;
  return {
    label,
    bars: [
      { kind, from: 100 * Math.min(0, change), to: 100 * Math.max(0, change), text },
      ...(low === high
        ? []
        : [{ kind: VERDICTS.length, from: 100 * low, to: 100 * high, text: '95 % interval' }]),
    ],
    dot: 100 * change,
    note: `${formatNumber(100 * change)} %`,
  };
}

const KINDS: RowsFigure['kinds'] = [
  ...VERDICTS,
  { name: '95 % interval', colour: 'c7', isThin: true },
];

/** Leaves out kinds that no bar has, so that the legend has none of them. */
function usedKinds(rows: readonly FigureRow[]): Pick<RowsFigure, 'kinds' | 'rows'> {
  const used = KINDS.filter((_, kind) =>
    rows.some(({ bars }) => bars.some((bar) => bar.kind === kind)),
  );
  const renumbered = rows.map((row) => ({
    ...row,
    bars: row.bars.map((bar) => ({ ...bar, kind: used.indexOf(KINDS[bar.kind]!) })),
  }));
  return { kinds: used, rows: renumbered };
}

function changesChart(id: string, title: string, rows: readonly FigureRow[]): RowsFigure {
  return {
    kind: 'rows',
    id,
    title,
    note: 'Diamonds are median changes; thin bars are their intervals.',
    x: percentAxis,
    ...usedKinds(rows),
    marks: [{ name: 'no change', at: 0 }],
  };
}

function summaryChart(judged: readonly (Change | Summary)[], isOne: boolean): RowsFigure {
  const rows = judged
    .filter(({ change }) => change !== undefined)
    .slice(0, MOST_ROWS)
    .map((one) => rowOf(one.metric, one));
  return changesChart(
    'changes',
    isOne ? 'Changes of each figure' : 'Median changes over all points',
    rows,
  );
}

function pointsChart({ points }: CompareResult, { name }: MetricFacts): RowsFigure {
  const rows = points.flatMap(({ scenario, changes }): FigureRow[] => {
    const change = changes.find(({ metric }) => metric === name);
    const label = Object.values(scenario).map(String).join(', ');
    return change?.change === undefined ? [] : [rowOf(label, change)];
  });
  return changesChart(idOf(`changes-of-${name}`), name, rows.slice(0, MOST_ROWS));
}

function tablesOf(result: CompareResult): Block[] {
  return compareTables(result).map(({ head, rows }, index): Block => {
    const table: Table = {
      columns: head.map((name, i) => ({
        name,
        isNumber: i > 0 && name !== 'verdict' && name !== 'metric',
      })),
      rows: rows.map((row) =>
        row.map((text): string | Cell => {
          const tone = TONES[text];
          return tone ? { text, tone } : text;
        }),
      ),
    };
    return {
      kind: 'table',
      caption: index === 0 ? 'Each figure' : 'Points at which something has changed',
      table,
    };
  });
}
