/** The longest path of a flow. */
export const MOST_HOPS = 8;

/**
 * Max-min fair shares of flows over links with capacities, each flow with a limit of its own, by
 * progressive filling (Bertsekas and Gallager, Data Networks, section 6.5.2): all rates rise together;
 * a flow that reaches its limit, or one of whose links is full, stays where it is, and the others rise
 * on. Fill it anew with `clear` and `add`; nothing is allocated.
 */
export class FairShares {
  /** The share of each flow, in the order in which they were added. */
  readonly rates: Float64Array;
  readonly #capacities: Float64Array;
  readonly #limits: Float64Array;
  readonly #hops: Int32Array;
  readonly #paths: Int32Array;
  #flows = 0;
  /** Bytes a second that flows which rise no more take of each link. */
  readonly #taken: Float64Array;
  /** Flows of each link that still rise. */
  readonly #rising: Int32Array;
  /** Up to where the rising flows of each link can rise. */
  readonly #levels: Float64Array;
  /** Links that have rising flows, and those flows. */
  readonly #risingLinks: Int32Array;
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

  clear(): void {
    this.#flows = 0;
  }

  /** Adds a flow whose path of `hops` links begins at `words[at]`. */
  add(limit: number, words: Int32Array, at: number, hops: number): void {
    const flow = this.#flows++;
    this.#limits[flow] = limit;
    let finite = 0;
    for (let hop = 0; hop < hops; hop++) {
      const link = words[at + hop]!;
      // A link without a bound never holds a flow back.
      if (this.#capacities[link] === Infinity) continue;
      this.#paths[flow * MOST_HOPS + finite++] = link;
    }
    this.#hops[flow] = finite;
  }

  fill(): void {
    this.#begin();
    while (this.#flowCount > 0) {
      const level = this.#lowestLevel();
      // A flow whose limit is below what all can have leaves the others more: the level can only rise.
      if (!this.#stopLimited(level)) this.#stopAtFullLinks(level);
    }
  }

  /** At what rate a frame of the flow leaves: with its share, and with what nobody uses beyond its limit. */
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

  /** The level at which the next link is full; Infinity when no rising flow has a link. */
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

  /** Stops the flows whose limit is no higher than the level; whether there were any. */
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
