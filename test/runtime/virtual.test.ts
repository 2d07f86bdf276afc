import { pagesOf as tallied } from '../../src/wire/tally.ts';
import { describe, expect, it } from 'vitest';
import { draw } from '../../src/lab/fuzz/draw.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { distinctPages, popcount } from '../../src/migration/history.ts';
import { recordHistory } from '../../src/runtime/virtual/history.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { bytesOf } from '../../src/wire/tally.ts';
import { smallRun } from '../support/run-config.ts';

const virtual = (changes: Parameters<typeof smallRun>[0] = {}): RunConfig =>
  smallRun({ ...changes, runtime: 'virtual' });

const resultOf = (report: RunReport): string =>
  JSON.stringify(buildResult({ verify: 'replay' }, report));

describe('the virtual runtime', () => {
  it.each(['precopy', 'postcopy', 'hybrid', 'stop-and-copy'] as const)(
    '%s is proved, and gives the same result each time',
    async (algorithm) => {
      const config = virtual({ migration: { algorithm } });
      const first = await runVirtual(config);
      expect(first.source.outcome, first.source.error).toBe('completed');
      expect(first.proof).toMatchObject({ ok: true, differingPages: 0, problems: [] });
      expect(first.proof!.readsChecked).toBeGreaterThan(0);
      expect(resultOf(await runVirtual(config))).toBe(resultOf(first));
      const other = await runVirtual({ ...config, seed: 8 });
      expect(resultOf(other)).not.toBe(resultOf(first));
    },
  );

  it('says nothing of this machine', async () => {
    const result = JSON.parse(resultOf(await runVirtual(virtual()))) as Record<string, unknown>;
    expect(result).toMatchObject({ runtime: 'virtual', clock: 'virtual' });
    for (const key of ['host', 'disturbance', 'prepareMs']) expect(result).not.toHaveProperty(key);
    expect(result['verify']).not.toHaveProperty('durationMs');
  });

  it('finds a byte that differs', async () => {
    const report = await runVirtual(virtual(), {
      beforeProof: (_, destination) => void (destination[0]![4096 * 5 + 3]! ^= 1),
    });
    expect(report.proof).toMatchObject({ ok: false, firstDifference: { gfn: 5, offset: 3 } });
  });

  it('makes exactly the accesses that are due', async () => {
    const config = virtual({ migration: { startAfterNs: 500e6, runAfterNs: 0 } });
    const { guest } = await runVirtual({ ...config, costs: COST_PROFILES.none });
    const rates = config.guest.workloads.map(({ rate }) => rate);
    guest.achievedRate!.forEach((rate, i) => {
      expect(Math.abs(rate - rates[i]!) / rates[i]!).toBeLessThan(0.001);
    });
  });

  it('takes time for what its costs say', async () => {
    const downtime = async (costs: Partial<RunConfig['costs']>): Promise<number> => {
      const config = virtual({ costs: { ...COST_PROFILES.none, ...costs } });
      const { source } = await runVirtual({ ...config, guest: { ...config.guest, workloads: [] } });
      return source.running!.runningNs - source.stop.pauseAskedNs!;
    };
    const ideal = await downtime({});
    // The state is saved, while the link drains what was sent ahead of it, and loaded.
    const withState = (await downtime({ stateNs: 5e6 })) - ideal;
    expect(withState).toBeGreaterThan(9e6 - 5e3);
    expect(withState).toBeLessThanOrEqual(10e6);
    const withKick = (await downtime({ kickNs: 3e6 })) - ideal;
    expect(withKick).toBeGreaterThan(1e6);
    expect(withKick).toBeLessThanOrEqual(3e6);
    expect((await downtime({ startNs: 2e6 })) - ideal).toBeCloseTo(2e6, 0);
  });

  it('a sender that shares the CPU of the vCPUs halves it with them, and has it when they stop', async () => {
    const senderCpuNsPerByte = 20;
    const config = virtual({
      costs: { ...COST_PROFILES.none, senderCpuNsPerByte },
      link: { bytesPerSecond: 10e9 },
      migration: { encodings: [], rounds: 1, runAfterNs: 0 },
    });
    const report = await runVirtual(config);
    expect(report.proof).toMatchObject({ ok: true, differingPages: 0 });
    const result = buildResult({ verify: 'replay' }, report);
    const [live, stopped] = result.rounds;
    expect(live!.durationMs / ((live!.bytes * 2 * senderCpuNsPerByte) / 1e6)).toBeCloseTo(1, 1);
    expect(stopped!.bytes).toBeGreaterThan(100e3);
    const stoppedMs = (stopped!.bytes * senderCpuNsPerByte) / 1e6;
    expect(stopped!.durationMs / stoppedMs).toBeCloseTo(1, 1);
    const due = (config.guest.workloads[0]!.rate * live!.durationMs) / 1000;
    expect(result.guest.accessesDuring / due).toBeCloseTo(0.5, 1);
  });

  it('a fault stops the vCPU at the very access: what it costs is two latencies and a page', async () => {
    const base = virtual({
      costs: COST_PROFILES.none,
      migration: { algorithm: 'postcopy', postcopyBytesPerSecond: 1e6, policy: 'rounds' },
    });
    const workload = { ...base.guest.workloads[0]!, pattern: { kind: 'uniform' } as const };
    const guest = { ...base.guest, vcpus: 1, workloads: [{ ...workload, rate: 100 }] };
    const { guest: after } = await runVirtual({ ...base, guest });
    const { latency, count } = after.faults!;
    expect(count).toBeGreaterThan(20);
    const leastNs = 2 * base.link.latencyNs + (4096 / base.link.bytesPerSecond) * 1e9;
    expect(latency.p50Ns).toBeGreaterThan(leastNs);
    // A request of some 100 bytes goes back; a pushed page may be on its way just then.
    expect(latency.p50Ns).toBeLessThan(leastNs * 1.05 + 2000);
    expect(latency.maxNs).toBeLessThan(leastNs + 250e3);
  });

  it('ends a run whose link is cut, with the guest on one side or declared lost', async () => {
    const cutAt = async (ms: number): Promise<RunReport['source']> => {
      const config = virtual({ migration: { algorithm: 'postcopy' } });
      const atNs = config.migration.startAfterNs + ms * 1e6;
      const happenings: Parameters<typeof runVirtual>[1] = {
        happenings: (world) => [{ atNs, act: () => world.cutLink() }],
      };
      return (await runVirtual(config, happenings)).source;
    };
    expect(await cutAt(0.3)).toMatchObject({ outcome: 'failed', guestLost: false });
    expect(await cutAt(20)).toMatchObject({ outcome: 'failed', guestLost: true });
  });
});

describe('versions instead of bytes', () => {
  it('make no difference to rounds, bytes and times', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { config } = draw(seed);
      const guest = { ...config.guest, backing: 'versions' as const };
      const [bytes, versions] = [await runVirtual(config), await runVirtual({ ...config, guest })];
      const strip = ({ proof, ...rest }: RunReport): unknown => ({
        ...rest,
        proof: { ...proof, bytesCompared: 0, readsChecked: 0 },
      });
      expect(strip(versions), `seed ${seed}`).toEqual(strip(bytes));
      expect(versions.proof?.ok, `seed ${seed}`).toBe(true);
    }
  });

  it('find a write that is lost', async () => {
    const base = virtual();
    const guest = { ...base.guest, backing: 'versions' as const };
    const report = await runVirtual(
      { ...base, guest },
      { beforeProof: (_, destination) => void (destination[0]![4 * 7]! ^= 1) },
    );
    expect(report.proof).toMatchObject({
      ok: false,
      differingPages: 1,
      firstDifference: { gfn: 7 },
    });
  });
});

describe('a proof that is given up', () => {
  it('is missing in a report that is the same otherwise', async () => {
    const controller = new AbortController();
    const phases = new Set<string>();
    const report = await runVirtual(virtual(), {
      proofSignal: controller.signal,
      onProgress: ({ phase, setUp }) => {
        phases.add(phase);
        if (phase === 'verify') controller.abort();
        expect(setUp.doneBytes).toBeLessThanOrEqual(setUp.allBytes);
        if (phase !== 'prepare') expect(setUp.doneBytes).toBe(setUp.allBytes);
      },
    });
    const { proof, ...rest } = await runVirtual(virtual());
    expect(proof?.ok).toBe(true);
    expect(report).toEqual(rest);
    expect([...phases].slice(0, 1)).toEqual(['prepare']);
    expect(phases).toContain('verify');
  });
});

describe('the two runtimes', () => {
  const PAGES = 2048;
  const HOT_PAGES = 8;

  /** A guest that keeps a few pages dirty, whatever the scheduler does: one live round, then the rest. */
  const config = (hotPages: number): RunConfig => {
    const base = smallRun({
      costs: COST_PROFILES.none,
      link: { bytesPerSecond: 40e6 },
      migration: { policy: 'rounds', rounds: 1 },
    });
    const [workload] = base.guest.workloads;
    const pattern = { kind: 'sequential' as const };
    const hot = { ...workload!, pattern, firstGfn: 0, pages: hotPages, writes: 1 };
    return { ...base, guest: { ...base.guest, vcpus: 1, workloads: hotPages > 0 ? [hot] : [] } };
  };

  const inBoth = async (hotPages: number) => {
    const pool = new WorkerPool(4);
    try {
      const threads = await runThreads(config(hotPages), { pool });
      const virtually = await runVirtual({ ...config(hotPages), runtime: 'virtual' });
      for (const { proof } of [threads, virtually]) expect(proof).toMatchObject({ ok: true });
      return { threads: threads.source, virtually: virtually.source };
    } finally {
      await pool.destroy();
    }
  };
  type Source = RunReport['source'];
  const sentBytes = (of: Source): number => of.precopyBytes + of.downtimeBytes;
  const pagesOf = ({ rounds }: Source): number[] => rounds.map(({ tally }) => tallied(tally));

  it('send the same pages and bytes of a guest that stands still, at no more than the rate', async () => {
    const { threads, virtually } = await inBoth(0);
    expect(pagesOf(threads)).toEqual(pagesOf(virtually));
    expect(pagesOf(threads)).toEqual([PAGES, 0]);
    expect(sentBytes(threads)).toBe(sentBytes(virtually));
    const timeOf = (of: Source): number => of.endNs - of.startNs;
    const linkNs = (sentBytes(virtually) / 40e6) * 1e9;
    expect(timeOf(virtually)).toBeGreaterThan(linkNs);
    expect(timeOf(virtually)).toBeLessThan(linkNs * 1.02);
    // A busy machine may be slower, but the link is never faster than it is.
    expect(timeOf(threads)).toBeGreaterThan(linkNs * 0.98);
  });

  it('agree on the bytes of a guest that writes, to its hot pages', async () => {
    const { threads, virtually } = await inBoth(HOT_PAGES);
    for (const source of [threads, virtually]) {
      const [live, stopped] = pagesOf(source);
      expect(source.rounds).toHaveLength(2);
      expect(live).toBeGreaterThanOrEqual(PAGES - HOT_PAGES);
      expect(live).toBeLessThanOrEqual(PAGES);
      expect(stopped).toBe(HOT_PAGES);
    }
    const most = (HOT_PAGES + 1) * 4200;
    expect(Math.abs(sentBytes(threads) - sentBytes(virtually))).toBeLessThan(most);
  });
});

describe("Clark's figure 12", () => {
  it('MMuncher: the rounds of the paper within 5 %', async () => {
    const { config } = loadScenario('mmuncher', []);
    const { source, proof } = await runVirtual(config);
    expect(proof?.ok).toBe(true);
    const mib = source.rounds.map(({ tally }) => bytesOf(tally, 'raw') / 2 ** 20);
    [255.4, 44, 116, 222.5].forEach((paper, round) => {
      expect(Math.abs(mib[round]! / paper - 1), `round ${round + 1}`).toBeLessThan(0.05);
    });
    expect(mib).toHaveLength(4);
    const downtimeNs = source.running!.runningNs - source.stop.pauseAskedNs!;
    expect(Math.abs(downtimeNs / 3.5e9 - 1)).toBeLessThan(0.05);
  });
});

describe('a history', () => {
  it('is that of the guest that migrates, and the same each time', async () => {
    const workload = {
      pattern: { kind: 'sequential' as const },
      firstGfn: 100,
      pages: 1000,
      rate: 2000,
      writes: 1,
      wordsPerPage: 1,
      fromNs: 0,
      untilNs: Infinity,
    };
    const config = virtual({ guest: { vcpus: 1, workloads: [workload] } });
    const history = await recordHistory(config, { stepNs: 100e6, steps: 6 });
    expect(history.bitmaps.map(popcount)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(distinctPages(history, 0, 300e6)).toBe(600);
    expect(distinctPages(history, 0, 600e6)).toBe(1000);
    expect(await recordHistory(config, { stepNs: 100e6, steps: 6 })).toEqual(history);
  });
});
