import type { PlannedHost } from './ledger.ts';

/** Hosts from the least to the most busy; those that are as busy keep the order in which they were given. */
export class VolumeOrder {
  readonly #sorted: PlannedHost[];
  readonly #volumes = new Map<PlannedHost, number>();
  readonly #ranks: ReadonlyMap<PlannedHost, number>;

  constructor(hosts: readonly PlannedHost[]) {
    this.#ranks = new Map(hosts.map((host, rank) => [host, rank]));
    for (const host of hosts) this.#volumes.set(host, host.volume);
    this.#sorted = hosts.toSorted((a, b) => this.#compare(a, b));
  }

  get hosts(): readonly PlannedHost[] {
    return this.#sorted;
  }

  /** Brings a host to its place whose load has changed. */
  update(host: PlannedHost): void {
    const sorted = this.#sorted;
    sorted.splice(sorted.indexOf(host), 1);
    this.#volumes.set(host, host.volume);
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(sorted[middle]!, host) < 0) low = middle + 1;
      else high = middle;
    }
    sorted.splice(low, 0, host);
  }

  #compare(a: PlannedHost, b: PlannedHost): number {
    return (
      this.#volumes.get(a)! - this.#volumes.get(b)! || this.#ranks.get(a)! - this.#ranks.get(b)!
    );
  }
}
