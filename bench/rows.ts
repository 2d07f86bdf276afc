import { writeAtomically } from '../dist/result/write.js';
import type { BenchOptions } from './options.ts';
import { printTable } from './report.ts';

export type Unit = 'ns/write' | 'ns/page' | 'us' | 'GB/s';

/** One line of the bench's table. */
export interface Row {
  readonly what: string;
  readonly unit: Unit;
  readonly ours: number;
  /** C's figure in the same run; absent when there is no reference. */
  readonly c?: number;
  /** C's time divided by ours: 1 is the speed of C, more is faster. */
  readonly ratio?: number;
  /** The smallest ratio that meets the goal. */
  readonly goal?: number;
  readonly met?: boolean;
  /** The command that measures it again. */
  readonly command: string;
}

/** Returns the figure in `unit` of work that took `seconds`; `amount` is bytes for GB/s, else a count. */
export function figure(unit: Unit, seconds: number, amount: number): number {
  if (unit === 'GB/s') return amount / seconds / 1e9;
  return unit === 'us' ? (seconds * 1e6) / amount : (seconds * 1e9) / amount;
}

/** Prints rows under a title; where there is no C, the column of ratios has `reason`. */
export function printRows(title: string, rows: readonly Row[], reason = ''): void {
  const cells = rows.map((row) => [
    row.what,
    `${row.ours.toPrecision(3)} ${row.unit}`,
    row.c === undefined ? '-' : row.c.toPrecision(3),
    row.ratio === undefined ? reason : row.ratio.toFixed(2),
    goalText(row),
  ]);
  printTable(title, [['', 'ours', 'C', 'ratio', 'goal'], ...cells]);
}

function goalText({ goal, met }: Row): string {
  if (goal === undefined) return '';
  if (met === undefined) return `≥ ${goal}`;
  return met ? `≥ ${goal} met` : `≥ ${goal} MISSED`;
}

/** Writes the rows to the files that the command line names. */
export function writeRows(rows: readonly Row[], options: BenchOptions, reason = ''): void {
  if (options.json !== undefined)
    writeAtomically(options.json, `${JSON.stringify(rows, null, 2)}\n`);
  if (options.markdown !== undefined) writeAtomically(options.markdown, markdown(rows, reason));
}

function markdown(rows: readonly Row[], reason: string): string {
  const lines = rows.map((row) =>
    [
      '',
      row.what,
      `${row.ours.toPrecision(3)} ${row.unit}`,
      row.c === undefined ? '-' : `${row.c.toPrecision(3)} ${row.unit}`,
      row.ratio === undefined ? reason : row.ratio.toFixed(2),
      goalText(row),
      `\`${row.command}\``,
      '',
    ]
      .join(' | ')
      .trim(),
  );
  const head =
    '| what | ours | C in the same run | ratio | goal | command |\n|---|--:|--:|--:|---|---|';
  return `${head}\n${lines.join('\n')}\n`;
}
