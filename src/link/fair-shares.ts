/** The largest number of links on the path of one flow. */
export const MOST_HOPS = 8;

/**
 * Computes max-min fair shares of flows over links with capacities, where each flow has a limit of its
 * own, by progressive filling (Bertsekas and Gallager, Data Networks, section 6.5.2): all rates rise
 * together; a flow keeps its rate once it reaches its limit or one of its links is full, and the others
 * rise on. Rates are in bytes a second. Call `clear`, `add` for each flow, then `fill`; none of them
 * allocates memory.
 */
export class FairShares {
  /** The share of each flow after `fill`, in the order in which the flows were added. */
  readonly rates: Float64Array;
  readonly #capacities: Float64Array;
  readonly #limits: Float64Array;
  readonly #hops: Int32Array;
  readonly #paths: Int32Array;
  #flows = 0;
  /** For each link, the bytes a second taken by flows whose rate is final. */
  readonly #taken: Float64Array;
  /** For each link, the number of its flows that still rise. */
  readonly #rising: Int32Array;
  /** For each link, the rate up to which its rising flows can rise. */
  readonly #levels: Float64Array;
  /** The links that have rising flows. */
  readonly #risingLinks: Int32Array;
  /** The flows that still rise. */
  readonly #risingFlows: Int32Array;
  #linkCount = 0;
  #flowCount = 0;

  constructor(capacities: readonly number[], mostFlows: number) {
    const links = capacities.length;
    this.#capacities = Float64Array.from(capacities);
    this.#taken = new Float64Array(links);
    this.#rising = new Int32Array(links);
    this.#levels = new Float64Array(links);
    this.#risingLinks = new Int32Array(links);
    this.rates = new Float64Array(mostFlows);
    this.#limits = new Float64Array(mostFlows);
    this.#hops = new Int32Array(mostFlows);
    this.#paths = new Int32Array(mostFlows * MOST_HOPS);
    this.#risingFlows = new Int32Array(mostFlows);
  }

  /** Removes all flows. */
  clear(): void {
    this.#flows = 0;
  }

  /** Adds a flow with this limit, whose path is the `hops` link indices from `words[at]` on. */
  add(limit: number, words: Int32Array, at: number, hops: number): void {
    const flow = this.#flows++;
    this.#limits[flow] = limit;
    let finite = 0;
    for (let hop = 0; hop < hops; hop++) {
      const link = words[at + hop]!;
      // A link of infinite capacity never holds a flow back.
      if (this.#capacities[link] === Infinity) continue;
      this.#paths[flow * MOST_HOPS + finite++] = link;
    }
    this.#hops[flow] = finite;
  }

  /** Computes `rates` for the flows that have been added. */
  fill(): void {
    this.#begin();
    while (this.#flowCount > 0) {
      const level = this.#lowestLevel();
      // A flow whose limit is below the level leaves more to the others, so the level is computed again.
      if (!this.#stopLimited(level)) this.#stopAtFullLinks(level);
    }
  }

  /**
   * Returns the rate at which a frame of the flow leaves. It is the flow's share or, if only its own
   * limit holds the flow back, the share and what no flow uses on its path.
   */
  frameRate(flow: number): number {
    const rate = this.rates[flow]!;
    if (rate < this.#limits[flow]!) return rate;
    let free = Infinity;
    const first = flow * MOST_HOPS;
    for (let hop = first; hop < first + this.#hops[flow]!; hop++) {
      const link = this.#paths[hop]!;
      free = Math.min(free, this.#capacities[link]! - (this.#taken[link]! - rate));
    }
    return Math.max(rate, free);
  }

  #begin(): void {
    this.#taken.fill(0);
    this.#rising.fill(0);
    this.#linkCount = 0;
    this.#flowCount = this.#flows;
    for (let flow = 0; flow < this.#flows; flow++) {
      this.#risingFlows[flow] = flow;
      const first = flow * MOST_HOPS;
      for (let hop = first; hop < first + this.#hops[flow]!; hop++) {
        const link = this.#paths[hop]!;
        if (this.#rising[link]!++ === 0) this.#risingLinks[this.#linkCount++] = link;
      }
    }
  }

  /** Returns the level at which the next link is full, or Infinity if no rising flow has a link. */
  #lowestLevel(): number {
    let lowest = Infinity;
    let kept = 0;
    for (let i = 0; i < this.#linkCount; i++) {
      const link = this.#risingLinks[i]!;
      const rising = this.#rising[link]!;
      if (rising === 0) continue;
      this.#risingLinks[kept++] = link;
      const level = (this.#capacities[link]! - this.#taken[link]!) / rising;
      this.#levels[link] = level;
      if (level < lowest) lowest = level;
    }
    this.#linkCount = kept;
    return lowest;
  }

  /** Stops the flows whose limit is no higher than the level; returns whether there were any. */
  #stopLimited(level: number): boolean {
    let kept = 0;
    const count = this.#flowCount;
    for (let i = 0; i < count; i++) {
      const flow = this.#risingFlows[i]!;
      if (this.#limits[flow]! <= level) this.#stop(flow, this.#limits[flow]!);
      else this.#risingFlows[kept++] = flow;
    }
    this.#flowCount = kept;
    return kept < count;
  }

  /** Stops the flows over links that are full at this level. */
  #stopAtFullLinks(level: number): void {
    let kept = 0;
    for (let i = 0; i < this.#flowCount; i++) {
      const flow = this.#risingFlows[i]!;
      if (this.#hasFullLink(flow, level)) this.#stop(flow, level);
      else this.#risingFlows[kept++] = flow;
    }
    this.#flowCount = kept;
  }

  #hasFullLink(flow: number, level: number): boolean {
    const first = flow * MOST_HOPS;
    for (let hop = first; hop < first + this.#hops[flow]!; hop++) {
      if (this.#levels[this.#paths[hop]!] === level) return true;
    }
    return false;
  }

  #stop(flow: number, rate: number): void {
    this.rates[flow] = rate;
    const first = flow * MOST_HOPS;
    for (let hop = first; hop < first + this.#hops[flow]!; hop++) {
      const link = this.#paths[hop]!;
      this.#taken[link]! += rate;
      this.#rising[link]!--;
    }
  }
}
