/** How a dirty rate was measured. `migration` is the rate that a migration under way reports of itself. */
export type DirtyRateSource =
  'page-sampling' | 'dirty-bitmap' | 'dirty-ring' | 'migration' | 'resent' | 'given';

/** A dirty rate with the period that it was measured over. */
export interface MeasuredRate {
  readonly source: DirtyRateSource;
  readonly bytesPerSecond: number;
  readonly periodMs: number;
  /** The tool does not say the period, so it was estimated from other figures. */
  readonly isPeriodEstimated?: boolean;
  /** The true rate may be higher by so much, because the tool rounds down. */
  readonly roundingBytesPerSecond?: number;
  /** With page-sampling: how many pages of each GiB were hashed. */
  readonly samplePagesPerGiB?: number;
  /** With dirty-ring: the rate of each vCPU. */
  readonly vcpuBytesPerSecond?: readonly number[];
  /** The share of their time that the vCPUs were held up meanwhile. */
  readonly throttle?: number;
}

/** What is known of a VM and of its link. Whatever is not known is absent. */
export interface Facts {
  readonly memoryBytes?: number;
  /** The memory that is not zero. */
  readonly usedBytes?: number;
  readonly vcpus?: number;
  readonly linkBytesPerSecond?: number;
  /** The bandwidth of a migration that was observed, which stands for the link's where that is not known. */
  readonly seenBytesPerSecond?: number;
  /** The migration's own limit. */
  readonly maxBytesPerSecond?: number;
  readonly latencyMs?: number;
  readonly workingSetBytes?: number;
  readonly downtimeLimitMs?: number;
  readonly rates?: readonly MeasuredRate[];
}

/** What one pasted output says. */
export interface Finding {
  /** The command that prints such an output. */
  readonly tool: string;
  readonly facts: Facts;
  /** Sentences about what else it shows, such as a migration that was throttled. */
  readonly notes: readonly string[];
}

/** Returns the facts of several sources; of two that say the same, the later one counts, and rates add up. */
export function mergeFacts(all: readonly Facts[]): Facts {
  const merged = all.reduce<Facts>((sum, one) => ({ ...sum, ...one }), {});
  const rates = all.flatMap((one) => one.rates ?? []);
  return rates.length === 0 ? merged : { ...merged, rates };
}
