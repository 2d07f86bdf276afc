import { describe, expect, it } from 'vitest';
import { DIRTY_RATE_MODES } from '../../src/migration/dirty-rate.ts';
import { buildDirtyRate } from '../../src/result/dirty-rate.ts';
import { runDirtyRate } from '../../src/runtime/threads/dirty-rate.ts';
import { runVirtualDirtyRate } from '../../src/runtime/virtual/dirty-rate.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { smallRun } from '../support/run-config.ts';

describe('the dirty rate', () => {
  it('is measured in three ways, which agree on a guest that dirties every page it has', async () => {
    const base = smallRun();
    const workload = { ...base.guest.workloads[0]!, pattern: { kind: 'sequential' } as const };
    const pages = 2048;
    const everywhere = { ...workload, firstGfn: 0, pages, rate: 400_000, writes: 1 };
    const config = smallRun({ guest: { workloads: [everywhere], vcpus: 1, memslots: 2 } });
    // Of 120 000 accesses a twentieth is enough: a vCPU gets that much of a busy core, too.
    const options = { periodNs: 300e6, samplePagesPerGiB: 16_384, seed: 3 };
    const measured = await runDirtyRate(
      config,
      DIRTY_RATE_MODES.map((mode) => ({ mode, ...options })),
    );
    expect(measured.map(({ mode }) => mode)).toEqual([...DIRTY_RATE_MODES]);
    // 120 000 writes go over 2048 pages many times: each is dirty, and counts once.
    const [sampling, bitmap, ring] = measured.map(({ dirtyPages }) => dirtyPages);
    expect([sampling, bitmap]).toEqual([pages, pages]);
    // What is pushed between the flip and the last look at the rings counts too.
    expect(ring).toBeGreaterThanOrEqual(pages);
    expect(ring).toBeLessThanOrEqual(2 * pages);
    expect(measured[0]!.sampled).toEqual({ pages: 128, changed: 128 });
    // It is not the vCPU's fault when the engine has no core for so long that the ring fills.
    expect(measured[2]!.vcpus).toEqual([{ entries: ring, stalls: expect.any(Number) as number }]);
    const { measurements, schema } = buildDirtyRate({}, 4096, measured);
    expect(schema).toBe('pageferry/dirty-rate@1');
    for (const one of measurements) {
      expect(one.bytesPerSecond).toBeCloseTo(one.pagesPerSecond * 4096, 3);
      expect(one.accessesPerSecond).toBeGreaterThan(one.pagesPerSecond);
    }
  });

  it('of a guest that stands still is zero', async () => {
    const config = smallRun({ guest: { workloads: [] } });
    const options = { periodNs: 50e6, samplePagesPerGiB: 512, seed: 1 };
    const measured = await runDirtyRate(
      config,
      DIRTY_RATE_MODES.map((mode) => ({ mode, ...options })),
    );
    expect(measured.map(({ dirtyPages }) => dirtyPages)).toEqual([0, 0, 0]);
  });
});

describe('the dirty rate on a virtual clock', () => {
  const config = (changes: Parameters<typeof smallRun>[0] = {}) =>
    smallRun({ runtime: 'virtual', ...changes });
  const allModes = (periodNs: number) =>
    DIRTY_RATE_MODES.map((mode) => ({ mode, periodNs, samplePagesPerGiB: 16_384, seed: 3 }));

  it('is the same each time, over exactly the period', async () => {
    const measured = await runVirtualDirtyRate(config(), allModes(300e6));
    expect(await runVirtualDirtyRate(config(), allModes(300e6))).toEqual(measured);
    expect(measured.map(({ mode }) => mode)).toEqual([...DIRTY_RATE_MODES]);
    const [sampling, bitmap, ring] = measured.map(({ dirtyPages }) => dirtyPages);
    // Two vCPUs make 20 000 accesses a second over 1000 pages, most of them to a few of these.
    for (const { accessesPerSecond } of measured) expect(accessesPerSecond).toBeCloseTo(20_000, -2);
    expect(bitmap).toBeGreaterThan(500);
    expect(bitmap).toBeLessThanOrEqual(1000);
    expect(ring).toBeGreaterThanOrEqual(bitmap!);
    expect(sampling! / bitmap!).toBeGreaterThan(0.5);
    expect(sampling! / bitmap!).toBeLessThan(2);
    expect(measured[0]!.periodNs).toBe(300e6);
  });

  it('counts what a workload writes, worked out by hand, with bytes and with versions', async () => {
    const pages = 2048;
    const workload = { ...smallRun().guest.workloads[0]!, firstGfn: 0, pages, writes: 1 };
    const pattern = { kind: 'sequential' } as const;
    // 1000 writes a second, page after page: 100 pages in 100 ms, each of them written once.
    const workloads = [{ ...workload, pattern, rate: 1000 }];
    for (const backing of ['bytes', 'versions'] as const) {
      const run = config({ guest: { vcpus: 1, workloads, backing }, costs: COST_PROFILES.none });
      const [sampling, bitmap, ring] = await runVirtualDirtyRate(run, allModes(100e6));
      expect(bitmap).toMatchObject({ dirtyPages: 100, accesses: 100, periodNs: 100e6 });
      expect(ring).toMatchObject({ dirtyPages: 100, accesses: 100 });
      const { changed } = sampling!.sampled!;
      expect(changed).toBeGreaterThan(0);
      // 128 pages of 2048 are sampled, so one that has changed stands for 16, but for no more than were written.
      expect(sampling!.dirtyPages).toBe(Math.min(100, changed * 16));
    }
  });

  it('never has more dirty pages than there were accesses', async () => {
    const workload = { ...smallRun().guest.workloads[0]!, firstGfn: 0, pages: 2048, rate: 40 };
    const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
    const measured = await runVirtualDirtyRate(
      config({ guest: { workloads: [workload] } }),
      seeds.map((seed) => ({
        mode: 'page-sampling',
        periodNs: 1e9,
        samplePagesPerGiB: 16_384,
        seed,
      })),
    );
    // Each of 128 sampled pages stands for 16, and the guest made some 40 accesses.
    for (const { dirtyPages, accesses } of measured) {
      expect(dirtyPages).toBeLessThanOrEqual(accesses);
      expect(accesses).toBeLessThanOrEqual(41);
    }
    expect(measured.some((one) => one.sampled!.changed * 16 > one.accesses)).toBe(true);
  });
});
