import { afterAll, describe, expect, it } from 'vitest';
import { buildResult } from '../../src/result/build.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { type RunPhase, RunSetupError, runThreads } from '../../src/runtime/threads/run.ts';
import { isSending, runUntil } from '../support/live-events.ts';
import { smallRun } from '../support/run-config.ts';

describe('a run over worker threads', () => {
  const pool = new WorkerPool(6);
  afterAll(() => pool.destroy());

  it('completes, is proved, and its figures add up', async () => {
    const report = await runThreads(smallRun(), { pool });
    const result = buildResult({ verify: 'replay' }, report);
    expect(result).toMatchObject({
      outcome: 'completed',
      verify: { ok: true, kind: 'replay', replayedBy: 'twin' },
    });
    expect(result.rounds.filter((round) => !round.stopped)).toHaveLength(3);
    expect(result.rounds.at(-1)).toMatchObject({ stopped: true });
    const parts = Object.values(result.downtimeParts!).reduce((sum, ms) => sum + ms, 0);
    expect(parts).toBeCloseTo(result.downtimeMs!, 6);
    expect(result.guest.accessesBefore).toBeGreaterThan(0);
    expect(result.guest.accessesAfter).toBeGreaterThan(0);
    expect(result.ram.remaining).toBe(0);
    expect(report.destination).toMatchObject({ outcome: 'completed' });
  });

  it.each([
    [
      'stop-and-copy without a dirty log',
      smallRun({ guest: { dirtyLog: 'none' }, migration: { algorithm: 'stop-and-copy' } }),
    ],
    [
      'pages of 2 MiB',
      smallRun({
        guest: {
          memoryBytes: 32 * 2 ** 20,
          pageSize: 2 ** 21,
          contents: [{ firstGfn: 0, pages: 16, kind: 'random', zeroShare: 0 }],
          workloads: [],
        },
      }),
    ],
    ['what has changed of pages', smallRun({ migration: { encodings: ['zero', 'xbzrle'] } })],
    [
      'references, differences and compressed pages',
      smallRun({ migration: { encodings: ['zero', 'reference', 'xbzrle', 'lz4'] } }),
    ],
    ['no workload at all', smallRun({ guest: { workloads: [] } })],
    ['no limit and no latency', smallRun({ link: { bytesPerSecond: Infinity, latencyNs: 0 } })],
    ['a replay from the initial contents', smallRun({ verify: 'full' })],
  ])('is proved with %s', async (_, config) => {
    const { source, proof } = await runThreads(config, { pool });
    expect(source.outcome).toBe('completed');
    expect(proof).toMatchObject({ ok: true, kind: config.verify === 'full' ? 'full' : 'replay' });
  });

  it('says where a byte differs', async () => {
    const report = await runThreads(smallRun(), {
      pool,
      beforeProof: (_source, destination) => {
        destination[0]![555 * 4096 + 77]! ^= 0x20;
      },
    });
    expect(report.proof).toMatchObject({
      ok: false,
      differingPages: 1,
      firstDifference: { gfn: 555, offset: 77 },
    });
    const { expected, found } = report.proof!.firstDifference!;
    expect(expected ^ found).toBe(0x20);
    expect(buildResult({ verify: 'replay' }, report).verify).toMatchObject({ ok: false });
  });

  it('finds a byte that differs at the source, too, when the guest stayed there', async () => {
    const report = await runThreads(smallRun({ migration: { timeoutNs: 5e6 } }), {
      pool,
      beforeProof: (source) => {
        source[0]![2000 * 4096 + 4095]! ^= 1;
      },
    });
    expect(report.source.outcome).toBe('diverged');
    expect(report.proof).toMatchObject({
      ok: false,
      kind: 'full',
      firstDifference: { gfn: 2000, offset: 4095 },
    });
  });

  it('can be cancelled; the guest runs on at the source and is proved', async () => {
    const controller = new AbortController();
    const config = smallRun({ link: { bytesPerSecond: 1e6 } });
    const { source, proof } = await runUntil(
      config,
      { pool, signal: controller.signal },
      isSending,
      () => controller.abort(),
    );
    expect(source).toMatchObject({ outcome: 'cancelled', guestLost: false });
    expect(source.unsentPages).toBeGreaterThan(0);
    expect(proof).toMatchObject({ ok: true, kind: 'full' });
  });

  it('can be cancelled while one page keeps a slow link busy, without waiting it out', async () => {
    const controller = new AbortController();
    const guest = {
      memoryBytes: 8 * 2 ** 20,
      pageSize: 2 ** 21,
      workloads: [],
      contents: [{ firstGfn: 0, pages: 4, kind: 'random' as const, zeroShare: 0 }],
    };
    const { source, destination } = await runUntil(
      smallRun({ guest, link: { bytesPerSecond: 1e6 } }),
      { pool, signal: controller.signal },
      isSending,
      () => controller.abort(),
    );
    expect(source).toMatchObject({ outcome: 'cancelled', guestLost: false });
    expect(destination).toMatchObject({ outcome: 'cancelled' });
  });

  it('refuses a pool that is too small before anything starts', async () => {
    const small = new WorkerPool(3);
    await expect(runThreads(smallRun(), { pool: small })).rejects.toThrow(
      'needs 6 threads, the pool has 3',
    );
    await small.destroy();
  });
});

describe('a thread that dies', () => {
  // Dead threads are replaced, so that one pool serves all tests; six new threads for each would take a second of CPU.
  const pool = new WorkerPool(6);
  afterAll(() => pool.destroy());

  /** Returns a function that kills the pool's second thread when a phase begins. */
  const killAt =
    (phase: RunPhase) =>
    (now: RunPhase): void => {
      if (now === phase) void pool.killThread(1);
    };

  it('while the run is set up: the run is refused', async () => {
    const run = runThreads(smallRun(), { pool, onPhase: killAt('prepare') });
    await expect(run).rejects.toThrow(RunSetupError);
  });

  it('at the beginning of phase before: the run ends with its error', async () => {
    const { source } = await runThreads(smallRun(), { pool, onPhase: killAt('before') });
    expect(source.outcome).toBe('failed');
    expect(source.error).toMatch(/died: /);
  });

  it.each(['after', 'verify'] as const)(
    'at the beginning of phase %s: the run ends with its error, or whole',
    async (phase) => {
      const { source, proof } = await runThreads(smallRun(), { pool, onPhase: killAt(phase) });
      // An idle thread that dies is replaced, and nobody is the worse for it.
      if (source.outcome === 'completed') expect(proof).toMatchObject({ ok: true });
      else expect(source.error).toMatch(/ died: | cut short/);
    },
  );

  // One round takes more than half a minute, and the run is not given up before the thread has died.
  const slow = smallRun({ link: { bytesPerSecond: 200e3 }, migration: { timeoutNs: Infinity } });

  // The tasks start in this order, one a thread: source vCPUs, destination vCPUs, the two engines.
  it.each([0, 1, 2, 3, 4, 5])(
    'thread %i: the run ends with its error, and never hangs',
    async (index) => {
      const { source, proof } = await runUntil(
        slow,
        { pool },
        isSending,
        () => void pool.killThread(index),
      );
      expect(source.outcome).toBe('failed');
      expect(source.error).toMatch(/died: /);
      // A dead destination leaves the guest running at the source, and that is proved.
      if (/the link is dead/.test(source.error!)) {
        expect(proof).toMatchObject({ ok: true, kind: 'full' });
      } else {
        expect(proof).toBeUndefined();
      }
    },
  );
});
