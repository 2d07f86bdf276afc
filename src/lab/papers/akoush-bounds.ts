import { bounds } from '../../migration/models.ts';
import type { RunResult } from '../../result/schema.ts';
import type { LoadedScenario } from '../../scenario/load.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { plainGuest } from './plain-guest.ts';
import { type OnRun, resultOf } from './result-of.ts';

const GUEST_BYTES = 1024 * 2 ** 20;
const PAGE = 4096;
/** Effective rate of each link of the paper's table, Mbit/s, as its bounds imply it. */
const LINKS = [
  ['100 Mbit/s', 94.2],
  ['1 Gbit/s', 935],
] as const;
/** Pages written a second, over all memory, from none to more than any link here carries. */
const DIRTY_RATES = [1, 1000, 3000, 10_000, 30_000, 100_000] as const;

/** A 1 GiB guest under Xen 3's rules at many dirty rates: no run may leave the bounds. */
export async function akoushBounds(onRun: OnRun): Promise<Figures> {
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
        const result = results[i]!;
        const overhead = (result.downtimeMs! - result.downtimeParts!.lastPagesMs) / 1000;
        const { totalSeconds } = bounds(inputsOf(mbit, overhead));
        return pointOf(rate, totalSeconds[bound], result.totalTimeMs / 1000, { bound });
      });
      series.push({ name: `${name}: ${bound} bound`, isUnverified: false, bound, points });
    }
  }
  return {
    x: { label: 'pages written', unit: '1/s', log: true },
    y: { label: 'total time', unit: 's', log: true },
    series,
  };
}

function inputsOf(mbit: number, overheadSeconds: number): Parameters<typeof bounds>[0] {
  return {
    guestBytes: GUEST_BYTES,
    pageSize: PAGE,
    // A frame has a header, too; the bounds are of pages.
    bytesPerSecond: (mbit * 1e6) / 8,
    dirtyPagesPerSecond: 0,
    workingSetPages: 0,
    overheadSeconds,
    downtimeLimitSeconds: 0,
  };
}

function scenarioOf(mbit: number, rate: number): LoadedScenario {
  return plainGuest(
    GUEST_BYTES,
    { pattern: 'uniform', rate },
    { link: { bandwidth: `${mbit}Mbit/s` }, migration: { policy: 'xen3', timeout: '1h' } },
  );
}
