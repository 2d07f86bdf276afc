import type { QueryResult } from '../lab/sweep/duck.ts';
import type { Cell } from '../lab/sweep/rows.ts';
import { csvOf } from '../lab/sweep/table.ts';
import { fitColumns, lineWidth, type WideStream, wrap } from './columns.ts';

/** How the rows of a query are printed. */
export interface QueryFlags {
  readonly json?: boolean;
  readonly csv?: boolean;
}

/**
 * Gives columns of equal names different ones, as DuckDB does inside of a query: the second `b` becomes `b_1`. Returns
 * the new names beside the old ones.
 */
export function renameColumns(columns: readonly string[]): readonly [old: string, now: string][] {
  const taken = new Set(columns);
  const seen = new Set<string>();
  return columns.map((old) => {
    if (!seen.has(old)) {
      seen.add(old);
      return [old, old];
    }
    let number = 1;
    while (taken.has(`${old}_${number}`)) number++;
    const now = `${old}_${number}`;
    taken.add(now);
    return [old, now];
  });
}

/** Formats the rows of a query as a table for a terminal, or as JSON or CSV. Columns must have different names. */
export function formatRows(
  { columns, rows }: QueryResult,
  flags: QueryFlags,
  stream: WideStream = process.stdout,
): string {
  if (flags.json) {
    const objects = rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
    return `${JSON.stringify(objects, null, 2)}\n`;
  }
  const cells = rows.map((row) => row.map((value) => cellOf(value)));
  if (flags.csv) return csvOf({ columns, rows: cells });
  return tableOf(columns, cells, lineWidth(stream));
}

/** What does not fit is left out as whole columns, the last ones first, so that no value is shortened. */
function tableOf(
  columns: readonly string[],
  rows: readonly (readonly (Cell | undefined)[])[],
  width: number,
): string {
  const layout = columns.map((_, i) => ({
    weight: i === 0 ? Infinity : -i,
    align: rows.every((row) => typeof row[i] !== 'string') ? ('right' as const) : ('left' as const),
  }));
  const texts = rows.map((row) =>
    row.map((cell) => (cell === undefined ? '' : onOneLine(String(cell)))),
  );
  const { lines, hidden } = fitColumns(layout, [columns.map(onOneLine), ...texts], width);
  if (hidden.length > 0) {
    const names = hidden.map((i) => columns[i]).join(', ');
    const sentence = `(not shown for lack of room: ${names}; --json, --csv or a wider terminal has them)`;
    lines.push(...wrap(sentence, width));
  }
  return `${lines.join('\n')}\n`;
}

/** Writes line breaks and other control characters as in JSON, so that they can't break the table or the terminal. */
const onOneLine = (text: string): string =>
  text.replaceAll(/\p{Cc}/gu, (sign) => {
    const escaped = JSON.stringify(sign).slice(1, -1);
    return escaped === sign ? `\\u${sign.codePointAt(0)!.toString(16).padStart(4, '0')}` : escaped;
  });

function cellOf(value: unknown): Cell | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'object') return JSON.stringify(value);
  return value as Cell;
}
