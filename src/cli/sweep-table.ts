import type { SweepEnd } from '../lab/sweep/execute.ts';
import { median } from '../lab/statistics.ts';
import type { RunTable } from '../lab/sweep/table.ts';
import { formatDuration } from '../units/duration.ts';
import { trimNumber } from '../units/size.ts';
import { type Column, layOut, lineWidth, type WideStream } from './columns.ts';

/** More points than this are left to queries. */
const MOST_LINES = 40;

/** Returns what a sweep prints: how many runs there are, and a line for each point with medians over its seeds. */
export function sweepSummary(
  folder: string,
  table: RunTable,
  end: SweepEnd,
  stream: WideStream,
): string {
  const groups = groupsOf(table);
  const lines = [
    `${folder}: ${table.rows.length} run${table.rows.length === 1 ? '' : 's'} (${end.made} made now, ${end.reused} there before${end.failed > 0 ? `, ${end.failed} failed` : ''})`,
  ];
  if (groups.length <= MOST_LINES) lines.push('', ...pointLines(table, groups, lineWidth(stream)));
  else lines.push(`${groups.length} points: ask for them, as in the next line`);
  lines.push(
    '',
    `pageferry query ${quoted(folder)} "SELECT outcome, count(*), median(downtimeMs), median(totalTimeMs) FROM runs GROUP BY outcome"`,
  );
  return `${lines.join('\n')}\n`;
}

/** Returns a name as a shell takes it. */
const quoted = (name: string): string =>
  /^[\w./:@%+=,-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;

type Row = RunTable['rows'][number];

/** Returns the columns that tell points apart: what comes before the outcome, without identity and seed. */
function keysOf({ columns }: RunTable): number[] {
  const end = columns.indexOf('outcome');
  return columns.flatMap((name, i) => (i > 0 && i < end && name !== 'seed' ? [i] : []));
}

/** Returns the runs of each point, which differ by their seeds. */
function groupsOf(table: RunTable): Row[][] {
  const keys = keysOf(table);
  const groups = new Map<string, Row[]>();
  for (const row of table.rows) {
    const key = JSON.stringify(keys.map((i) => row[i]));
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()];
}

function pointLines(table: RunTable, groups: readonly Row[][], width: number): string[] {
  const keys = keysOf(table).filter(
    (i) => table.columns[i] !== 'scenario' || new Set(table.rows.map((row) => row[i])).size > 1,
  );
  const at = (name: string): number => table.columns.indexOf(name);
  const columns: Column[] = [
    ...keys.map(() => ({ weight: 10, align: 'left' as const })),
    { weight: 5 },
    { weight: Infinity, align: 'left' },
    { weight: Infinity },
    { weight: Infinity },
    { weight: 4 },
  ];
  const head = [
    ...keys.map((i) => table.columns[i]!),
    'runs',
    'outcome',
    'downtime',
    'total time',
    'rounds',
  ];
  const rows = groups.map((group) => [
    ...keys.map((i) => String(group[0]![i] ?? '')),
    String(group.length),
    [...new Set(group.map((row) => String(row[at('outcome')])))].join(', '),
    duration(medianOf(group, at('downtimeMs'))),
    duration(medianOf(group, at('totalTimeMs'))),
    plain(medianOf(group, at('rounds'))),
  ]);
  return layOut(columns, [head, ...rows], width);
}

function medianOf(rows: readonly Row[], column: number): number | undefined {
  const values = rows.flatMap((row) => (typeof row[column] === 'number' ? [row[column]] : []));
  return values.length === 0 ? undefined : median(values);
}

const duration = (ms: number | undefined): string =>
  ms === undefined ? '' : formatDuration(ms * 1e6);
const plain = (value: number | undefined): string => (value === undefined ? '' : trimNumber(value));
