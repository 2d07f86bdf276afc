import { join } from 'node:path';
import { writeAtomically } from '../../result/write.ts';
import { measure, type MeasuredQuantity, type QuantityKind, toCell } from './quantity.ts';
import type { Cell, RunRecord } from './rows.ts';
import { csvToParquet } from './duck.ts';

/** A table of runs. A cell is undefined where a run has no such key or figure. */
export interface RunTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (Cell | undefined)[])[];
}

/** These columns come first, in this order, as far as there are any. */
const FIRST = ['outcome', 'totalTimeMs', 'downtimeMs', 'blackoutMs', 'resumeTimeMs', 'rounds'];

/**
 * Returns the table of a store's runs: their identity, the scenario that they are variants of, the keys of their
 * scenarios that vary among them, and all their figures. Quantities are numbers in the unit that ends their column's
 * name: `guest_memoryBytes`, `link_bandwidthBytesPerSecond`, `migration_downtimeLimitMs`.
 */
export function tableOf(records: readonly RunRecord[]): RunTable {
  const keys = varyingKeys(records);
  const figures = figuresOf(records);
  const scenarioColumns = keys.map((key) => columnOf(key, records));
  const rows = records.map((record) => [
    record.id,
    record.label,
    ...scenarioColumns.map((column) => column.read(record)),
    ...figures.map((name) => record.result[name]),
  ]);
  const columns = ['id', 'scenario', ...scenarioColumns.map(({ name }) => name), ...figures];
  return { columns, rows };
}

/** Returns the keys of scenarios whose values differ, `seed` last. */
function varyingKeys(records: readonly RunRecord[]): string[] {
  const seen = new Map<string, Cell | undefined>();
  const varying = new Set<string>();
  const [first] = records;
  for (const key of Object.keys(first?.scenario ?? {})) seen.set(key, first!.scenario[key]);
  for (const { scenario } of records) {
    for (const key of Object.keys(scenario)) if (!seen.has(key)) seen.set(key, undefined);
    for (const [key, value] of seen) if (scenario[key] !== value) varying.add(key);
  }
  const keys = [...seen.keys()].filter((key) => varying.has(key) && key !== 'name');
  return [...keys.filter((key) => key !== 'seed'), ...keys.filter((key) => key === 'seed')];
}

function figuresOf(records: readonly RunRecord[]): string[] {
  const names = new Set<string>();
  for (const { result } of records) for (const name of Object.keys(result)) names.add(name);
  const first = FIRST.filter((name) => names.has(name));
  return [...first, ...[...names].filter((name) => !first.includes(name))];
}

interface Column {
  readonly name: string;
  read(record: RunRecord): Cell | undefined;
}

/** Returns the column of a scenario's key: numbers when all of its values measure the same, and else what is written. */
function columnOf(key: string, records: readonly RunRecord[]): Column {
  const kinds = new Set<QuantityKind | 'text'>();
  for (const { scenario } of records) {
    const value = scenario[key];
    if (value !== undefined) kinds.add(measure(value)?.kind ?? 'text');
  }
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
      const quantity = measure(scenario[key]);
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
