import { afterAll, describe, expect, it } from 'vitest';
import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { smallRun } from '../support/run-config.ts';

const PAGES = 2048;
const BLOCK = 16;
const pool = new WorkerPool(6);
afterAll(() => pool.destroy());

const run = {
  threads: (config: RunConfig): Promise<RunReport> => runThreads(config, { pool }),
  virtual: (config: RunConfig): Promise<RunReport> => runVirtual(config),
};

/** Two processes of 300 pages each, which free them every 9 ms; 1320 pages are nobody's. */
function hinting(
  migration: Partial<RunConfig['migration']> = {},
  guest: Partial<RunConfig['guest']> = {},
): RunConfig {
  const process = (vcpu: number) => ({
    pattern: { kind: 'uniform' as const },
    firstGfn: 300 + 800 * vcpu,
    pages: 300,
    rate: 20_000,
    writes: 0.5,
    wordsPerPage: 1,
    vcpu,
    fromNs: 0,
    untilNs: Infinity,
    freesNs: 9e6,
  });
  const memoryManager: ManagerConfig = {
    kernelPages: 128,
    used: [],
    cache: [],
    deflatePages: 32,
    cacheReclaimShare: 0,
    release: 'none',
    hintBlockPages: BLOCK,
  };
  return smallRun({
    verify: 'full',
    link: { bytesPerSecond: 40e6 },
    guest: {
      memslots: 2,
      contents: [{ firstGfn: 0, pages: PAGES, kind: 'random', zeroShare: 0 }],
      workloads: [process(0), process(1)],
      memoryManager,
      ...guest,
    },
    migration: { freePageHints: true, ...migration },
  });
}

describe.each(['threads', 'virtual'] as const)(
  'a guest that hints its free pages, %s',
  (runtime) => {
    it.each([
      ['a log whose harvest clears it', {}],
      ['a log that is cleared by hand', { clearChunkPages: 64 }],
      ['rings', { dirtyLog: 'ring' as const }],
    ])('moves without them, and is proved from its initial contents, with %s', async (_, guest) => {
      const report = await run[runtime](hinting({}, guest));
      const { ram, ...result } = buildResult({ verify: 'full' }, report);
      expect(result, result.error).toMatchObject({ outcome: 'completed', verify: { ok: true } });
      expect(ram.hinted! % BLOCK).toBe(0);
      expect(ram.hintSkipped).toBeGreaterThan(400);
      expect(ram.hintSkipped).toBeLessThanOrEqual(ram.hinted!);
      // What the processes use again is sent after all, and some of it more than once.
      expect(ram.normal + ram.duplicate).toBeGreaterThanOrEqual(PAGES - ram.hintSkipped!);
    });

    it('goes on where it is when the migration is given up, with all of its pages', async () => {
      const report = await run[runtime](hinting({ timeoutNs: 30e6 }));
      expect(report.source).toMatchObject({ outcome: 'diverged' });
      expect(report.source.hints!.hintedPages).toBeGreaterThan(0);
      expect(report.proof).toMatchObject({ ok: true });
    });
  },
);

describe('free-page hints', () => {
  it.each(['hybrid', 'postcopy'] as const)('are not taken by %s', async (algorithm) => {
    const report = await runVirtual(hinting({ algorithm }));
    expect(report.source.hints).toBeUndefined();
    expect(report.proof).toMatchObject({ ok: true });
  });

  it('are not taken by a pre-copy that may be forced into post-copy', async () => {
    const report = await runVirtual(hinting({ force: { afterMs: 1, action: 'postcopy' } }));
    expect(report.source.hints).toBeUndefined();
    expect(report.proof).toMatchObject({ ok: true });
  });

  it('take time at the guest, and at the host beside the sender', async () => {
    const skipped = async (costs: Partial<RunConfig['costs']>): Promise<number> => {
      const config = hinting();
      const report = await runVirtual({ ...config, costs: { ...config.costs, ...costs } });
      expect(report.proof).toMatchObject({ ok: true });
      return report.source.hints!.skippedPages;
    };
    const free = await skipped({ hintBlockNs: 0, hintClearNs: 0 });
    // With two vCPUs that send a block each in 4 ms, half of the first round of 210 ms is over before all are sent.
    expect(await skipped({ hintBlockNs: 4e6, hintClearNs: 0 })).toBeLessThan(free * 0.8);
    expect(await skipped({ hintBlockNs: 0, hintClearNs: 4e6 })).toBeLessThan(free * 0.8);
  });

  it('keep pages of a guest that writes nothing from being sent in any round', async () => {
    const { ram } = buildResult(
      { verify: 'full' },
      await runVirtual(hinting({ rounds: 3 }, { clearChunkPages: 64, workloads: [] })),
    );
    expect(ram.normal).toBe(PAGES - ram.hintSkipped!);
  });
});
