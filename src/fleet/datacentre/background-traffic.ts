import type { Flow, Network } from '../../link/network.ts';

/** A link over which migrations go, and the flow that stands for what applications send over it. */
interface SharedLink {
  readonly flow: Flow;
  users: number;
}

/**
 * What applications send over the links that migrations use. On each of these links it is one flow, which takes no more
 * than they have to send; so migrations and applications hold each other back.
 */
export class BackgroundTraffic {
  readonly #network: Network;
  readonly #demand: Float64Array;
  readonly #shared = new Map<number, SharedLink>();

  /** The network needs room for a flow on each of its `links`. */
  constructor(network: Network, links: number) {
    this.#network = network;
    this.#demand = new Float64Array(links);
  }

  /** Says that a migration uses these links from now on. */
  open(links: readonly number[]): void {
    for (const link of links) {
      const known = this.#shared.get(link);
      if (known) {
        known.users++;
        continue;
      }
      const flow = this.#network.flow(this.#network.openFlow([link]));
      this.#shared.set(link, { flow, users: 1 });
      this.#apply(link, flow);
    }
  }

  /** Says that a migration has ended. */
  close(links: readonly number[]): void {
    for (const link of links) {
      const shared = this.#shared.get(link)!;
      if (--shared.users > 0) continue;
      shared.flow.close();
      this.#shared.delete(link);
    }
  }

  /** Sets what applications send over each link from now on, in bytes a second. */
  set(demand: Float64Array): void {
    this.#demand.set(demand);
    for (const [link, { flow }] of this.#shared) this.#apply(link, flow);
  }

  /** Returns what applications get of a link of this capacity beside migrations, in bytes a second. */
  rateOf(link: number, capacity: number): number {
    const shared = this.#shared.get(link);
    if (!shared || !(this.#demand[link]! > 0)) return capacity;
    const got = shared.flow.rate();
    // A flow that gets all that it asks for may have more.
    return got < this.#demand[link]! ? got : capacity;
  }

  #apply(link: number, flow: Flow): void {
    const demand = this.#demand[link]!;
    if (demand > 0) {
      flow.limit(demand);
      flow.start();
    } else {
      flow.rest();
    }
  }
}
