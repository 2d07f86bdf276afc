import { z } from 'zod';
import { bounds } from '../../migration/models.ts';
import type { RunResult } from '../../result/schema.ts';
import type { LoadedScenario } from '../../scenario/load.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { plainGuest } from './plain-guest.ts';
import { type Given, type OnRun, resultOf } from './result-of.ts';

const GUEST_BYTES = 1024 * 2 ** 20;
const PAGE = 4096;
/** The effective rate in Mbit/s of each link in the paper's table, computed from the bounds that it gives. */
const LINKS = [
  ['100 Mbit/s', 94.2],
  ['1 Gbit/s', 935],
  ['10 Gbit/s', 7130],
] as const;
/** Dirty rates: pages written per second over all memory, from nearly none to more than any link carries. */
const DIRTY_RATES = [1, 1000, 3000, 10_000, 30_000, 100_000, 300_000] as const;

const input = z.strictObject({ of: z.enum(['total time', 'downtime']) });
type Quantity = z.output<typeof input>['of'];

/**
 * Migrates a 1 GiB guest under Xen 3's rules at many dirty rates and over several links, and checks
 * that every run stays within the bounds of Akoush et al.
 */
export async function akoushBounds(onRun: OnRun, { data }: Given): Promise<Figures> {
  const { of } = input.parse(data);
  const series: OutcomeSeries[] = [];
  let done = 0;
  for (const [name, mbit] of LINKS) {
    const results: RunResult[] = [];
    for (const rate of DIRTY_RATES) {
      results.push(await resultOf(scenarioOf(mbit, rate)));
      onRun(++done, LINKS.length * DIRTY_RATES.length);
    }
    for (const bound of ['low', 'high'] as const) {
      const points = DIRTY_RATES.map((rate, i) => {
        const range = boundsOf(of, mbit, results[i]!);
        const ours = of === 'downtime' ? results[i]!.downtimeMs! : results[i]!.totalTimeMs / 1000;
        return pointOf(rate, range[bound], ours, { bound });
      });
      series.push({ name: `${name}: ${bound} bound`, isUnverified: false, bound, points });
    }
  }
  return {
    x: { label: 'pages written', unit: '1/s', log: true },
    y: { label: of, unit: of === 'downtime' ? 'ms' : 's', log: true },
    series,
  };
}

/** Returns the model's low and high bound for a run: seconds of total time, or ms of downtime. */
function boundsOf(of: Quantity, mbit: number, result: RunResult) {
  const { downtimeMs, downtimeParts, ram } = result;
  // The bounds are about pages, so the share of the link that frame headers take is not in their rate.
  const payload = (ram.normal * PAGE) / ram.transferred;
  const { totalSeconds, downtimeSeconds } = bounds({
    guestBytes: GUEST_BYTES,
    pageSize: PAGE,
    bytesPerSecond: (payload * mbit * 1e6) / 8,
    dirtyPagesPerSecond: 0,
    workingSetPages: 0,
    overheadSeconds: (downtimeMs! - downtimeParts!.lastPagesMs) / 1000,
    downtimeLimitSeconds: 0,
  });
  if (of === 'total time') return totalSeconds;
  return { low: downtimeSeconds.low * 1000, high: downtimeSeconds.high * 1000 };
}

function scenarioOf(mbit: number, rate: number): LoadedScenario {
  return plainGuest(
    GUEST_BYTES,
    { pattern: 'uniform', rate },
    { link: { bandwidth: `${mbit}Mbit/s` }, migration: { policy: 'xen3', timeout: '1h' } },
  );
}
