import { power } from '../../../random/elementary.ts';

/** The upper bound of each bucket is this many times that of the one before. */
const RATIO = 1.05;
const LEAST_NS = 1000;
const BUCKETS = 400;

const BOUNDS = Float64Array.from({ length: BUCKETS }, (_, i) => LEAST_NS * power(RATIO, i));

/** Counts times in buckets that grow by 5 % each, from a microsecond to 4 minutes, so that percentiles are as precise. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #all = 0;
  #sumNs = 0;

  get meanNs(): number {
    return this.#all > 0 ? this.#sumNs / this.#all : 0;
  }

  /** Adds a time, or a share of requests that have it. */
  add(ns: number, weight = 1): void {
    this.#counts[bucketOf(ns)]! += weight;
    this.#all += weight;
    this.#sumNs += ns * weight;
  }

  /** Whether it has counted nothing. */
  get isEmpty(): boolean {
    return this.#all <= 0;
  }

  /** Returns a histogram of what has been counted here and not in another one, whose times are among these. */
  without(other: Histogram): Histogram {
    const rest = new Histogram();
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      rest.#counts[bucket] = Math.max(0, this.#counts[bucket]! - other.#counts[bucket]!);
      rest.#all += rest.#counts[bucket]!;
    }
    rest.#sumNs = Math.max(0, this.#sumNs - other.#sumNs);
    return rest;
  }

  /** Returns the time that this share of all times does not exceed; 0 when there are none. */
  percentile(share: number): number {
    let left = share * this.#all;
    if (this.#all === 0) return 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return BOUNDS[bucket]!;
    }
    return BOUNDS[BUCKETS - 1]!;
  }
}

function bucketOf(ns: number): number {
  let low = 0;
  let high = BUCKETS - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (BOUNDS[middle]! >= ns) high = middle;
    else low = middle + 1;
  }
  return low;
}
