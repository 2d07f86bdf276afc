import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunReport } from '../../src/runtime/report.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';

/** The kinds that docs/policies.md shows, in one module, and some that only tests want. */
const DOCUMENTED = Array.from(
  readFileSync(new URL('../../docs/policies.md', import.meta.url), 'utf8').matchAll(
    /```js\n([\s\S]*?)```/g,
  ),
  (match) => match[1]!,
).join('\n');

const MORE = `
export const failing = () => ({
  next() {
    throw new Error('this order has no next page');
  },
  requested() {},
});
export const stubborn = ({ rounds }, facts) => ({
  name: 'stubborn',
  skipsRedirtied: false,
  initial: 0,
  decide: (syncs, { event, pendingPages }) => {
    if (event === 'synced') {
      const reason = 'gave up a guest of ' + facts.pages + ' pages over ' + facts.linkBytesPerSecond;
      const last = syncs + 1 >= rounds;
      return { state: syncs + 1, actions: [last ? { kind: 'abort', reason } : { kind: 'continue' }] };
    }
    return { state: syncs, actions: [{ kind: pendingPages > 0 ? 'continue' : 'sync' }] };
  },
});
`;

let folder = '';
let pool: WorkerPool;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'own-kinds-'));
  writeFileSync(join(folder, 'my-kinds.mjs'), `${DOCUMENTED}${MORE}`);
  pool = new WorkerPool(2 + 2);
});
afterAll(async () => {
  await pool.destroy();
  rmSync(folder, { recursive: true, force: true });
});

const own = (name: string, options: object = {}): object => ({
  module: './my-kinds.mjs',
  export: name,
  options,
});

function play(runtime: string, migration: object, workload: object = {}): Promise<RunReport> {
  const scenario = {
    runtime,
    guest: {
      memory: '8MiB',
      vcpus: 1,
      contents: [{ kind: 'random' }],
      workloads: [{ pattern: 'uniform', rate: 20_000, region: { size: '4MiB' }, ...workload }],
    },
    link: { bandwidth: '100MB/s' },
    migration: { startAfter: '20ms', runAfter: '20ms', timeout: '20s', ...migration },
  };
  const { config } = loadScenarioText('own', JSON.stringify(scenario), [], folder);
  return runtime === 'virtual' ? runVirtual(config) : runThreads(config, { pool });
}

describe.each(['threads', 'virtual'])('own kinds in %s', (runtime) => {
  it('a policy decides how many rounds there are', async () => {
    const report = await play(runtime, { policy: own('shrinking', { share: 0.5 }) });
    expect(report.source.outcome, report.source.error).toBe('completed');
    expect(report.proof).toMatchObject({ ok: true });
    // What the first round leaves is less than all, and the second one leaves fewer still or ends it.
    expect(report.source.rounds.length).toBeGreaterThan(1);
  });

  it('a policy gets its options and its facts', async () => {
    const { source, proof } = await play(runtime, { policy: own('stubborn', { rounds: 3 }) });
    expect(source.outcome).toBe('diverged');
    expect(source.error).toMatch(
      /^gave up a guest of 2048 pages over 100000000: .* left to send; in its last whole round/,
    );
    expect(source.rounds).toHaveLength(3);
    expect(proof).toMatchObject({ ok: true });
  });

  it('a policy may be of a hybrid', async () => {
    const migration = { algorithm: 'hybrid', policy: own('shrinking'), postcopyAfter: 1 };
    const { source, proof } = await play(runtime, migration);
    expect(source.outcome, source.error).toBe('completed');
    expect(source.postcopy).toBeDefined();
    expect(proof).toMatchObject({ ok: true });
  });

  it('a page order pushes all pages', async () => {
    const migration = { algorithm: 'postcopy', pageOrder: own('backwards') };
    const { source, proof } = await play(runtime, migration);
    expect(source.outcome, source.error).toBe('completed');
    expect(source.postcopy!.bytes).toBeGreaterThan(2048 * 4096);
    expect(proof).toMatchObject({ ok: true });
  });

  it('a trace is what the guest does', async () => {
    const trace = { file: own('walk', { step: 16 }) };
    const workload = { pattern: 'trace', trace, rate: undefined };
    const report = await play(runtime, { policy: 'rounds' }, workload);
    expect(report.source.outcome, report.source.error).toBe('completed');
    expect(report.proof).toMatchObject({ ok: true });
    // 16 pages each 10 ms.
    expect(report.guest.achievedRate![0]).toBeGreaterThan(200);
  });
});

it('what an own kind throws ends the run in the worker that it is in, with its words', async () => {
  const migration = { algorithm: 'postcopy', pageOrder: own('failing') };
  const { source } = await play('threads', migration);
  expect(source.outcome).toBe('failed');
  expect(source.error).toContain('this order has no next page');
  await expect(play('virtual', migration)).rejects.toThrow('this order has no next page');
});

it('the same own kinds give the same virtual run', async () => {
  const run = (): Promise<RunReport> => play('virtual', { policy: own('shrinking') });
  expect(await run()).toEqual(await run());
});
