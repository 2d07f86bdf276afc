import { describe, expect, it } from 'vitest';
import { runEvacuation } from '../../src/fleet/evacuation/run.ts';
import type { EvacuationConfig } from '../../src/fleet/evacuation/config.ts';
import { evacuation, writer } from '../support/evacuation.ts';
import { smallRun } from '../support/run-config.ts';

const LIMITS = { outgoing: 2, incoming: 2, cluster: 2, inBatches: false };

function inThreads(guests: EvacuationConfig['guests'][number]['config'][]): EvacuationConfig {
  return evacuation(
    guests.map((config) => ({ config })),
    { runtime: 'threads', limits: LIMITS },
  );
}

const guest = (rate: number) =>
  smallRun({ guest: { vcpus: 1, workloads: rate > 0 ? [writer(rate)] : [] } });

describe('an evacuation over worker threads', () => {
  it('moves every guest over one network, proves each, and keeps to its limits', async () => {
    const report = await runEvacuation(inThreads([guest(5000), guest(2000), guest(0)]));
    expect(report.runtime).toBe('threads');
    const spans = report.guests.map(({ startedNs, endedNs }) => [startedNs!, endedNs!] as const);
    for (const { run, name } of report.guests) {
      expect([name, run!.source.error, run!.source.outcome]).toEqual([
        name,
        undefined,
        'completed',
      ]);
      expect(run!.proof?.ok).toBe(true);
      expect(run!.source.linkBytes).toBeGreaterThan(4e6);
    }
    // The third begins only when one of the others has ended.
    expect(spans[2]![0]).toBeGreaterThanOrEqual(Math.min(spans[0]![1], spans[1]![1]));
    expect(report.startedNs).toBeLessThanOrEqual(spans[0]![0]);
    expect(report.endedNs).toBe(Math.max(...spans.map(([, endNs]) => endNs)));
  });

  it('that is called off leaves every guest where it was', async () => {
    const controller = new AbortController();
    const endless = smallRun({
      guest: { vcpus: 1, workloads: [writer(50_000)] },
      migration: { rounds: 10_000 },
    });
    const report = await runEvacuation(inThreads([endless, endless, endless]), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    for (const { run } of report.guests.slice(0, 2)) {
      expect(run!.source.outcome).toBe('cancelled');
      expect(run!.proof?.ok).toBe(true);
    }
    // Its turn had not come.
    expect(report.guests[2]).toEqual({ name: 'guest-3', wasForced: false });
  });

  it('does not begin when a guest can not be set up, and says why', async () => {
    const image = { path: '/nowhere/image.raw', offset: 0 };
    const broken = smallRun({
      guest: { contents: [{ firstGfn: 0, pages: 2048, kind: 'file', zeroShare: 0, image }] },
    });
    await expect(runEvacuation(inThreads([guest(1000), broken]))).rejects.toThrow(/image\.raw/);
  });
});
