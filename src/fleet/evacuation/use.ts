import type { UseSample } from './report.ts';

/** A timeline has at most this many periods, so longer evacuations get longer periods. */
const MOST_PERIODS = 600;
const SHORTEST_PERIOD_MS = 20;

/** The use of links and hosts, averaged over equal periods. */
export interface UseOverTime {
  readonly periodMs: number;
  /** How many migrations were under way in each period. */
  readonly migrations: readonly number[];
  /** For each link, the bytes a second in each period. */
  readonly links: readonly (readonly number[])[];
  /** For each host, the CPUs in use in each period. */
  readonly hosts: readonly (readonly number[])[];
}

/**
 * Averages samples over equal periods from `fromNs` to `toNs`, of which the last may be shorter. Each sample holds
 * from the time of the sample before it up to its own time.
 */
export function useOverTime(
  samples: readonly UseSample[],
  fromNs: number,
  toNs: number,
): UseOverTime {
  const periodMs =
    SHORTEST_PERIOD_MS *
    Math.max(1, Math.ceil((toNs - fromNs) / 1e6 / SHORTEST_PERIOD_MS / MOST_PERIODS));
  const average = (value: (sample: UseSample) => number): number[] =>
    averages(samples, value, fromNs, toNs, periodMs * 1e6);
  const first = samples[0];
  return {
    periodMs,
    migrations: average(({ migrations }) => migrations),
    links: (first?.linkBytesPerSecond ?? []).map((_, link) =>
      average(({ linkBytesPerSecond }) => linkBytesPerSecond[link]!),
    ),
    hosts: (first?.hostCpus ?? []).map((_, host) => average(({ hostCpus }) => hostCpus[host]!)),
  };
}

function averages(
  samples: readonly UseSample[],
  value: (sample: UseSample) => number,
  fromNs: number,
  toNs: number,
  periodNs: number,
): number[] {
  const periods = Math.max(1, Math.ceil((toNs - fromNs) / periodNs));
  const sums = Array.from({ length: periods }, () => 0);
  let sinceNs = 0;
  for (const sample of samples) {
    const level = value(sample);
    let atNs = Math.max(sinceNs, fromNs);
    const untilNs = Math.min(sample.ns, toNs);
    while (atNs < untilNs) {
      const period = Math.floor((atNs - fromNs) / periodNs);
      const endNs = Math.min(untilNs, fromNs + (period + 1) * periodNs);
      sums[period]! += level * (endNs - atNs);
      atNs = endNs;
    }
    sinceNs = sample.ns;
  }
  return sums.map((sum, period) => {
    const spanNs = Math.min(periodNs, toNs - fromNs - period * periodNs);
    return spanNs > 0 ? sum / spanNs : 0;
  });
}

/** Returns the mean of a series whose last period may be shorter than the others. */
export function meanOf(series: readonly number[], periodMs: number, spanMs: number): number {
  if (!(spanMs > 0)) return 0;
  const sum = series.reduce((total, value, period) => {
    return total + value * Math.min(periodMs, spanMs - period * periodMs);
  }, 0);
  return Math.max(0, sum / spanMs);
}
