import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { query, QueryError, type QueryResult } from '../lab/sweep/duck.ts';
import { Store, StoreError } from '../lab/sweep/store.ts';
import { csvOf, writeTable } from '../lab/sweep/table.ts';
import type { Cell } from '../lab/sweep/rows.ts';
import { layOut, lineWidth } from './columns.ts';
import { WriteError } from '../result/write.ts';
import { EXIT } from './exit.ts';
import { print } from './stdout.ts';

interface QueryFlags {
  readonly json?: boolean;
  readonly csv?: boolean;
}

export function queryCommand(): Command {
  return new Command('query')
    .description("ask for a sweep's runs in SQL, whose table is `runs`")
    .argument('<dir>', 'the store of a sweep')
    .argument('<sql>', 'a query of DuckDB, such as "SELECT outcome, count(*) FROM runs GROUP BY 1"')
    .option('--json', 'print a list of objects as JSON')
    .option('--csv', 'print CSV')
    .action(async (folder: string, sql: string, flags: QueryFlags) => {
      process.exitCode = await ask(folder, sql, flags);
    });
}

async function ask(folder: string, sql: string, flags: QueryFlags): Promise<number> {
  try {
    const parquet = join(folder, 'runs.parquet');
    if (!existsSync(parquet)) await writeTable(folder, Store.openToRead(folder).records);
    const result = await query(parquet, sql);
    await print(format(result, flags));
    return EXIT.done;
  } catch (error) {
    const isWrong = error instanceof StoreError || error instanceof QueryError;
    if (!isWrong && !(error instanceof WriteError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return isWrong ? EXIT.badInput : EXIT.notCompleted;
  }
}

function format({ columns, rows }: QueryResult, flags: QueryFlags): string {
  if (flags.json) {
    const objects = rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
    return `${JSON.stringify(objects, null, 2)}\n`;
  }
  const cells = rows.map((row) => row.map((value) => cellOf(value)));
  if (flags.csv) return csvOf({ columns, rows: cells });
  const isNumber = columns.map((_, i) => rows.every((row) => typeof row[i] !== 'string'));
  const layout = columns.map((_, i) => ({
    weight: Infinity,
    align: isNumber[i] ? ('right' as const) : ('left' as const),
  }));
  const texts = cells.map((row) => row.map((cell) => (cell === undefined ? '' : String(cell))));
  return `${layOut(layout, [columns, ...texts], lineWidth(process.stdout)).join('\n')}\n`;
}

function cellOf(value: unknown): Cell | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'object') return JSON.stringify(value);
  return value as Cell;
}
