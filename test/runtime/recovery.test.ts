import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { buildResult } from '../../src/result/build.ts';
import type { Outage, RunConfig } from '../../src/runtime/config.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { type LiveView, type RunOptions, runThreads } from '../../src/runtime/threads/run.ts';
import { LIVE_PHASES } from '../../src/runtime/threads/run-words.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { smallRun } from '../support/run-config.ts';

const pool = new WorkerPool(6);
afterAll(() => pool.destroy());

const outage = (afterMs: number, forMs: number): Outage => ({
  afterNs: afterMs * 1e6,
  forNs: forMs * 1e6,
});

/** A guest of 8 MiB over 40 MB/s: its pages take some 170 ms. */
function lossy(
  outages: readonly Outage[],
  migration: Partial<RunConfig['migration']> = {},
  memslots = 1,
): RunConfig {
  return smallRun({
    guest: { memslots },
    link: { bytesPerSecond: 40e6, outages },
    migration: { algorithm: 'postcopy', recoverWithinNs: 10e9, ...migration },
  });
}

type Runtime = 'threads' | 'virtual';

function run(runtime: Runtime, config: RunConfig, options: RunOptions = {}): Promise<RunReport> {
  if (runtime === 'virtual') return runVirtual({ ...config, runtime });
  return runThreads(config, { pool, ...options });
}

const pausesOf = ({ source }: RunReport) => source.postcopy?.pauses ?? [];

describe.each(['threads', 'virtual'] as const)('%s: a post-copy whose connection is lost', (on) => {
  it.each([
    ['postcopy', 'follow', 1],
    ['postcopy', 'linear', 3],
    ['postcopy', 'bubbling', 1],
    ['postcopy', 'twice', 2],
    ['hybrid', 'follow', 2],
  ] as const)('%s, page order %s, %i memslot(s): is proved', async (algorithm, order, memslots) => {
    const afterMs = algorithm === 'hybrid' ? [190, 200] : [30, 80];
    const outages = [outage(afterMs[0]!, 6), outage(afterMs[1]!, 6)];
    const migration = { algorithm, pageOrder: order, runAfterNs: 40e6 };
    const report = await run(on, lossy(outages, migration, memslots));
    const result = buildResult({ verify: 'replay' }, report);
    expect(result, result.error).toMatchObject({ outcome: 'completed', verify: { ok: true } });
    const pauses = result.postcopyPauses ?? [];
    // On a busy machine a hybrid's pages may all have come before the second outage.
    if (on === 'virtual' || algorithm === 'postcopy') expect(pauses).toHaveLength(2);
    for (const { durationMs, recoverMs } of pauses) {
      if (on === 'virtual') expect(durationMs).toBeGreaterThanOrEqual(5.9);
      expect(recoverMs).toBeLessThan(durationMs);
      // RESUME there and RECEIVED back.
      expect(recoverMs).toBeGreaterThanOrEqual(0.1);
    }
    const sent = result.ram.normal + result.ram.duplicate;
    const resent = pauses.reduce((sum, { resentPages = 0 }) => sum + resentPages, 0);
    if (order === 'twice' || algorithm === 'hybrid') return;
    expect(sent).toBe(2048 + resent);
    expect(result.ram.dropped).toBe(0);
  });

  it('is paused as often as it takes', async () => {
    const outages = Array.from({ length: 20 }, (_, i) => outage(4 + 14 * i, 1.5));
    const report = await run(on, lossy(outages));
    expect(report.source, report.source.error).toMatchObject({ outcome: 'completed' });
    expect(report.proof).toMatchObject({ ok: true, differingPages: 0 });
    expect(pausesOf(report).length).toBeGreaterThan(6);
  });

  it('is lost when no connection comes in time', async () => {
    const report = await run(on, lossy([outage(40, Infinity)], { recoverWithinNs: 0.3e9 }));
    const { source } = report;
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(source.error).toMatch(
      /^the link died and no new connection came within 0\.3 s: \d+ of 2048 pages had yet to be sent/,
    );
    expect(source.unsentPages).toBeGreaterThan(0);
    expect(report.proof).toBeUndefined();
    const { postcopyPauses, ...result } = buildResult({ verify: 'replay' }, report);
    expect(result).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(postcopyPauses![0]!.durationMs).toBeGreaterThanOrEqual(300);
    expect(postcopyPauses![0]).not.toHaveProperty('recoverMs');
  });

  it('is lost at once when it is not to be recovered', async () => {
    const { recoverWithinNs: _, ...migration } = lossy([]).migration;
    const config = { ...lossy([outage(40, 5)]), migration };
    const { source } = await run(on, config);
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(source.error).toBe('the link is dead: the connection was lost');
  });

  it('before RUN leaves the guest at the source, proved', async () => {
    const config = lossy([outage(40, 5)], { algorithm: 'precopy' });
    const { source, proof } = await run(on, config);
    expect(source).toMatchObject({ outcome: 'failed', guestLost: false });
    expect(source.error).toBe('the link is dead: the connection was lost');
    expect(proof).toMatchObject({ ok: true, kind: 'full' });
  });
});

describe('virtual: a post-copy whose connection is lost', () => {
  it('gives the same result each time', async () => {
    const config = lossy([outage(30, 6), outage(80, 6)]);
    expect(await run('virtual', config)).toEqual(await run('virtual', config));
  });

  it('lets vCPUs that have their pages run on, and stops those that fault', async () => {
    const accesses = async (forMs: number): Promise<number> => {
      const { guest } = await run('virtual', lossy([outage(100, forMs)]));
      return guest.timeline.at(-1)!.accesses;
    };
    const { guest } = await run('virtual', lossy([outage(100, 1000)]));
    // More than without the outage, since they ran meanwhile; then each waited for a page.
    const [short, long] = [await accesses(1), await accesses(1000)];
    expect(long).toBeGreaterThan(short);
    expect(guest.faults!.latency.maxNs).toBeGreaterThan(0.5e9);
  });

  it('pauses for as long as the outage lasts, to the latency', async () => {
    const report = await run('virtual', lossy([outage(50, 25)]));
    const [pause] = pausesOf(report);
    expect(pause!.startNs - report.source.startNs).toBeGreaterThanOrEqual(50e6);
    expect(pause!.startNs - report.source.startNs).toBeLessThan(50.5e6);
    expect(pause!.connectedNs! - report.source.startNs).toBe(75e6);
    expect(pause!.endNs - pause!.connectedNs!).toBeGreaterThan(100e3);
    expect(pause!.endNs - pause!.connectedNs!).toBeLessThan(1e6);
  });
});

describe('threads: while a post-copy is paused', () => {
  /** Acts once the live figures say that it is. */
  function whenPaused(act: () => void): RunOptions {
    let isOver = false;
    return {
      onStart: (look: () => LiveView) => {
        const watch = async (): Promise<void> => {
          const isRunning = (): boolean => !isOver;
          while (isRunning() && LIVE_PHASES[look().figures.phase] !== 'postcopy-paused')
            await sleep(2);
          if (!isOver) act();
        };
        void watch();
      },
      onPhase: (phase) => (isOver ||= phase === 'after' || phase === 'verify'),
    };
  }

  it('cancel is refused', async () => {
    const controller = new AbortController();
    let hasActed = false;
    const report = await run('threads', lossy([outage(40, 100)]), {
      signal: controller.signal,
      ...whenPaused(() => {
        hasActed = true;
        controller.abort();
      }),
    });
    expect(hasActed).toBe(true);
    expect(report.source).toMatchObject({ outcome: 'completed', guestLost: false });
    expect(report.proof).toMatchObject({ ok: true });
  });

  it('the death of the destination is the end', async () => {
    const own = new WorkerPool(6);
    const report = await runThreads(lossy([outage(40, 5000)]), {
      pool: own,
      // Tasks start in this order: vCPUs of the source, of the destination, the two engines.
      ...whenPaused(() => void own.killThread(5)),
    });
    expect(report.source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(report.source.error).toMatch(
      /its other end is gone \(the destination engine died: |died: /,
    );
    await own.destroy();
  });
});
