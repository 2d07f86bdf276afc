import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

/** Latencies are kept in nanoseconds with three digits, up to an hour. */
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

/** What one vCPU knows of its demand faults, in a form that crosses a message port. */
export interface FaultLog {
  readonly count: number;
  /** Faults for which a request went to the source. */
  readonly majorCount: number;
  /** Pages that had come already and were taken out of a buffer. */
  readonly minorCount: number;
  readonly blockedNs: number;
  /** HDR histograms, compressed: from the access to the vCPU's going on, and from the request on. */
  readonly latency: string;
  readonly request: string;
  readonly latencyBuckets: readonly number[];
}

export interface Latencies {
  readonly meanNs: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

/** The demand faults of a run. */
export interface FaultReport {
  readonly count: number;
  readonly majorCount: number;
  readonly minorCount: number;
  /** By vCPU. */
  readonly blockedNs: readonly number[];
  readonly latency: Latencies;
  /** Faults by latency: bucket i counts those from 2^i us up to 2^(i+1), the first all below, too. */
  readonly latencyBuckets: readonly number[];
  readonly request?: Latencies;
}

/** As many as QEMU's postcopy-latency-dist has (qapi/migration.json). */
export const LATENCY_BUCKETS = 24;

const emptyBuckets = (): number[] => Array.from({ length: LATENCY_BUCKETS }, () => 0);

const bucketOf = (ns: number): number =>
  Math.min(LATENCY_BUCKETS - 1, Math.max(0, 31 - Math.clz32(ns / 1000)));

/** Counts a vCPU's faults; made lazily, since most vCPUs never take one. */
export class FaultRecorder {
  #latency: Histogram | undefined;
  #request: Histogram | undefined;
  readonly #buckets = emptyBuckets();
  #blockedNs = 0;
  #minorCount = 0;

  /** A page that had come already. */
  minor(): void {
    this.#minorCount++;
  }

  /** A fault that blocked the vCPU from `startNs` to `endNs`; requested at `requestedNs`, if it was. */
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

/** The faults of all vCPUs together; undefined when there was none. */
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
