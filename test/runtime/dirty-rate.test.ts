import { describe, expect, it } from 'vitest';
import { DIRTY_RATE_MODES } from '../../src/migration/dirty-rate.ts';
import { buildDirtyRate } from '../../src/result/dirty-rate.ts';
import { runDirtyRate } from '../../src/runtime/threads/dirty-rate.ts';
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
