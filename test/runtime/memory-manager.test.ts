import { afterAll, describe, expect, it, vi } from 'vitest';
import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import { MemoryManager } from '../../src/guest/memory-manager.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import { smallRun } from '../support/run-config.ts';

const PAGES = 2048;
const pool = new WorkerPool(6);
afterAll(() => pool.destroy());

const run = {
  threads: (config: RunConfig): Promise<RunReport> => runThreads(config, { pool }),
  virtual: (config: RunConfig): Promise<RunReport> => runVirtual(config),
};

const memoryManager: ManagerConfig = {
  kernelPages: 128,
  used: [{ firstGfn: 128, pages: 100 }],
  cache: [{ firstGfn: 228, pages: 72 }],
  deflatePages: 32,
  cacheReclaimShare: 0.5,
  release: 'none',
  ballooning: { intervalNs: 7e6, share: 0.95, holdOff: 1 },
};

/** Two processes of 300 pages each; 1148 pages are free. */
function managed(
  migration: Partial<RunConfig['migration']>,
  manager: Partial<ManagerConfig> = {},
): RunConfig {
  const process = (vcpu: number) => ({
    pattern: { kind: 'uniform' as const },
    firstGfn: 300 + 800 * vcpu,
    pages: 300,
    rate: 20_000,
    writes: 0.8,
    wordsPerPage: 1,
    vcpu,
    fromNs: 0,
    untilNs: Infinity,
    freesNs: 9e6,
  });
  return smallRun({
    verify: 'full',
    guest: {
      memslots: 2,
      contents: [{ firstGfn: 0, pages: PAGES, kind: 'random', zeroShare: 0 }],
      workloads: [process(0), process(1)],
      memoryManager: { ...memoryManager, ...manager },
    },
    migration,
  });
}

describe.each(['threads', 'virtual'] as const)('a guest that gives pages back, %s', (runtime) => {
  it.each(['precopy', 'postcopy', 'hybrid', 'stop-and-copy'] as const)(
    'moves by %s without them, and is proved from its initial contents',
    async (algorithm) => {
      const report = await run[runtime](managed({ algorithm }));
      const { ram, guest, ...result } = buildResult({ verify: 'full' }, report);
      expect(result, result.error).toMatchObject({ outcome: 'completed', verify: { ok: true } });
      expect(ram.released).toBeGreaterThan(300);
      expect(guest.memoryManager!.inflatedPages).toBeGreaterThan(300);
      if (algorithm !== 'precopy' && algorithm !== 'hybrid') {
        expect(ram.normal + ram.duplicate + ram.released!).toBe(PAGES);
      }
    },
  );

  it('gives back what is free before the migration, and page cache too', async () => {
    const counts = async (release: ManagerConfig['release']): Promise<number> => {
      const { ballooning: _, ...still } = memoryManager;
      const config = managed({ algorithm: 'stop-and-copy' });
      const guest = { ...config.guest, memoryManager: { ...still, release } };
      const report = await run[runtime]({ ...config, guest });
      expect(report.proof).toMatchObject({ ok: true });
      return report.source.releasedPages;
    };
    expect(await counts('none')).toBe(0);
    const free = await counts('free');
    expect(free).toBeGreaterThan(1148);
    // The processes take some of it back meanwhile.
    expect(await counts('cache')).toBeGreaterThan(free - 300);
  });

  it('pages itself: what it can’t page moves in the downtime, and faults on the rest are told apart', async () => {
    const report = await run[runtime](managed({ algorithm: 'postcopy', pseudoPaging: true }));
    const { ram, faults, guest, ...result } = buildResult({ verify: 'full' }, report);
    expect(result, result.error).toMatchObject({ outcome: 'completed', verify: { ok: true } });
    const [stopped] = result.rounds;
    expect(stopped!.pages).toBeGreaterThanOrEqual(128);
    expect(ram.downtimeBytes).toBeGreaterThan(128 * 4096);
    // What is in use for good, and what is left of the page cache, is always paged.
    const { tally } = report.source.postcopy!;
    expect(pagesOf(tally, 'raw')).toBeGreaterThanOrEqual(
      172 - guest.memoryManager!.cacheDroppedPages,
    );
    expect(stopped!.pages + pagesOf(tally)).toBe(PAGES - ram.released!);
    expect(faults!.majorCount + (faults!.minorCount ?? 0)).toBeGreaterThan(0);
  });
});

describe('pages of 2 MiB, which are zeroed in parts', () => {
  it('are moved and proved while they are given back, in threads', async () => {
    const pageSize = 2 * 1024 * 1024;
    const config = managed({ algorithm: 'precopy' });
    const workload = {
      ...config.guest.workloads[0]!,
      firstGfn: 4,
      pages: 4,
      freesNs: 5e6,
      vcpu: 0,
    };
    const guest: RunConfig['guest'] = {
      ...config.guest,
      pageSize,
      memoryBytes: 16 * pageSize,
      memslots: 1,
      contents: [{ firstGfn: 0, pages: 16, kind: 'random', zeroShare: 0 }],
      workloads: [workload],
      memoryManager: { ...memoryManager, kernelPages: 1, used: [], cache: [] },
    };
    const report = await runThreads({ ...config, guest }, { pool });
    expect(report.proof).toMatchObject({ ok: true });
    expect(report.source.releasedPages).toBeGreaterThan(0);
  });
});

describe('the proof', () => {
  it('finds a page that was not zeroed when it was given back', async () => {
    const planted = vi.spyOn(MemoryManager.prototype, 'log', 'get').mockReturnValue([]);
    const report = await runVirtual(managed({ algorithm: 'precopy' }));
    planted.mockRestore();
    expect(report.source.releasedPages).toBeGreaterThan(300);
    expect(report.proof).toMatchObject({ ok: false });
    expect(report.proof!.differingPages).toBeGreaterThan(300);
  });
});
