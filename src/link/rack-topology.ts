import type { LinkSpec } from './network.ts';

/** The links of one part of a data centre, in either direction, as indices of `RackTopology.links`. */
interface Duplex {
  readonly up: number;
  readonly down: number;
}

interface HostPlace {
  readonly own: Duplex;
  readonly rack: string;
  readonly cluster: string;
}

/** The rates of a data centre's links in each direction, in bytes a second; Infinity is no limit. */
export interface RackRates {
  /** From a rack's top-of-rack switch to its cluster's switch. */
  readonly rackBytesPerSecond: number;
  /** From a cluster's switch to the router that joins the clusters. */
  readonly clusterBytesPerSecond: number;
}

/**
 * The network of a data centre: hosts in racks under top-of-rack switches, racks in clusters, and clusters under one
 * router. Every link is full duplex. Traffic climbs only as high as it has to: within a rack it passes the two hosts'
 * network cards alone.
 */
export class RackTopology {
  readonly #rates: RackRates;
  readonly #links: LinkSpec[] = [];
  readonly #hosts = new Map<string, HostPlace>();
  readonly #racks = new Map<string, Duplex>();
  readonly #clusters = new Map<string, Duplex>();

  constructor(rates: RackRates) {
    this.#rates = rates;
  }

  /** All links, at their indices; they are for `createNetwork`, once all hosts have been added. */
  get links(): readonly LinkSpec[] {
    return this.#links;
  }

  /**
   * Adds a host with a network card of this rate in each direction to a rack of a cluster. Racks of two clusters may
   * have the same name. Throws RangeError if the host's name is taken.
   */
  addHost(name: string, rack: string, cluster: string, nicBytesPerSecond: number): void {
    if (this.#hosts.has(name)) throw new RangeError(`there are two hosts of the name "${name}"`);
    const { rackBytesPerSecond, clusterBytesPerSecond } = this.#rates;
    const rackKey = `${cluster}/${rack}`;
    this.#hosts.set(name, { own: this.#add(name, nicBytesPerSecond), rack: rackKey, cluster });
    if (!this.#racks.has(rackKey)) {
      this.#racks.set(rackKey, this.#add(`rack ${rackKey}`, rackBytesPerSecond));
    }
    if (!this.#clusters.has(cluster)) {
      this.#clusters.set(cluster, this.#add(`cluster ${cluster}`, clusterBytesPerSecond));
    }
  }

  /** Returns the links of a host's network card. Throws RangeError for an unknown host. */
  nicOf(name: string): Duplex {
    return this.#host(name).own;
  }

  /**
   * Returns the indices of the links from one host to another; within a host there are none. Throws RangeError for an
   * unknown host.
   */
  route(from: string, to: string): number[] {
    if (from === to) return [];
    const source = this.#host(from);
    const target = this.#host(to);
    if (source.rack === target.rack) return [source.own.up, target.own.down];
    const [leaving, coming] = [this.#racks.get(source.rack)!, this.#racks.get(target.rack)!];
    if (source.cluster === target.cluster) {
      return [source.own.up, leaving.up, coming.down, target.own.down];
    }
    const [out, into] = [this.#clusters.get(source.cluster)!, this.#clusters.get(target.cluster)!];
    return [source.own.up, leaving.up, out.up, into.down, coming.down, target.own.down];
  }

  /** Returns the links from a host to the router, over which its users are reached, and those back. */
  toRouter(name: string): { readonly out: readonly number[]; readonly back: readonly number[] } {
    const { own, rack, cluster } = this.#host(name);
    const parts = [own, this.#racks.get(rack)!, this.#clusters.get(cluster)!];
    return { out: parts.map(({ up }) => up), back: parts.map(({ down }) => down) };
  }

  #host(name: string): HostPlace {
    const host = this.#hosts.get(name);
    if (!host) throw new RangeError(`there is no host "${name}"`);
    return host;
  }

  #add(name: string, bytesPerSecond: number): Duplex {
    const up = this.#links.push({ name: `${name} up`, bytesPerSecond }) - 1;
    const down = this.#links.push({ name: `${name} down`, bytesPerSecond }) - 1;
    return { up, down };
  }
}
