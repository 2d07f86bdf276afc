import type { Histogram } from './histogram.ts';
import { percentileNs, QUANTILES } from './queueing.ts';

/** Steps whose responses differ by less than this, as a share, count as one. */
const GRAIN = 0.02;

/**
 * Spreads the response times of a flow of requests over a histogram. Steps that are nearly alike are put together first,
 * as most are.
 */
export class ResponseSpread {
  readonly #histogram: Histogram;
  #requests = 0;
  #meanNs = 0;
  #varianceNs2 = 0;
  #fixedNs = 0;

  constructor(histogram: Histogram) {
    this.#histogram = histogram;
  }

  /** Adds requests whose response times have this mean and variance, beside a time that is the same for all. */
  add(requests: number, meanNs: number, varianceNs2: number, fixedNs: number): void {
    const isAlike =
      Math.abs(meanNs - this.#meanNs) <= GRAIN * meanNs &&
      Math.abs(varianceNs2 - this.#varianceNs2) <= GRAIN * varianceNs2;
    if (!isAlike) {
      this.flush();
      this.#meanNs = meanNs;
      this.#varianceNs2 = varianceNs2;
      this.#fixedNs = fixedNs;
    }
    this.#requests += requests;
  }

  /** Adds to the histogram what has been put together so far. */
  flush(): void {
    if (!(this.#requests > 0)) return;
    for (const [normal, share] of QUANTILES) {
      const ns = percentileNs(this.#meanNs, this.#varianceNs2, normal) + this.#fixedNs;
      this.#histogram.add(ns, this.#requests * share);
    }
    this.#requests = 0;
  }
}
