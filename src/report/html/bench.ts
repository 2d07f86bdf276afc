import type { Comparison } from '../../lab/bench/against.ts';
import type { BenchOutcome, Distribution, Metric } from '../../lab/bench/outcome.ts';
import type { BenchRuns } from '../../lab/bench/runs-file.ts';
import { median, quartiles } from '../../lab/statistics.ts';
import { benchRows, benchTitle } from '../bench.ts';
import {
  COMPARISON_HEAD,
  comparisonNotes,
  comparisonRows,
  comparisonTitle,
  nameOf,
} from '../comparison.ts';
import type { FigureRow, RowsFigure, XyFigure } from './chart/figure.ts';
import { formatNumber } from './chart/scale.ts';
import { seriesColour } from './chart/palette.ts';
import type { Block, Cell, Report, Tone } from './model.ts';
import { idOf, plural } from './words.ts';

/** A chart has at most so many rows; the table has all of them. */
const MOST_ROWS = 40;

/** Returns the report of a bench. */
export function benchReport(outcome: BenchOutcome): Report {
  const {
    bench,
    version,
    commit,
    options,
    metrics,
    notes = [],
    distributions = [],
    host,
  } = outcome;
  const [head = [], ...rows] = benchRows(outcome);
  const settings = new Set(metrics.map(({ of }) => of)).size;
  return {
    kind: 'Bench',
    title: bench,
    answer: `${benchTitle(outcome)} samples over ${plural(settings, 'setting')}.`,
    tone: 'plain',
    facts: [
      { label: 'settings', value: String(settings) },
      { label: 'CPUs', value: String(host.cpus), detail: host.cpuModel },
    ],
    sections: [
      {
        title: 'Figures',
        blocks: [
          {
            kind: 'figures',
            figures: [...metricCharts(metrics), ...distributionCharts(distributions)],
          },
        ],
      },
      {
        title: 'Table',
        blocks: [
          {
            kind: 'table',
            caption: 'Medians with quartiles',
            table: {
              columns: head.map((name, i) => ({ name: name || 'setting', isNumber: i > 0 })),
              rows,
            },
          },
          ...(notes.length > 0 ? [{ kind: 'list' as const, items: notes }] : []),
        ],
      },
      { title: 'Options', blocks: [optionsTable(options)] },
    ],
    origin: [
      `Pageferry ${version}${commit === undefined ? '' : `, commit ${commit}`}, Node ${host.node.replace(/^v/, '')}`,
    ],
  };
}

/** Returns the report of several runs of a bench: each figure is over the medians of the runs. */
export function benchRunsReport({ runs }: BenchRuns): Report {
  const [first] = runs;
  const metrics = first!.metrics.map((metric): Metric => ({
    ...metric,
    samples: runs.flatMap(({ metrics: own }) => {
      const same = own.find(
        ({ of, name, unit }) => of === metric.of && name === metric.name && unit === metric.unit,
      );
      return same && same.samples.length > 0 ? [median(same.samples)] : [];
    }),
  }));
  const report = benchReport({ ...first!, metrics });
  return {
    ...report,
    kind: 'Runs of a bench',
    facts: [{ label: 'runs', value: String(runs.length) }, ...report.facts],
  };
}

function optionsTable(options: BenchOutcome['options']): Block {
  const rows = Object.entries(options).map(([flag, value]) => [`--${flag}`, value]);
  return {
    kind: 'table',
    caption: 'Options',
    table: { columns: [{ name: 'option' }, { name: 'value' }], rows },
  };
}

/** Returns a chart for each quantity: for each setting its median in the range between the quartiles. */
function metricCharts(metrics: readonly Metric[]): RowsFigure[] {
  const quantities = new Map<string, Metric[]>();
  for (const metric of metrics) {
    if (metric.samples.length === 0 || metric.isFact) continue;
    const key = `${metric.name}, ${metric.unit}`;
    quantities.set(key, [...(quantities.get(key) ?? []), metric]);
  }
  return [...quantities].map(([title, own]) => ({
    kind: 'rows',
    id: idOf(title),
    title,
    note: own[0]!.better === 'less' ? 'Less is better.' : 'More is better.',
    x: { label: own[0]!.name, unit: own[0]!.unit, min: 0 },
    kinds: [{ name: 'between the quartiles', colour: 'c1' }],
    rows: own.slice(0, MOST_ROWS).map(({ of, samples, unit }): FigureRow => {
      const { q1, median: middle, q3 } = quartiles(samples);
      const text = `${formatNumber(middle)} ${unit} (${formatNumber(q1)} to ${formatNumber(q3)})`;
      return {
        label: of,
        bars: [{ kind: 0, from: q1, to: q3, text }],
        dot: middle,
        note: formatNumber(middle),
      };
    }),
  }));
}

function distributionCharts(distributions: readonly Distribution[]): XyFigure[] {
  const names = [...new Set(distributions.map(({ name, unit }) => `${name}, ${unit}`))];
  return names.map((title) => {
    const own = distributions.filter(({ name, unit }) => `${name}, ${unit}` === title);
    const last = Math.max(...own.map(({ counts }) => counts.findLastIndex((count) => count > 0)));
    return {
      kind: 'xy',
      id: idOf(`distribution-${title}`),
      title: `Distribution of ${own[0]!.name}`,
      x: { label: `${own[0]!.name} from`, unit: own[0]!.unit, isLog: true },
      panels: [
        {
          y: { label: 'count', min: 0 },
          series: own.slice(0, 7).map(({ of, counts }, i) => ({
            name: of,
            colour: seriesColour(i),
            style: 'step',
            points: counts.slice(0, last + 2).map((count, power) => ({ x: 2 ** power, y: count })),
          })),
        },
      ],
    };
  });
}

const TONES: Readonly<Record<string, Tone>> = { regression: 'bad', improvement: 'good' };

/** Returns the report of a comparison of two versions by a bench. */
export function benchComparisonReport(comparison: Comparison): Report {
  const { judgements, before, after } = comparison;
  const notes = comparisonNotes(comparison);
  const worse = judgements.filter(({ verdict }) => verdict === 'regression').length;
  const better = judgements.filter(({ verdict }) => verdict === 'improvement').length;
  const kinds = [
    { name: 'regression', colour: 'bad' },
    { name: 'improvement', colour: 'good' },
    { name: 'same', colour: 'grey' },
  ] as const;
  const rows = judgements.slice(0, MOST_ROWS).map((one): FigureRow => {
    const [low, high] = one.interval;
    const kind = kinds.findIndex(({ name }) => name === one.verdict);
    const text = `${one.verdict}: ${formatNumber(100 * low)} to ${formatNumber(100 * high)} %`;
    return {
      label: nameOf(one),
      bars: [{ kind, from: 100 * low, to: 100 * high, text }],
      dot: 100 * one.change,
    };
  });
  return {
    kind: 'Comparison by a bench',
    title: comparisonTitle(comparison),
    answer: `${notes.at(-1)}.`,
    tone: worse > 0 ? 'bad' : better > 0 ? 'good' : 'plain',
    facts: [
      { label: 'regressions', value: String(worse) },
      { label: 'improvements', value: String(better) },
      { label: 'metrics', value: String(judgements.length) },
      { label: 'runs', value: `${before.runs} and ${after.runs}` },
    ],
    sections: [
      {
        title: 'Changes',
        blocks: [
          {
            kind: 'figure',
            figure: {
              kind: 'rows',
              id: 'changes',
              title: 'Changes with their intervals',
              x: { label: 'change', unit: '%' },
              kinds,
              rows,
              marks: [{ name: 'no change', at: 0 }],
            },
          },
          {
            kind: 'table',
            caption: 'Each metric',
            table: {
              columns: COMPARISON_HEAD.map((name, i) => ({
                name,
                isNumber: i > 0 && name !== 'verdict',
              })),
              rows: comparisonRows(comparison).map((row) =>
                row.map((text): string | Cell =>
                  TONES[text] ? { text, tone: TONES[text] } : text,
                ),
              ),
            },
          },
          { kind: 'list', items: notes },
        ],
      },
      { title: 'Options', blocks: [optionsTable(comparison.options)] },
    ],
    origin: [`Pageferry ${after.version}`],
  };
}
