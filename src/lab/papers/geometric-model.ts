import { geometricSeries } from '../../migration/models.ts';
import type { LoadedScenario } from '../../scenario/load.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { plainGuest } from './plain-guest.ts';
import { type OnRun, resultOf } from './result-of.ts';

const GUEST_BYTES = 512 * 2 ** 20;
const LINK_BYTES = 125e6;
const LIMIT_SECONDS = 0.1;
const PAGE = 4096;
/** Dirty rates, as shares of the link's rate. */
const SHARES = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8] as const;

/**
 * Compares the geometric series for the total time with runs of a guest that fits it: it writes its
 * pages in turn, so that each write dirties another page, as the formula assumes.
 */
export async function geometricModel(onRun: OnRun): Promise<Figures> {
  const total = [];
  for (const [index, share] of SHARES.entries()) {
    const dirtyPagesPerSecond = Math.round((share * LINK_BYTES) / PAGE);
    const result = await resultOf(scenarioOf(dirtyPagesPerSecond));
    onRun(index + 1, SHARES.length);
    const model = geometricSeries({
      guestBytes: GUEST_BYTES,
      pageSize: PAGE,
      bytesPerSecond: LINK_BYTES,
      dirtyPagesPerSecond,
      workingSetPages: GUEST_BYTES / PAGE,
      overheadSeconds: 0,
      downtimeLimitSeconds: LIMIT_SECONDS,
    })!;
    total.push(pointOf(share, model.totalSeconds, result.totalTimeMs / 1000, { goal: GOAL }));
  }
  const series: OutcomeSeries[] = [
    { name: 'total time', isUnverified: false, goal: GOAL, points: total },
  ];
  return {
    x: { label: 'dirty rate ÷ link', log: false },
    y: { label: 'total time', unit: 's', log: false },
    series,
  };
}

const GOAL = 0.05;

function scenarioOf(rate: number): LoadedScenario {
  const rounds = { policy: 'cloud-hypervisor', downtimeLimit: '100ms', timeout: '10min' };
  return plainGuest(
    GUEST_BYTES,
    { pattern: 'sequential', rate },
    { link: { bandwidth: '1Gbit/s' }, costs: { profile: 'none' }, migration: rounds },
  );
}
