import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryPool } from '../../src/memory/memory-pool.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { recordHistory } from '../../src/runtime/virtual/history.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { smallRun } from '../support/run-config.ts';

const virtual = (changes: Parameters<typeof smallRun>[0] = {}): RunConfig =>
  smallRun({ ...changes, runtime: 'virtual' });

async function resultOf(config: RunConfig): Promise<string> {
  const report = await runVirtual(config);
  return JSON.stringify(buildResult({}, report));
}

/** From now on every byte of a memory is overwritten as it goes back to the pool. */
function spoilReturns(): void {
  const giveBack = memoryPool.giveBack.bind(memoryPool);
  vi.spyOn(memoryPool, 'giveBack').mockImplementation((memory) => {
    new Uint8Array(memory.buffer).fill(0xd7);
    giveBack(memory);
  });
}

beforeEach(() => memoryPool.empty());
afterEach(() => vi.restoreAllMocks());

const GUESTS: readonly (readonly [string, Parameters<typeof smallRun>[0]])[] = [
  ['pre-copy', {}],
  ['post-copy', { migration: { algorithm: 'postcopy' } }],
  ['a bytemap', { guest: { dirtyLog: 'bytemap' } }],
  ['rings', { guest: { dirtyLog: 'ring', dirtyRingSize: 1024 } }],
  ['versions', { guest: { backing: 'versions' } }],
  ['a guest of zeros', { guest: { contents: [] } }],
  ['a proof from the initial contents', { verify: 'full', guest: { memslots: 3 } }],
];

describe('runs in one process', () => {
  it.each(GUESTS)('come to the same on memory that others have used: %s', async (_, changes) => {
    const config = virtual(changes);
    spoilReturns();
    const first = await resultOf(config);
    expect(JSON.parse(first)).toMatchObject({ outcome: 'completed', verify: { ok: true } });
    const { reused } = memoryPool;
    expect(await resultOf(config)).toBe(first);
    expect(memoryPool.reused).toBeGreaterThanOrEqual(reused + 4);
  });

  it('do not, when memory is taken for fresh that is not: the check sees that', async () => {
    const config = virtual({ guest: { contents: [] } });
    const first = await resultOf(config);
    spoilReturns();
    await resultOf(config);
    const take = memoryPool.take.bind(memoryPool);
    vi.spyOn(memoryPool, 'take').mockImplementation((bytes) => ({ ...take(bytes), isFresh: true }));
    const careless = await resultOf(config).catch((error: unknown) => String(error));
    expect(careless).not.toBe(first);
  });

  it('share their memory: many make no more of it than one', async () => {
    await runVirtual(virtual());
    const { created, freeBytes } = memoryPool;
    for (let seed = 1; seed <= 20; seed++) await runVirtual({ ...virtual(), seed });
    expect(memoryPool.created).toBe(created);
    expect(memoryPool.freeBytes).toBe(freeBytes);
  });

  it('and histories give theirs back, too', async () => {
    const options = { stepNs: 1e6, steps: 3 };
    const first = await recordHistory(virtual(), options);
    const { created } = memoryPool;
    expect(await recordHistory(virtual(), options)).toEqual(first);
    expect(memoryPool.created).toBe(created);
  });

  it('in real time give back what no thread has any more', async () => {
    const pool = new WorkerPool(6);
    try {
      spoilReturns();
      const config = smallRun();
      const looks: (() => { accesses: number })[] = [];
      const onStart = (look: () => { accesses: number }): void => void looks.push(look);
      expect((await runThreads(config, { pool, onStart })).proof).toMatchObject({ ok: true });
      const { created, reused } = memoryPool;
      const { accesses } = looks[0]!();
      expect(accesses).toBeGreaterThan(0);
      expect((await runThreads(config, { pool })).proof).toMatchObject({ ok: true });
      expect(memoryPool.created).toBe(created);
      expect(memoryPool.reused).toBe(reused + 4);
      // A look at a run that is over does not see the next one.
      expect(looks[0]!().accesses).toBe(accesses);
    } finally {
      await pool.destroy();
    }
  });

  it('keep their memory from others when a thread of theirs has died', async () => {
    const pool = new WorkerPool(6);
    try {
      const report = await runThreads(smallRun({ migration: { startAfterNs: 200e6 } }), {
        pool,
        onPhase: (phase, threads) => void (phase === 'before' && threads.killThread(0)),
      });
      expect(report.source.outcome).toBe('failed');
      expect(memoryPool.freeBytes).toBe(0);
    } finally {
      await pool.destroy();
    }
  });
});
