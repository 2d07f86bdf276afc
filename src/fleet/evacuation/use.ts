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
 * Returns the rate at which bytes left over a link in each sample, in bytes a second. A sender hands bytes over a little
 * before they leave, so that a sample may count more of them than the link can carry: what is above its capacity waits,
 * and leaves in the next.
 */
export function leavingRates(
  samples: readonly UseSample[],
  link: number,
  capacityBytesPerSecond: number,
): number[] {
  let sinceNs = 0;
  let waitingBytes = 0;
  return samples.map(({ ns, linkBytesPerSecond }) => {
    const seconds = (ns - sinceNs) / 1e9;
    sinceNs = ns;
    if (!(seconds > 0)) return 0;
    const rate = linkBytesPerSecond[link]! + waitingBytes / seconds;
    if (!(rate > capacityBytesPerSecond)) {
      waitingBytes = 0;
      return rate;
    }
    waitingBytes = (rate - capacityBytesPerSecond) * seconds;
    return capacityBytesPerSecond;
  });
}

/**
 * Averages samples over equal periods from `fromNs` to `toNs`, of which the last may be shorter. Each sample holds
 * from the time of the sample before it up to its own time. `capacities` are those of the links in bytes a second, which may
 * be Infinity.
 */
export function useOverTime(
  samples: readonly UseSample[],
  fromNs: number,
  toNs: number,
  capacities: readonly number[] = [],
): UseOverTime {
  const periodMs =
    SHORTEST_PERIOD_MS *
    Math.max(1, Math.ceil((toNs - fromNs) / 1e6 / SHORTEST_PERIOD_MS / MOST_PERIODS));
  const averageOf = (levels: readonly number[]): number[] =>
    averages(samples, levels, fromNs, toNs, periodMs * 1e6);
  const average = (value: (sample: UseSample) => number): number[] => averageOf(samples.map(value));
  const first = samples[0];
  return {
    periodMs,
    migrations: average(({ migrations }) => migrations),
    links: (first?.linkBytesPerSecond ?? []).map((_, link) =>
      averageOf(leavingRates(samples, link, capacities[link] ?? Infinity)),
    ),
    hosts: (first?.hostCpus ?? []).map((_, host) => average(({ hostCpus }) => hostCpus[host]!)),
  };
}

function averages(
  samples: readonly UseSample[],
  levels: readonly number[],
  fromNs: number,
  toNs: number,
  periodNs: number,
): number[] {
  const periods = Math.max(1, Math.ceil((toNs - fromNs) / periodNs));
  const sums = Array.from({ length: periods }, () => 0);
  let sinceNs = 0;
  for (const [index, sample] of samples.entries()) {
    const level = levels[index]!;
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
