import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

/** The longest latency that a histogram holds, an hour; latencies are kept in nanoseconds with three digits. */
const LONGEST_NS = 3.6e12;

function histogram(): Histogram {
  return build({
    bitBucketSize: 64,
    numberOfSignificantValueDigits: 3,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_NS,
    useWebAssembly: false,
  });
}

/** The demand faults of one vCPU, in a form that can be sent through a message port. */
export interface FaultLog {
  /** The number of faults that blocked the vCPU. */
  readonly count: number;
  /** How many of them sent a request to the source. */
  readonly majorCount: number;
  /** The number of faults, besides, whose page had arrived already and was taken out of a buffer. */
  readonly minorCount: number;
  readonly blockedNs: number;
  /** Compressed HDR histograms of the time until the vCPU went on, from the access and from the request. */
  readonly latency: string;
  readonly request: string;
  readonly latencyBuckets: readonly number[];
}

/** The distribution of latencies. */
export interface Latencies {
  readonly meanNs: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

/** The demand faults of a run; the counts are those of FaultLog. */
export interface FaultReport {
  readonly count: number;
  readonly majorCount: number;
  readonly minorCount: number;
  /** The time for which each vCPU was blocked. */
  readonly blockedNs: readonly number[];
  /** Latencies from the access on. */
  readonly latency: Latencies;
  /** The faults by latency: bucket i counts those of 2^i µs up to 2^(i+1) µs, bucket 0 also all shorter ones. */
  readonly latencyBuckets: readonly number[];
  /** Latencies from the request on; absent when no fault was requested. */
  readonly request?: Latencies;
}

/** The number of buckets, as many as QEMU's postcopy-latency-dist has (qapi/migration.json). */
export const LATENCY_BUCKETS = 24;

const emptyBuckets = (): number[] => Array.from({ length: LATENCY_BUCKETS }, () => 0);

const bucketOf = (ns: number): number =>
  Math.min(LATENCY_BUCKETS - 1, Math.max(0, 31 - Math.clz32(ns / 1000)));

/** Counts a vCPU's faults. It creates its histograms with the first fault, since most vCPUs have none. */
export class FaultRecorder {
  #latency: Histogram | undefined;
  #request: Histogram | undefined;
  readonly #buckets = emptyBuckets();
  #blockedNs = 0;
  #minorCount = 0;

  /** Counts a fault whose page had arrived already. */
  minor(): void {
    this.#minorCount++;
  }

  /** Counts a fault that blocked the vCPU from `startNs` to `endNs`; it counts as major if requested in between. */
  record(startNs: number, endNs: number, requestedNs: number): void {
    this.#latency ??= histogram();
    this.#request ??= histogram();
    this.#blockedNs += endNs - startNs;
    this.#latency.recordValue(clamp(endNs - startNs));
    this.#buckets[bucketOf(clamp(endNs - startNs))]! += 1;
    if (requestedNs >= startNs && requestedNs <= endNs) {
      this.#request.recordValue(clamp(endNs - requestedNs));
    }
  }

  /** Returns what was counted; undefined when there was no fault. */
  log(): FaultLog | undefined {
    if (this.#minorCount === 0 && !this.#latency) return undefined;
    this.#latency ??= histogram();
    this.#request ??= histogram();
    return {
      count: this.#latency.totalCount,
      majorCount: this.#request.totalCount,
      minorCount: this.#minorCount,
      blockedNs: this.#blockedNs,
      latency: encodeIntoCompressedBase64(this.#latency),
      request: encodeIntoCompressedBase64(this.#request),
      latencyBuckets: this.#buckets,
    };
  }
}

function clamp(ns: number): number {
  return Math.max(1, Math.min(LONGEST_NS, Math.round(ns)));
}

/** Puts the faults of all vCPUs, listed in their order, together; undefined when there was none. */
export function mergeFaults(logs: readonly (FaultLog | undefined)[]): FaultReport | undefined {
  const known = logs.filter((log) => log !== undefined);
  if (known.length === 0) return undefined;
  const latency = histogram();
  const request = histogram();
  for (const log of known) {
    latency.add(decodeFromCompressedBase64(log.latency, 64));
    request.add(decodeFromCompressedBase64(log.request, 64));
  }
  return {
    count: latency.totalCount,
    majorCount: request.totalCount,
    minorCount: known.reduce((sum, log) => sum + log.minorCount, 0),
    blockedNs: logs.map((log) => log?.blockedNs ?? 0),
    latency: latenciesOf(latency),
    latencyBuckets: known.reduce(
      (sums, log) => sums.map((sum, i) => sum + log.latencyBuckets[i]!),
      emptyBuckets(),
    ),
    ...(request.totalCount > 0 ? { request: latenciesOf(request) } : {}),
  };
}

function latenciesOf(of: Histogram): Latencies {
  return {
    meanNs: of.mean,
    p50Ns: of.getValueAtPercentile(50),
    p90Ns: of.getValueAtPercentile(90),
    p99Ns: of.getValueAtPercentile(99),
    maxNs: of.maxValue,
  };
}
