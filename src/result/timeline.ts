import type { TimelineSample } from '../runtime/report.ts';

/** Returns how many accesses were made up to `ns`; between two samples it interpolates by a straight line. */
export function accessesAt(samples: readonly TimelineSample[], ns: number): number {
  const after = samples.findIndex((sample) => sample.ns >= ns);
  if (after === 0) return samples[0]!.accesses;
  if (after < 0) return samples.at(-1)?.accesses ?? 0;
  const a = samples[after - 1]!;
  const b = samples[after]!;
  return a.accesses + ((ns - a.ns) / (b.ns - a.ns)) * (b.accesses - a.accesses);
}

/** A timeline has at most this many periods, so longer runs get longer periods. */
const MOST_PERIODS = 600;
const SHORTEST_PERIOD_MS = 20;

/** Returns the accesses a second in equal periods from the first sample to the last. */
export function resample(samples: readonly TimelineSample[]): {
  periodMs: number;
  accessesPerSecond: number[];
} {
  const startNs = samples[0]?.ns ?? 0;
  const spanMs = ((samples.at(-1)?.ns ?? 0) - startNs) / 1e6;
  const periodMs =
    SHORTEST_PERIOD_MS * Math.max(1, Math.ceil(spanMs / SHORTEST_PERIOD_MS / MOST_PERIODS));
  const accessesPerSecond: number[] = [];
  let index = 0;
  let before = samples[0]?.accesses ?? 0;
  for (let period = 1; period * periodMs <= spanMs; period++) {
    const endNs = startNs + period * periodMs * 1e6;
    while (samples[index + 1] && samples[index + 1]!.ns < endNs) index++;
    const now = accessesAt(samples.slice(index, index + 2), endNs);
    accessesPerSecond.push(Math.max(0, Math.round(((now - before) * 1000) / periodMs)));
    before = now;
  }
  return { periodMs, accessesPerSecond };
}
