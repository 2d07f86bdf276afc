import type { Comparison } from '../lab/bench/against.ts';
import type { BenchOutcome } from '../lab/bench/outcome.ts';
import { benchRows, benchTitle } from './bench.ts';
import { COMPARISON_HEAD, comparisonNotes, comparisonRows, comparisonTitle } from './comparison.ts';

export interface MarkdownTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Returns a text as Markdown: a title, lines below it, tables and notes, for the summary of a CI run or a pull request. */
export function tablesMarkdown(
  title: string,
  lines: readonly string[],
  tables: readonly MarkdownTable[],
  notes: readonly string[],
): string {
  const list = (all: readonly string[]): string[] => all.map((one) => `- ${escape(one)}`);
  return [
    `### ${escape(title)}`,
    '',
    ...(lines.length > 0 ? [...list(lines), ''] : []),
    ...tables.flatMap(({ head, rows }) => [...markdownTable(head, rows), '']),
    ...list(notes),
    '',
  ].join('\n');
}

/** Returns a comparison as Markdown: a title, a table and its notes, for the summary of a CI run or a pull request. */
export function comparisonMarkdown(comparison: Comparison): string {
  const table = { head: COMPARISON_HEAD, rows: comparisonRows(comparison) };
  return tablesMarkdown(comparisonTitle(comparison), [], [table], comparisonNotes(comparison));
}

/** Returns a bench's result as Markdown: a title, its table and its notes. */
export function benchMarkdown(outcome: BenchOutcome): string {
  const [head = [], ...rows] = benchRows(outcome);
  const notes = (outcome.notes ?? []).map((note) => `- ${escape(note)}`);
  return [
    `### ${escape(benchTitle(outcome))}`,
    '',
    ...markdownTable(['setting', ...head.slice(1)], rows),
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
  ].join('\n');
}

/** Returns the lines of a table: its first column is aligned to the left, the others to the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const rule = head.map((_, i) => (i === 0 ? '---' : '--:'));
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)];
}

const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(' | ')} |`;

/** Escapes what Markdown or a table would take for its own. */
const escape = (text: string): string =>
  text.replaceAll(/[\\`*_<>|[\]]/g, (sign) => `\\${sign}`).replaceAll('\n', ' ');
