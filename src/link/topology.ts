import type { LinkSpec } from './network.ts';

interface HostLinks {
  readonly index: number;
  readonly up: number;
  readonly down: number;
}

/**
 * Hosts whose NICs are joined by a core. A NIC is full duplex, that is, an uplink and a downlink. So is
 * the core: traffic to a host that was added later than the sender goes over one direction of it, traffic
 * to an earlier one over the other, so that the two directions between two hosts never share a link. A
 * core without a rate holds no traffic back.
 */
export class Topology {
  readonly #links: LinkSpec[] = [];
  readonly #hosts = new Map<string, HostLinks>();
  #core: { readonly forth: number; readonly back: number } | undefined;

  /** All links, at their indices; they are for `createNetwork`, once all hosts have been added. */
  get links(): readonly LinkSpec[] {
    return this.#links;
  }

  /** Adds a host with a NIC of this rate in each direction. Throws RangeError if the name is taken. */
  addHost(name: string, nicBytesPerSecond: number): void {
    if (this.#hosts.has(name)) throw new RangeError(`there are two hosts of the name "${name}"`);
    this.#hosts.set(name, {
      index: this.#hosts.size,
      up: this.#add(`${name} up`, nicBytesPerSecond),
      down: this.#add(`${name} down`, nicBytesPerSecond),
    });
  }

  /** Sets the core's rate in each direction, in bytes a second. Throws RangeError if it has been set. */
  core(bytesPerSecond: number): void {
    if (this.#core) throw new RangeError('the topology has a core already, and it has one at most');
    this.#core = {
      forth: this.#add('core forth', bytesPerSecond),
      back: this.#add('core back', bytesPerSecond),
    };
  }

  /**
   * Returns the indices of the links from one host to another; within a host there are none. Throws
   * RangeError for an unknown host.
   */
  route(from: string, to: string): number[] {
    const source = this.#host(from);
    const target = this.#host(to);
    if (source === target) return [];
    if (!this.#core) return [source.up, target.down];
    const core = source.index < target.index ? this.#core.forth : this.#core.back;
    return [source.up, core, target.down];
  }

  #host(name: string): HostLinks {
    const host = this.#hosts.get(name);
    if (host) return host;
    const names = [...this.#hosts.keys()].join(', ');
    throw new RangeError(`there is no host "${name}"; the hosts are: ${names}`);
  }

  #add(name: string, bytesPerSecond: number): number {
    return this.#links.push({ name, bytesPerSecond }) - 1;
  }
}
