import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { appendLine, writeAtomically } from '../../result/write.ts';
import { LockedError, releaseLock, takeLock } from './lock.ts';
import type { RunRecord } from './rows.ts';

/** The version of the layout of a store, which docs/sweep.md describes. */
const SCHEMA = 'pageferry/store@1';

/** The file of a store that has a record of each run. */
export const RECORDS_FILE = 'records.ndjson';

/** A folder that can't be used as a store; the message says why. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/**
 * The results of a sweep in a folder:
 *
 *   store.json          its schema
 *   sweep.yaml          the file of the sweep that was run last
 *   records.ndjson      a record a line (rows.ts), in the order in which the runs ended
 *   results/ab/ID.json  the full results (`pageferry/run@1`), by the first two digits of the runs' identities
 *   runs.csv, .parquet  a table of the runs, which is made anew at the end
 *
 * A full result is there before its record. A process that is killed in between, or in the middle of a line, leaves
 * a store that goes on: the line is dropped, and the record is made again from the result.
 */
export class Store {
  readonly folder: string;
  readonly #records = new Map<string, RunRecord>();
  #isLocked = false;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Opens the store in a folder to add runs, and makes it if there is none. Throws StoreError, or the system's error. */
  static openToWrite(folder: string): Store {
    mkdirSync(folder, { recursive: true });
    const store = new Store(folder);
    store.#lock();
    try {
      const isNew = !existsSync(store.#path('store.json'));
      if (isNew)
        writeAtomically(store.#path('store.json'), `${JSON.stringify({ schema: SCHEMA })}\n`);
      else store.#check();
      store.#read(true);
    } catch (error) {
      store.close();
      throw error;
    }
    return store;
  }

  /** Opens the store in a folder to read it. Throws StoreError when there is none. */
  static openToRead(folder: string): Store {
    const store = new Store(folder);
    if (!existsSync(store.#path('store.json'))) {
      throw new StoreError(`${folder} is no store of a sweep: it has no store.json`);
    }
    store.#check();
    store.#read(false);
    return store;
  }

  get records(): readonly RunRecord[] {
    return [...this.#records.values()];
  }

  has(id: string): boolean {
    return this.#records.has(id);
  }

  record(id: string): RunRecord | undefined {
    return this.#records.get(id);
  }

  /** Returns the full result of a run as JSON, when it has one that is whole. */
  result(id: string): string | undefined {
    const path = this.#resultPath(id);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return parsed(text) ? text : undefined;
  }

  /** Adds a run: its full result, when it has one, and its record. */
  add(record: RunRecord, result?: string): void {
    if (result !== undefined) {
      const path = this.#resultPath(record.id);
      mkdirSync(join(path, '..'), { recursive: true });
      writeAtomically(path, result);
    }
    appendLine(this.#path(RECORDS_FILE), JSON.stringify(record));
    this.#records.set(record.id, record);
  }

  /**
   * Returns the identities of runs that have a record, and of which the full result is no longer there. A run that could
   * not be made at all has none.
   */
  lostResults(): ReadonlySet<string> {
    const files = new Set<string>();
    const results = this.#path('results');
    for (const folder of existsSync(results) ? readdirSync(results) : []) {
      for (const file of readdirSync(join(results, folder))) files.add(file);
    }
    const lost = this.records.filter(
      ({ id, result }) => result['totalTimeMs'] !== undefined && !files.has(`${id}.json`),
    );
    return new Set(lost.map(({ id }) => id));
  }

  /** Forgets runs with their results, so that they are made again. */
  forget(isForgotten: (record: RunRecord) => boolean): number {
    const kept = this.records.filter((record) => !isForgotten(record));
    const forgotten = this.#records.size - kept.length;
    if (forgotten === 0) return 0;
    for (const record of this.records) {
      if (isForgotten(record)) rmSync(this.#resultPath(record.id), { force: true });
    }
    writeAtomically(
      this.#path(RECORDS_FILE),
      kept.map((record) => `${JSON.stringify(record)}\n`).join(''),
    );
    this.#records.clear();
    for (const record of kept) this.#records.set(record.id, record);
    return forgotten;
  }

  /** Lets others write to the store. */
  close(): void {
    if (this.#isLocked) releaseLock(this.#path('lock'));
    this.#isLocked = false;
  }

  #check(): void {
    const path = this.#path('store.json');
    const facts: { schema?: unknown } = parsed(readFileSync(path, 'utf8')) ?? {};
    const { schema } = facts;
    if (schema === SCHEMA) return;
    throw new StoreError(
      schema === undefined
        ? `${path} is damaged: write {"schema":"${SCHEMA}"} into it`
        : `${this.folder} has the schema ${JSON.stringify(schema)}, not ${SCHEMA}`,
    );
  }

  /** Reads the records; `repairs` removes from the file a last line that was not written whole. */
  #read(repairs: boolean): void {
    const path = this.#path(RECORDS_FILE);
    if (!existsSync(path)) return;
    let readBytes = 0;
    let number = 0;
    for (const line of linesOf(path)) {
      readBytes += Buffer.byteLength(line) + 1;
      number++;
      const record = parsed(line) as RunRecord | undefined;
      if (typeof record?.id !== 'string') {
        throw new StoreError(
          `${path}:${number}: is no record of a run: remove the line, and the sweep makes it again`,
        );
      }
      this.#records.set(record.id, record);
    }
    if (repairs) truncateSync(path, readBytes);
  }

  #lock(): void {
    try {
      takeLock(this.#path('lock'));
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      throw new StoreError(`${this.folder} ${error.message}`);
    }
    this.#isLocked = true;
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  #resultPath(id: string): string {
    return join(this.folder, 'results', id.slice(0, 2), `${id}.json`);
  }
}

/** Parses the JSON of an object; undefined for any other text. */
function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

const CHUNK_BYTES = 1 << 20;

/** Reads the whole lines of a file; what comes after the last line break is left out. */
function* linesOf(path: string): Generator<string> {
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest = Buffer.alloc(0);
    for (;;) {
      const bytes = readSync(file, chunk);
      if (bytes === 0) return;
      rest = Buffer.concat([rest, chunk.subarray(0, bytes)]);
      let from = 0;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, from)) {
        yield rest.toString('utf8', from, end);
        from = end + 1;
      }
      rest = rest.subarray(from);
    }
  } finally {
    closeSync(file);
  }
}
