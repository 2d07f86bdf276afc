import type { CompareResult } from '../lab/compare/result.ts';
import { compareNotes, type CompareTable, compareTables, compareTitle } from '../report/compare.ts';
import { type Column, fitColumns, lineWidth, type WideStream } from './columns.ts';

/** Formats a comparison for a terminal; the columns that don't fit are named below each table. */
export function compareText(result: CompareResult, stream: WideStream = process.stdout): string {
  const width = lineWidth(stream);
  return [
    ...compareTitle(result),
    ...compareTables(result).flatMap((table) => ['', ...tableLines(table, width)]),
    '',
    ...compareNotes(result),
    '',
  ].join('\n');
}

function tableLines({ head, rows, weights }: CompareTable, width: number): string[] {
  if (rows.length === 0) return ['no figure differs'];
  const columns = weights.map((weight, i): Column => ({
    weight,
    align: i === 0 ? 'left' : 'right',
  }));
  const { lines, hidden } = fitColumns(columns, [head, ...rows], width);
  if (hidden.length === 0) return lines;
  const names = hidden.map((i) => head[i]!).join(', ');
  return [...lines, `(not shown for lack of room: ${names}; --json or a wider terminal has them)`];
}
