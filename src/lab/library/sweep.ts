import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../../result/schema.ts';
import { writeAtomically } from '../../result/write.ts';
import { query } from '../sweep/duck.ts';
import {
  executeSweep,
  type SweepEnd,
  type SweepOptions as ExecuteOptions,
} from '../sweep/execute.ts';
import { loadSweep, Sweep } from '../sweep/load.ts';
import { inOrderOf, type PlanOptions, planSweep } from '../sweep/plan.ts';
import type { Cell } from '../sweep/rows.ts';
import { Store } from '../sweep/store.ts';
import { type RunTable, tableOf, writeTable } from '../sweep/table.ts';
import { type InputOptions, setsOf, textOf, withoutDashes } from './input.ts';
import type { SweepInput } from './scenario-input.ts';

/**
 * One run of a store: its `id`, the `scenario` that it is a variant of, the keys that vary, and its figures, by the names
 * of the columns of `runs.csv`. Quantities are numbers in the unit that ends their name.
 */
export type RunRow = Readonly<Record<string, Cell | undefined>>;

export interface SweepOptions extends InputOptions, ExecuteOptions, Pick<PlanOptions, 'shard'> {
  /**
   * The folder of the store, which keeps every result; runs that it has are not made again. Without it, the rows are all that is
   * left of the runs.
   */
  readonly store?: string | undefined;
  /** What of the store's runs is made again: nothing by default. */
  readonly again?: 'failed' | 'all' | undefined;
}

export interface SweepResult extends SweepEnd {
  /** All runs of the store, in the order of the grid. */
  readonly rows: readonly RunRow[];
}

/**
 * Makes the runs of a grid of scenarios, virtual ones over all cores and those in real time one by one. The grid is an
 * object, the name of a preset, or a file. A run that fails is recorded, and the others go on. Rejects with InputError when
 * the grid or one of its points is wrong, before the first run is made, and with StoreError when the store can't be used.
 */
export async function sweep(
  input: SweepInput | string,
  options: SweepOptions = {},
): Promise<SweepResult> {
  options.signal?.throwIfAborted();
  const { grid, plan } = await planned(input, options);
  options.signal?.throwIfAborted();
  const folder = options.store ?? mkdtempSync(join(tmpdir(), 'pageferry-sweep-'));
  try {
    const store = Store.openToWrite(folder);
    try {
      writeAtomically(join(folder, 'sweep.yaml'), grid.text);
      const { again } = options;
      if (again) store.forget(({ result }) => again === 'all' || result['outcome'] === 'failed');
      const end = await executeSweep(grid, plan, store, options);
      const records = inOrderOf(plan, store.records);
      const table =
        options.store === undefined ? tableOf(records) : await writeTable(folder, records);
      return { rows: rowsOf(table), ...end };
    } finally {
      store.close();
    }
  } finally {
    if (options.store === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** The results of a sweep that are kept in a folder. */
export interface SweepStore {
  readonly folder: string;
  /** All runs, in the order in which they ended. */
  readonly rows: readonly RunRow[];
  /** Returns the full result of a run by its row's `id`; undefined when it has none, because it failed. */
  result(id: string): RunResult | undefined;
  /**
   * Asks the table `runs` of the store in the SQL of DuckDB, and returns the answer's rows. Rejects with an Error that has
   * the database's message when it refuses the query.
   */
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Opens the store of a sweep to read it. Throws StoreError when there is none in the folder. */
export function openStore(folder: string): SweepStore {
  const store = Store.openToRead(folder);
  return {
    folder,
    rows: rowsOf(tableOf(store.records)),
    result(id) {
      const text = store.result(id);
      return text === undefined ? undefined : (JSON.parse(text) as RunResult);
    },
    async query(sql) {
      const parquet = join(folder, 'runs.parquet');
      // A sweep that was killed has not made the table.
      if (!existsSync(parquet)) await writeTable(folder, store.records);
      const { columns, rows } = await query(parquet, sql);
      return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
    },
  };
}

/** Opens a sweep and looks at its whole grid. Rejects with InputError. */
async function planned(input: SweepInput | string, options: SweepOptions) {
  const { folder = process.cwd() } = options;
  const sets = setsOf(options);
  try {
    const grid =
      typeof input === 'string'
        ? loadSweep(input, sets)
        : new Sweep('sweep', textOf('sweep', input), folder, sets, false);
    return { grid, plan: await planSweep(grid, options) };
  } catch (error) {
    throw withoutDashes(error);
  }
}

function rowsOf({ columns, rows }: RunTable): RunRow[] {
  return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
}
