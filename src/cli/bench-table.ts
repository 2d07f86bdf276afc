import type { Comparison } from '../lab/bench/against.ts';
import type { BenchOutcome, Distribution } from '../lab/bench/outcome.ts';
import { benchRows, benchTitle } from '../report/bench.ts';
import {
  COMPARISON_HEAD,
  comparisonNotes,
  comparisonRows,
  comparisonTitle,
} from '../report/comparison.ts';
import { type Column, layOut, lineWidth } from './columns.ts';

/** Formats a bench's result as a table with a row for each setting and a column for each quantity. */
export function benchTable(outcome: BenchOutcome): string {
  const { distributions, notes } = outcome;
  const [head = [], ...rows] = benchRows(outcome);
  const width = lineWidth(process.stdout);
  return [
    benchTitle(outcome),
    ...layOut(columnsOf(head.length), [head, ...rows], width),
    ...(distributions ?? []).flatMap(distributionRows),
    ...(notes ?? []),
    '',
  ].join('\n');
}

/** The setting stays on a narrow terminal; the quantities that come last are left out first. */
const columnsOf = (columns: number): Column[] =>
  Array.from({ length: columns }, (_, i) => ({ weight: i === 0 ? Infinity : -i }));

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

const COMPARED: readonly Column[] = [Infinity, 3, 2, 6, 4, 1, 5].map((weight) => ({ weight }));

/** Formats a comparison as a table, with the metrics that changed first. */
export function comparisonTable(comparison: Comparison): string {
  const rows = [COMPARISON_HEAD, ...comparisonRows(comparison)];
  const width = lineWidth(process.stdout);
  return [
    comparisonTitle(comparison),
    ...layOut(COMPARED, rows, width),
    ...comparisonNotes(comparison),
    '',
  ].join('\n');
}
