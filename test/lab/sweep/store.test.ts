import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { query, QueryError } from '../../../src/lab/sweep/duck.ts';
import { executeSweep } from '../../../src/lab/sweep/execute.ts';
import { Sweep } from '../../../src/lab/sweep/load.ts';
import { planSweep, type SweepPlan } from '../../../src/lab/sweep/plan.ts';
import { mergeStores } from '../../../src/lab/sweep/merge.ts';
import { panelsOf } from '../../../src/lab/sweep/panels.ts';
import type { RunRecord } from '../../../src/lab/sweep/rows.ts';
import { Store } from '../../../src/lab/sweep/store.ts';
import { csvOf, currentTable, tableOf, writeTable } from '../../../src/lab/sweep/table.ts';

const folder = mkdtempSync(join(tmpdir(), 'pageferry-store-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

let stores = 0;
const newFolder = (): string => join(folder, `store-${stores++}`);

const SWEEP = `name: small
scenario:
  runtime: virtual
  guest: { memory: 16MiB, backing: versions, contents: [{ kind: random }], workloads: [{ pattern: uniform, rate: 1000 }] }
  link: { bandwidth: 1Gbit/s }
  migration: { algorithm: precopy, policy: rounds, startAfter: 10ms, runAfter: 10ms }
vary: { guest.memory: [16MiB, 32MiB], migration.algorithm: [precopy, stop-and-copy] }
repeats: 2
`;
const small = new Sweep('small.yaml', SWEEP, folder);

const record = (id: string, scenario: RunRecord['scenario'] = {}): RunRecord => ({
  id,
  label: 'small',
  scenario: { guest_vcpus: 1, ...scenario },
  result: { outcome: 'completed', downtimeMs: 1.5 },
});

describe('a store', () => {
  it('keeps records and results, and opens again with them', () => {
    const at = newFolder();
    const store = Store.openToWrite(at);
    store.add(record('aa1'), '{"x":1}\n');
    store.add(record('bb2'));
    store.close();
    const again = Store.openToRead(at);
    expect(again.records).toEqual([record('aa1'), record('bb2')]);
    expect([again.result('aa1'), again.result('bb2')]).toEqual(['{"x":1}\n', undefined]);
  });

  it('drops a line that was not written whole, and writes on after the last whole one', () => {
    const at = newFolder();
    let store = Store.openToWrite(at);
    store.add(record('aa1'));
    store.close();
    appendFileSync(join(at, 'records.ndjson'), '{"id":"bb2","lab');
    store = Store.openToWrite(at);
    expect(store.has('bb2')).toBe(false);
    store.add(record('cc3'));
    store.close();
    expect(Store.openToRead(at).records.map(({ id }) => id)).toEqual(['aa1', 'cc3']);
  });

  it('tells of a line that is no record, with its place, and of a damaged store.json', () => {
    for (const line of ['{"id":', 'null', '{"label":"x"}']) {
      const at = newFolder();
      const store = Store.openToWrite(at);
      store.add(record('aa1'));
      store.close();
      appendFileSync(join(at, 'records.ndjson'), `${line}\n${JSON.stringify(record('bb2'))}\n`);
      const sentence = `${at}/records.ndjson:2: is no record of a run: remove the line`;
      expect(() => Store.openToRead(at)).toThrow(sentence);
      expect(() => Store.openToWrite(at)).toThrow(sentence);
      writeFileSync(join(at, 'store.json'), '');
      expect(() => Store.openToRead(at)).toThrow('store.json is damaged: write {"schema"');
    }
  });

  it('forgets runs with their results, and takes a result that is cut off for none', () => {
    const at = newFolder();
    const store = Store.openToWrite(at);
    store.add(record('aa1'), '{"x":1}\n');
    store.add(record('bb2'), '{"x":');
    expect(store.result('bb2')).toBeUndefined();
    expect(store.forget(({ id }) => id === 'aa1')).toBe(1);
    expect([store.has('aa1'), store.result('aa1'), store.has('bb2')]).toEqual([
      false,
      undefined,
      true,
    ]);
    store.close();
  });

  it('replaces a failed run by one that did not fail, when stores are put together', () => {
    const [failed, done] = [Store.openToWrite(newFolder()), Store.openToWrite(newFolder())];
    failed.add({ ...record('aa1'), result: { outcome: 'failed', error: 'x' } });
    done.add(record('aa1'), '{"x":1}\n');
    expect(mergeStores(failed, [done])).toBe(1);
    expect(mergeStores(failed, [done])).toBe(0);
    expect(Store.openToRead(failed.folder).records).toEqual([record('aa1')]);
    for (const store of [failed, done]) store.close();
  });

  it('has one writer at a time, and takes over from one that is gone', () => {
    const at = newFolder();
    const store = Store.openToWrite(at);
    expect(() => Store.openToWrite(at)).toThrow(/is written by process \d+ on .*: wait for it/);
    store.close();
    Store.openToWrite(at).close();
    const holder = readLock(at);
    // No process has so large a number.
    writeFileSync(join(at, 'lock'), `${holder} 4999999`);
    Store.openToWrite(at).close();
    expect(existsSync(join(at, 'lock'))).toBe(false);
  });

  it('knows of which runs the full result is gone; what could not be made has none', () => {
    const store = Store.openToWrite(newFolder());
    const made = (id: string): RunRecord => ({
      ...record(id),
      result: { outcome: 'completed', totalTimeMs: 5 },
    });
    store.add(made('aa1'), '{"x":1}\n');
    store.add(made('ab2'), '{"x":1}\n');
    store.add({ ...record('aa3'), result: { outcome: 'failed', error: 'x' } });
    expect(store.lostResults()).toEqual(new Set());
    rmSync(join(store.folder, 'results', 'ab'), { recursive: true });
    expect(store.lostResults()).toEqual(new Set(['ab2']));
    store.close();
  });

  it('is refused when it has another layout, and when there is none', () => {
    const at = newFolder();
    Store.openToWrite(at).close();
    writeFileSync(join(at, 'store.json'), '{"schema":"pageferry/store@9"}');
    expect(() => Store.openToRead(at)).toThrow(
      'has the schema "pageferry/store@9", not pageferry/store@1',
    );
    expect(() => Store.openToWrite(at)).toThrow('has the schema');
    expect(() => Store.openToRead(newFolder())).toThrow('is no store of a sweep');
  });
});

/** Returns the name of this machine, as a lock has it. */
function readLock(at: string): string {
  const store = Store.openToWrite(at);
  const [host] = readFileSync(join(at, 'lock'), 'utf8').split(' ');
  store.close();
  return host!;
}

describe('the table of a store', () => {
  it('has the keys that vary, as numbers whose unit is in their name, and all figures', () => {
    const records = [
      record('a', { guest_memory: '1GiB', link_latency: '100us', x: 'same', seed: 1 }),
      record('b', { guest_memory: 4096, link_latency: '1ms', x: 'same', seed: 2 }),
    ];
    const { columns, rows } = tableOf(records);
    expect(columns).toEqual([
      'id',
      'scenario',
      'guest_memoryBytes',
      'link_latencyMs',
      'seed',
      'outcome',
      'downtimeMs',
    ]);
    expect(rows).toEqual([
      ['a', 'small', 2 ** 30, 0.1, 1, 'completed', 1.5],
      ['b', 'small', 4096, 1, 2, 'completed', 1.5],
    ]);
  });

  it('is text where a key has values of several kinds, and empty where a run has none', () => {
    const { columns, rows } = tableOf([
      record('a', { p: 'xen' }),
      record('b', { p: '5ms' }),
      record('c'),
    ]);
    const at = columns.indexOf('p');
    expect(rows.map((row) => row[at])).toEqual(['xen', '5ms', undefined]);
  });

  it('tells the runs of several builds apart, and of one build says nothing', () => {
    const [old, now] = [record('a'), { ...record('b'), program: 'abc' }];
    expect(tableOf([now, { ...now, id: 'c' }]).columns).not.toContain('program');
    const { columns, rows } = tableOf([old, now]);
    expect(rows.map((row) => row[columns.indexOf('program')])).toEqual([undefined, 'abc']);
  });

  it('is CSV that keeps quotes, commas and line breaks', () => {
    const csv = csvOf({
      columns: ['a', 'b'],
      rows: [
        ['x,"y"\n', undefined],
        [true, 1.5],
      ],
    });
    expect(csv).toBe('a,b\n"x,""y""\n",\ntrue,1.5\n');
  });
});

describe('a sweep', () => {
  it('makes every run once, goes on with what is missing, and its table answers queries', async () => {
    const at = newFolder();
    const store = Store.openToWrite(at);
    const [first, second] = [
      { index: 1, of: 2 },
      { index: 2, of: 2 },
    ];
    const firstHalf = await planSweep(small, { shard: first });
    const half = await executeSweep(small, firstHalf, store, { threads: 1 });
    expect(half).toEqual({ made: 4, reused: 0, failed: 0, differing: 0, missing: 0 });
    // A process that was killed between a result and its record makes the record from the result.
    const lost = store.records[0]!;
    const result = store.result(lost.id)!;
    store.forget(({ id }) => id === lost.id);
    writeFileSync(join(at, 'results', lost.id.slice(0, 2), `${lost.id}.json`), result);
    const plan = await planSweep(small);
    const whole = await executeSweep(small, plan, store, { threads: 1 });
    expect(whole).toMatchObject({ made: 5, reused: 3, missing: 0 });
    expect(new Set(store.records.map(({ id }) => id)).size).toBe(8);
    const remade = store.records.find(({ id }) => id === lost.id)!;
    // Nobody knows which build made a result that has lost its record.
    expect(lost.program).toMatch(/^[0-9a-f]{12}$/);
    expect(remade).not.toHaveProperty('program');
    expect(remade.result).toEqual({ ...lost.result, wallMs: 0 });

    await writeTable(at, store.records);
    const sql =
      'SELECT migration_algorithm a, count(*) n, min(guest_memoryBytes) m, bool_and(verify_ok) ok FROM runs GROUP BY 1 ORDER BY 1';
    expect(await query(join(at, 'runs.parquet'), sql)).toEqual({
      columns: ['a', 'n', 'm', 'ok'],
      rows: [
        ['precopy', 4, 2 ** 24, true],
        ['stop-and-copy', 4, 2 ** 24, true],
      ],
    });
    // Runs that were added since, as before a kill, are in the table that a query takes.
    const { parquet } = await currentTable(at);
    const count = async () => (await query(parquet, 'SELECT count(*) FROM runs')).rows[0]![0];
    expect(await count()).toBe(8);
    store.add(record('added'));
    utimesSync(parquet, 1, 1);
    await currentTable(at);
    expect(await count()).toBe(9);
    store.forget(({ id }) => id === 'added');
    const lists = 'SELECT list(rounds ORDER BY rounds) l FROM runs GROUP BY migration_algorithm';
    expect((await query(join(at, 'runs.parquet'), lists)).rows[0]![0]).toBeInstanceOf(Array);
    writeFileSync(join(at, 'empty.parquet'), '');
    await expect(query(join(at, 'empty.parquet'), 'SELECT 1')).rejects.toThrow(QueryError);
    await expect(query(join(at, 'runs.parquet'), 'SELECT nothing FROM runs')).rejects.toThrow(
      QueryError,
    );

    // Another process made the other half, and the two are put together.
    const other = Store.openToWrite(newFolder());
    const secondHalf = await planSweep(small, { shard: second });
    await executeSweep(small, secondHalf, other, { threads: 1 });
    const idsOf = ({ runs }: SweepPlan): string[] => runs.map(({ id }) => id);
    expect([...idsOf(firstHalf), ...idsOf(secondHalf)].toSorted()).toEqual(idsOf(plan).toSorted());
    const merged = Store.openToWrite(newFolder());
    expect(mergeStores(merged, [other, store])).toBe(8);
    expect(merged.result(lost.id)).toBe(store.result(lost.id));

    const [downtime] = panelsOf(small, plan.idOfPoint, store.records, ['downtimeMs']);
    expect(downtime).toMatchObject({ key: 'guest.memory', unit: 'MiB', figure: 'downtimeMs' });
    const stopped = downtime!.series.find(({ name }) => name === 'stop-and-copy')!;
    expect(stopped.points.map(({ x }) => x)).toEqual([16, 32]);
    // All of the memory goes while the guest stands still: 8.4 ns a byte.
    expect(stopped.points[1]!.y.median).toBeGreaterThan(268);
    for (const one of [store, other, merged]) one.close();
  });

  it('records a run that can not be made, and goes on', async () => {
    const text = `name: lacking\nscenario: { runtime: virtual, guest: { memory: 8MiB, contents: [{ kind: file, path: ${join(folder, 'image.raw')} }] } }\n`;
    writeFileSync(join(folder, 'image.raw'), Buffer.alloc(2 ** 23));
    const sweep = new Sweep('lacking.yaml', text, folder);
    const store = Store.openToWrite(newFolder());
    const plan = await planSweep(sweep);
    // The image was there when the grid was looked at.
    writeFileSync(join(folder, 'image.raw'), 'short');
    const end = await executeSweep(sweep, plan, store, { threads: 1 });
    expect(end).toMatchObject({ made: 1, failed: 1, missing: 0 });
    const again = await executeSweep(sweep, plan, store, { threads: 1 });
    expect(again).toMatchObject({ made: 0, reused: 1, failed: 1 });
    store.close();
    expect(store.records[0]!.result).toMatchObject({ outcome: 'failed' });
    expect(store.records[0]!.result['error']).toMatch(/image\.raw/);
  });

  it('ends when it is told to, with what it has', async () => {
    const store = Store.openToWrite(newFolder());
    const control = new AbortController();
    const end = await executeSweep(small, await planSweep(small), store, {
      threads: 1,
      signal: control.signal,
      onProgress: ({ done }) => void (done === 2 && control.abort()),
    });
    store.close();
    expect(end).toMatchObject({ made: 2, missing: 6 });
    expect(store.records).toHaveLength(2);
  });
});
