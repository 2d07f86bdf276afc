import { Command, Option } from 'commander';
import { query, QueryError } from '../lab/sweep/duck.ts';
import { StoreError } from '../lab/sweep/store.ts';
import { currentTable } from '../lab/sweep/table.ts';
import { WriteError } from '../result/write.ts';
import { EXIT } from './exit.ts';
import { formatRows, type QueryFlags, renameColumns } from './query-output.ts';
import { print } from './stdout.ts';

export function queryCommand(): Command {
  return new Command('query')
    .description("ask for a sweep's runs in SQL, whose table is `runs`")
    .argument('<dir>', 'the store of a sweep')
    .argument('<sql>', 'a query of DuckDB, such as "SELECT outcome, count(*) FROM runs GROUP BY 1"')
    .addOption(new Option('--json', 'print a list of objects as JSON').conflicts('csv'))
    .option('--csv', 'print CSV')
    .action(async (folder: string, sql: string, flags: QueryFlags) => {
      process.exitCode = await ask(folder, sql, flags);
    });
}

async function ask(folder: string, sql: string, flags: QueryFlags): Promise<number> {
  try {
    const { parquet, problem } = await currentTable(folder);
    if (problem !== undefined) complain(problem);
    const { columns, rows } = await query(parquet, sql);
    const names = renameColumns(columns);
    for (const [old, now] of names) {
      if (old !== now) complain(`several columns are called ${old}: one of them is ${now} here`);
    }
    await print(formatRows({ columns: names.map(([, now]) => now), rows }, flags));
    return EXIT.done;
  } catch (error) {
    const isWrong = error instanceof StoreError || error instanceof QueryError;
    if (!isWrong && !(error instanceof WriteError)) throw error;
    complain(error.message);
    return isWrong ? EXIT.badInput : EXIT.notCompleted;
  }
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}
