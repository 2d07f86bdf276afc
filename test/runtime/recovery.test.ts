import { afterAll, describe, expect, it } from 'vitest';
import { buildResult } from '../../src/result/build.ts';
import type { Outage, RunConfig } from '../../src/runtime/config.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { type RunOptions, runThreads } from '../../src/runtime/threads/run.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { isIn, isPushing, type Loss, losing } from '../support/losses.ts';
import { smallRun } from '../support/run-config.ts';

const pool = new WorkerPool(6);
afterAll(() => pool.destroy());

const outage = (afterMs: number, forMs: number): Outage => ({
  afterNs: afterMs * 1e6,
  forNs: forMs * 1e6,
});

const PAGES = 2048;

/** A guest of 8 MiB over 40 MB/s: its pages take some 170 ms. */
function lossy(
  migration: Partial<RunConfig['migration']> = {},
  memslots = 1,
  outages: readonly Outage[] = [],
): RunConfig {
  return smallRun({
    guest: { memslots },
    link: { bytesPerSecond: 40e6, outages },
    migration: { algorithm: 'postcopy', recoverWithinNs: 60e9, ...migration },
  });
}

/** What befalls the connection: at instants of virtual time, on events in real time. */
interface Losses {
  readonly outages: readonly Outage[];
  readonly losses: readonly Loss[];
}

type Runtime = 'threads' | 'virtual';

function run(on: Runtime, config: RunConfig, { outages, losses }: Losses): Promise<RunReport> {
  const { link } = config;
  if (on === 'virtual') return runVirtual({ ...config, link: { ...link, outages }, runtime: on });
  // So slow that it is not over before a busy machine gets to look at it.
  const slow = { ...config, link: { ...link, bytesPerSecond: 10e6 } };
  return runThreads(slow, { pool, ...losing(...losses) });
}

const virtually = (config: RunConfig): Promise<RunReport> =>
  runVirtual({ ...config, runtime: 'virtual' });

const pausesOf = ({ source }: RunReport) => source.postcopy?.pauses ?? [];
const never = (): boolean => false;

describe.each(['threads', 'virtual'] as const)('%s: a post-copy whose connection is lost', (on) => {
  it.each([
    ['postcopy', 'follow', 1],
    ['postcopy', 'linear', 3],
    ['postcopy', 'bubbling', 1],
    ['postcopy', 'twice', 2],
    ['hybrid', 'follow', 2],
  ] as const)('%s, page order %s, %i memslot(s): is proved', async (algorithm, order, memslots) => {
    const afterMs = algorithm === 'hybrid' ? [190, 200] : [30, 80];
    const left = algorithm === 'hybrid' ? [Infinity, 300] : [1900, 1000];
    const migration = { algorithm, pageOrder: order, runAfterNs: 40e6 };
    const report = await run(on, lossy(migration, memslots), {
      outages: afterMs.map((ms) => outage(ms, 6)),
      losses: left.map((most) => ({ when: isPushing(most) })),
    });
    const result = buildResult({ verify: 'replay' }, report);
    expect(result, result.error).toMatchObject({ outcome: 'completed', verify: { ok: true } });
    const pauses = result.postcopyPauses ?? [];
    expect(pauses).toHaveLength(2);
    for (const { durationMs, recoverMs } of pauses) {
      if (on === 'virtual') expect(durationMs).toBeGreaterThanOrEqual(5.9);
      expect(recoverMs).toBeLessThan(durationMs);
      // RESUME there and RECEIVED back.
      expect(recoverMs).toBeGreaterThanOrEqual(0.1);
    }
    const sent = result.ram.normal + result.ram.duplicate;
    const resent = pauses.reduce((sum, { resentPages = 0 }) => sum + resentPages, 0);
    if (order === 'twice' || algorithm === 'hybrid') return;
    expect(sent).toBe(PAGES + resent);
    expect(result.ram.dropped).toBe(0);
  });

  it('is paused as often as it takes', async () => {
    const COUNT = 8;
    const report = await run(on, lossy(), {
      outages: Array.from({ length: COUNT }, (_, i) => outage(4 + 14 * i, 1.5)),
      losses: Array.from({ length: COUNT }, (_, i) => ({ when: isPushing(2000 - 200 * i) })),
    });
    expect(report.source, report.source.error).toMatchObject({ outcome: 'completed' });
    expect(report.proof).toMatchObject({ ok: true, differingPages: 0 });
    expect(pausesOf(report)).toHaveLength(COUNT);
  });

  it('is lost when no connection comes in time', async () => {
    const report = await run(on, lossy({ recoverWithinNs: 0.3e9 }), {
      outages: [outage(40, Infinity)],
      losses: [{ when: isPushing(), until: never }],
    });
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
    const config = lossy();
    const { recoverWithinNs: _, ...migration } = config.migration;
    const { source } = await run(
      on,
      { ...config, migration },
      { outages: [outage(40, 5)], losses: [{ when: isPushing(), until: never }] },
    );
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(source.error).toBe('the link is dead: the connection was lost');
  });

  it('before RUN leaves the guest at the source, proved', async () => {
    const { source, proof } = await run(on, lossy({ algorithm: 'precopy' }), {
      outages: [outage(40, 5)],
      losses: [{ when: isIn('live'), until: never }],
    });
    expect(source).toMatchObject({ outcome: 'failed', guestLost: false });
    expect(source.error).toBe('the link is dead: the connection was lost');
    expect(proof).toMatchObject({ ok: true, kind: 'full' });
  });
});

describe('virtual: a post-copy whose connection is lost', () => {
  it('with RUN on its way leaves the guest at the source, which the destination tells of that', async () => {
    const slow = (outages: readonly Outage[]): RunConfig => {
      const config = lossy({}, 1, outages);
      return { ...config, link: { ...config.link, latencyNs: 5e6 } };
    };
    const { source: undisturbed } = await virtually(slow([]));
    const handedMs = (undisturbed.stop.handedNs! - undisturbed.startNs) / 1e6;
    const { source, proof } = await virtually(slow([outage(handedMs + 1, 20)]));
    expect(source).toMatchObject({ outcome: 'failed', guestLost: false });
    expect(source.error).toBe('the destination failed: the link is dead: the connection was lost');
    expect(source.postcopy!.pauses).toMatchObject([{ connectedNs: expect.any(Number) as number }]);
    expect(proof).toMatchObject({ ok: true, kind: 'full' });
  });

  it('gives the same result each time', async () => {
    const config = lossy({}, 1, [outage(30, 6), outage(80, 6)]);
    expect(await virtually(config)).toEqual(await virtually(config));
  });

  it('lets vCPUs that have their pages run on, and stops those that fault', async () => {
    const accesses = async (forMs: number): Promise<number> => {
      const { guest } = await virtually(lossy({}, 1, [outage(100, forMs)]));
      return guest.timeline.at(-1)!.accesses;
    };
    const { guest } = await virtually(lossy({}, 1, [outage(100, 1000)]));
    // More than without the outage, since they ran meanwhile; then each waited for a page.
    const [short, long] = [await accesses(1), await accesses(1000)];
    expect(long).toBeGreaterThan(short);
    expect(guest.faults!.latency.maxNs).toBeGreaterThan(0.5e9);
  });

  it('pauses for as long as the outage lasts, to the latency', async () => {
    const report = await virtually(lossy({}, 1, [outage(50, 25)]));
    const [pause] = pausesOf(report);
    expect(pause!.startNs - report.source.startNs).toBeGreaterThanOrEqual(50e6);
    expect(pause!.startNs - report.source.startNs).toBeLessThan(50.5e6);
    expect(pause!.connectedNs! - report.source.startNs).toBe(75e6);
    expect(pause!.endNs - pause!.connectedNs!).toBeGreaterThan(100e3);
    expect(pause!.endNs - pause!.connectedNs!).toBeLessThan(1e6);
  });
});

describe('threads: while a post-copy is paused', () => {
  it('cancel is refused', async () => {
    const controller = new AbortController();
    const until: Loss['until'] = (view) => {
      if (!isIn('postcopy-paused')(view)) return false;
      controller.abort();
      return true;
    };
    const report = await runThreads(lossy(), {
      pool,
      signal: controller.signal,
      ...losing({ when: isPushing(), until }),
    });
    expect(controller.signal.aborted).toBe(true);
    expect(report.source).toMatchObject({ outcome: 'completed', guestLost: false });
    expect(report.proof).toMatchObject({ ok: true });
  });

  it('the death of the destination is the end', async () => {
    const own = new WorkerPool(6);
    let hasKilled = false;
    const until: Loss['until'] = (view) => {
      if (hasKilled || !isIn('postcopy-paused')(view)) return false;
      hasKilled = true;
      // Tasks start in this order: vCPUs of the source, of the destination, the two engines.
      void own.killThread(5);
      return false;
    };
    const options: RunOptions = { pool: own, ...losing({ when: isPushing(), until }) };
    const report = await runThreads(lossy(), options);
    expect(report.source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(report.source.error).toMatch(
      /its other end is gone \(the destination engine died: |died: /,
    );
    await own.destroy();
  });
});
