import type { Comparison } from '../lab/bench/against.ts';
import type { Judgement } from '../lab/bench/judge.ts';
import type { BenchOutcome, Distribution, Metric } from '../lab/bench/outcome.ts';
import { quartiles } from '../lab/statistics.ts';
import { type Column, layOut, lineWidth } from './columns.ts';

/** Formats a bench's result as a table with a row for each setting and a column for each quantity. */
export function benchTable({ metrics, distributions, notes, bench, host }: BenchOutcome): string {
  const names = [...new Set(metrics.map(({ name, unit }) => columnOf({ name, unit })))];
  const rows = [...new Set(metrics.map(({ of }) => of))].map((of) => [
    of,
    ...names.map((column) => {
      const found = metrics.find((metric) => metric.of === of && columnOf(metric) === column);
      return found ? cellOf(found) : '';
    }),
  ]);
  return [
    `${bench} on ${host.cpus} cores of ${host.cpuModel}, Node ${host.node.slice(1)}: medians, (quartiles) of several`,
    ...layOut(columnsOf(names.length), [['', ...names], ...rows], lineWidth(process.stdout)),
    ...(distributions ?? []).flatMap(distributionRows),
    ...(notes ?? []),
    '',
  ].join('\n');
}

/** The setting stays on a narrow terminal; the quantities that come last are left out first. */
const columnsOf = (quantities: number): Column[] =>
  Array.from({ length: quantities + 1 }, (_, i) => ({ weight: i === 0 ? Infinity : -i }));

const columnOf = ({ name, unit }: Pick<Metric, 'name' | 'unit'>): string => `${name} ${unit}`;

function cellOf({ samples }: Metric): string {
  const { q1, median, q3 } = quartiles(samples);
  if (samples.length < 2 || q1 === q3) return formatFigure(median);
  return `${formatFigure(median)} (${formatFigure(q1)} to ${formatFigure(q3)})`;
}

/** Formats a number with three significant digits. */
export function formatFigure(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 100) return value.toFixed(0);
  return value.toFixed(Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(size)))));
}

const BAR = 40;

/** Formats a distribution as a histogram with a line for each power of two. */
function distributionRows({ of, name, unit, counts }: Distribution): string[] {
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  if (first < 0) return [];
  const top = Math.max(...counts);
  const rows = counts.slice(first, last + 1).map((count, i) => {
    const from = 2 ** (first + i);
    const bar = '▇'.repeat(Math.round((count / top) * BAR));
    return [`  ${from} to ${2 * from} ${unit}`, String(count), bar];
  });
  const width = Math.max(...rows.map(([label]) => label!.length));
  const digits = Math.max(...rows.map(([, count]) => count!.length));
  const lines = rows.map(([label, count, bar]) =>
    `${label!.padEnd(width)}  ${count!.padStart(digits)}  ${bar}`.trimEnd(),
  );
  return ['', `${of}, ${name}:`, ...lines];
}

const COMPARED: readonly Column[] = [Infinity, 3, 4, 6, 2, 1, 5].map((weight) => ({ weight }));

/** Formats a comparison as a table, with the metrics that changed first. */
export function comparisonTable(comparison: Comparison): string {
  const { judgements, before, after, isInterleaved, threshold, alpha } = comparison;
  const changed = judgements.filter(({ verdict }) => verdict !== 'same');
  const rows = [...changed, ...judgements.filter(({ verdict }) => verdict === 'same')].map(rowOf);
  const missing = comparison.notCompared.map((what) => `not compared: ${what}`);
  const regressions = changed.filter(({ verdict }) => verdict === 'regression').length;
  const head = ['', 'before', 'after', 'change', 'noise', 'p', ''];
  const how = isInterleaved
    ? `${after.runs} pairs of runs that took turns`
    : `${after.runs} runs beside ${before.runs} saved ones, which did not take turns: if the machine's speed has changed, that shows as a change`;
  return [
    `${comparison.bench}: ${shortOf(before.commit)} → ${shortOf(after.commit)}, ${how}`,
    ...layOut(COMPARED, [head, ...rows], lineWidth(process.stdout)),
    ...missing,
    `${regressions === 0 ? 'no regression' : `${regressions} regression(s)`} beyond ${percent(threshold)} and noise, p below ${alpha} over ${judgements.length} metrics; ${changed.length - regressions} improvement(s)`,
    '',
  ].join('\n');
}

const shortOf = (commit: string | undefined): string =>
  commit === undefined ? 'unknown' : `${commit.slice(0, 10)}${commit.endsWith('+') ? '+' : ''}`;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function rowOf({ of, name, unit, before, after, worseBy, noise, p, verdict }: Judgement): string[] {
  const change = `${percent(Math.abs(worseBy))} ${worseBy >= 0 ? 'worse' : 'better'}`;
  return [
    `${of}: ${name} ${unit}`,
    formatFigure(before),
    formatFigure(after),
    change,
    percent(noise),
    p < 0.0001 ? '<0.0001' : p.toFixed(4),
    verdict === 'same' ? '' : verdict,
  ];
}
