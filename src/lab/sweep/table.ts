import { statSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically, WriteError } from '../../result/write.ts';
import { measure, type MeasuredQuantity, type QuantityKind, toCell } from './quantity.ts';
import type { Cell, RunRecord } from './rows.ts';
import { csvToParquet } from './duck.ts';
import { RECORDS_FILE, Store } from './store.ts';

/** A table of runs. A cell is undefined where a run has no such key or figure. */
export interface RunTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (Cell | undefined)[])[];
}

/** These columns come first, in this order, as far as there are any. */
const FIRST = ['outcome', 'totalTimeMs', 'downtimeMs', 'blackoutMs', 'resumeTimeMs', 'rounds'];

/**
 * Returns the table of a store's runs: their identity, the scenario that they are variants of, the digest
 * of the program where several builds made them, the keys of their
 * scenarios that vary among them, and all their figures. Quantities are numbers in the unit that ends their column's
 * name: `guest_memoryBytes`, `link_bandwidthBytesPerSecond`, `migration_downtimeLimitMs`.
 */
export function tableOf(records: readonly RunRecord[]): RunTable {
  const keys = varyingKeys(records);
  const figures = figuresOf(records);
  const scenarioColumns = keys.map((key) => columnOf(key, records));
  // Runs of several builds are told apart; mostly there is one.
  const hasBuilds = records.some(({ program }) => program !== records[0]!.program);
  const rows = records.map((record) => [
    record.id,
    record.label,
    ...(hasBuilds ? [record.program] : []),
    ...scenarioColumns.map((column) => column.read(record)),
    ...figures.map((name) => record.result[name]),
  ]);
  const columns = [
    'id',
    'scenario',
    ...(hasBuilds ? ['program'] : []),
    ...scenarioColumns.map(({ name }) => name),
    ...figures,
  ];
  return { columns, rows };
}

/** Returns the keys of scenarios whose values differ, `seed` last. */
function varyingKeys(records: readonly RunRecord[]): string[] {
  const seen = new Map<string, Cell | undefined>();
  const varying = new Set<string>();
  const [first] = records;
  for (const key of Object.keys(first?.scenario ?? {})) seen.set(key, first!.scenario[key]);
  // A key that is known to vary needs no further look, so that many runs cost little.
  const constant = new Map(seen);
  for (const { scenario } of records) {
    for (const key in scenario) {
      if (seen.has(key)) continue;
      seen.set(key, undefined);
      constant.set(key, undefined);
    }
    for (const [key, value] of constant) {
      if (scenario[key] === value) continue;
      varying.add(key);
      constant.delete(key);
    }
  }
  const keys = [...seen.keys()].filter((key) => varying.has(key) && key !== 'name');
  return [...keys.filter((key) => key !== 'seed'), ...keys.filter((key) => key === 'seed')];
}

function figuresOf(records: readonly RunRecord[]): string[] {
  const names = new Set<string>();
  for (const { result } of records) for (const name in result) names.add(name);
  const first = FIRST.filter((name) => names.has(name));
  return [...first, ...[...names].filter((name) => !first.includes(name))];
}

interface Column {
  readonly name: string;
  read(record: RunRecord): Cell | undefined;
}

/** Returns the column of a scenario's key: numbers when all of its values measure the same, and else what is written. */
function columnOf(key: string, records: readonly RunRecord[]): Column {
  // Runs have few values of a key, each of which takes a while to parse.
  const quantities = new Map<Cell, MeasuredQuantity | undefined>();
  for (const { scenario } of records) {
    const value = scenario[key];
    if (value !== undefined && !quantities.has(value)) quantities.set(value, measure(value));
  }
  const kinds = new Set<QuantityKind | 'text'>();
  for (const quantity of quantities.values()) kinds.add(quantity?.kind ?? 'text');
  const units = [...kinds].filter((kind) => kind !== 'number');
  const [unit] = units;
  // Values without a unit, such as 0 or a number of bytes, are of the kind that the others have.
  if (units.length !== 1 || unit === 'text' || unit === undefined) {
    return { name: key, read: ({ scenario }) => scenario[key] };
  }
  const cellOf = (quantity: MeasuredQuantity) => toCell({ kind: unit, amount: quantity.amount });
  return {
    name: `${key}${toCell({ kind: unit, amount: 0 }).suffix}`,
    read({ scenario }) {
      const value = scenario[key];
      const quantity = value === undefined ? undefined : quantities.get(value);
      return quantity && cellOf(quantity).value;
    },
  };
}

/** Returns a table as CSV (RFC 4180), with a line of names first. */
export function csvOf({ columns, rows }: RunTable): string {
  return `${[columns, ...rows].map((cells) => cells.map(quote).join(',')).join('\n')}\n`;
}

function quote(cell: Cell | undefined): string {
  const text = cell === undefined ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Writes the table of a store's runs to its folder, as CSV and as Parquet. */
export async function writeTable(folder: string, records: readonly RunRecord[]): Promise<RunTable> {
  const table = tableOf(records);
  const csv = join(folder, 'runs.csv');
  writeAtomically(csv, csvOf(table));
  await csvToParquet(csv, join(folder, 'runs.parquet'));
  return table;
}

/** The file with the table of a store's runs. */
export interface TableFile {
  readonly parquet: string;
  /** Why it lacks the runs that were added last; absent when it has them. */
  readonly problem?: string;
}

/**
 * Returns the file with the table of the store in a folder. It is made when there is none, or when runs were added
 * since, as by a sweep that is under way or was killed. Throws StoreError, or WriteError when there is none and none can
 * be made.
 */
export async function currentTable(folder: string): Promise<TableFile> {
  const parquet = join(folder, 'runs.parquet');
  const madeMs = timeOf(parquet);
  const addedMs = timeOf(join(folder, RECORDS_FILE)) ?? 0;
  if (madeMs !== undefined && madeMs >= addedMs) return { parquet };
  const { records } = Store.openToRead(folder);
  try {
    await writeTable(folder, records);
  } catch (error) {
    if (!(error instanceof WriteError) || madeMs === undefined) throw error;
    const problem = `${error.message}: the runs that were added since the table was made are missing`;
    return { parquet, problem };
  }
  return { parquet };
}

const timeOf = (path: string): number | undefined =>
  statSync(path, { throwIfNoEntry: false })?.mtimeMs;
