import { renameSync, rmSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { WriteError } from '../../result/write.ts';

/**
 * The parts of DuckDB that stores need. It is loaded here alone and when it is used, since it is large. Every
 * connection has a database of its own in memory: tables live in files.
 */

/** What a query returns. */
export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** A query that the database refuses; the message is the database's own. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}

/** Writes a CSV file as Parquet, compressed with zstd, as a whole or not at all; the types are found in the values. */
export async function csvToParquet(csv: string, parquet: string): Promise<void> {
  const temporary = `${parquet}.${process.pid}.tmp`;
  try {
    await connected((connection) =>
      connection.run(
        `COPY (SELECT * FROM read_csv(${text(csv)}, header = true, sample_size = -1)) TO ${text(temporary)} (FORMAT parquet, COMPRESSION zstd)`,
      ),
    );
    renameSync(temporary, parquet);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WriteError(parquet, reason, { cause: error });
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Runs a query in which `runs` is the table of a Parquet file. Throws QueryError when the database refuses it. */
export async function query(parquet: string, sql: string): Promise<QueryResult> {
  return connected(async (connection) => {
    try {
      await connection.run(`CREATE VIEW runs AS SELECT * FROM read_parquet(${text(parquet)})`);
      const reader = await connection.runAndReadAll(sql);
      return {
        columns: reader.columnNames(),
        rows: reader.getRowsJS().map((row) => row.map(plain)),
      };
    } catch (error) {
      throw new QueryError(error instanceof Error ? error.message : String(error));
    }
  });
}

async function connected<Result>(
  act: (connection: DuckDBConnection) => Promise<Result>,
): Promise<Result> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return await act(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Returns a value as JSON can have it: counts are numbers as long as these are exact, times are text. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** Returns a text as SQL writes it. */
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
