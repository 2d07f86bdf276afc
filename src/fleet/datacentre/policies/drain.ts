import { book, cpusOf, hasRoom, type LoadedHost, loadedHosts } from './loads.ts';
import type { Decision, FleetPolicy, FleetView, Move, VmView } from './policy.ts';
import { best } from './simple.ts';

/** Where the VMs of a drained host go, by the names that a fleet's `placement` has. */
export type DrainPlacement = 'first-fit' | 'best-fit' | 'spread';

/** A host that is to be emptied, and from when on. */
export interface DrainedHost {
  readonly name: string;
  readonly atNs: number;
}

/**
 * Maintenance: from its time on a host is emptied, as `nova host-evacuate-live` and `kubectl drain` with KubeVirt do, and
 * nothing moves to it any more. How many migrations are under way at a time is a matter of the fleet's limits. Between
 * drains another policy watches the hosts that are left.
 */
export class DrainPolicy implements FleetPolicy {
  readonly name = 'drain';
  readonly #hosts: readonly DrainedHost[];
  readonly #placement: DrainPlacement;
  readonly #others: FleetPolicy;

  constructor(hosts: readonly DrainedHost[], placement: DrainPlacement, others: FleetPolicy) {
    this.#hosts = hosts;
    this.#placement = placement;
    this.#others = others;
  }

  decide(view: FleetView): Decision | undefined {
    const due = new Set(
      this.#hosts.filter(({ atNs }) => atNs <= view.nowNs).map(({ name }) => name),
    );
    const { chains, isPartial } = this.#drain(view, due);
    if (chains.length > 0) return { chains, isPartial };
    return this.#others.decide({
      ...view,
      hosts: view.hosts.filter(({ name }) => !due.has(name)),
    });
  }

  /** Plans moves of all VMs of the hosts that are due, the largest first, as small ones still find room later. */
  #drain(view: FleetView, due: ReadonlySet<string>): { chains: Move[][]; isPartial: boolean } {
    const chains: Move[][] = [];
    let isPartial = false;
    if (due.size === 0) return { chains, isPartial };
    const hosts = loadedHosts(view);
    const open = hosts.filter(({ view: { name } }) => !due.has(name));
    for (const from of hosts) {
      if (!due.has(from.view.name)) continue;
      for (const vm of [...from.vms].toSorted((a, b) => b.memoryBytes - a.memoryBytes)) {
        const to = this.#target(open, vm, view.hotspot.threshold);
        if (to) chains.push([book(vm, from, to)]);
        else isPartial = true;
      }
    }
    return { chains, isPartial };
  }

  /**
   * Returns a host that has the memory for a VM: one that stays below the threshold if there is any, and among those one
   * that is not to be emptied later.
   */
  #target(open: readonly LoadedHost[], vm: VmView, threshold: number): LoadedHost | undefined {
    const withMemory = open.filter((host) => hasRoom(host, vm, Infinity));
    const cool = orAll(withMemory, (host) => hasRoom(host, vm, threshold));
    const room = orAll(cool, ({ view: { name } }) => !this.#hosts.some((one) => one.name === name));
    if (this.#placement === 'first-fit') return room[0];
    if (this.#placement === 'best-fit') return best(room, ({ freeBytes }) => -freeBytes);
    const loadOf = ({ cpu, view }: LoadedHost): number => cpu + cpusOf(vm) / view.cpus;
    const least = Math.min(...room.map(loadOf));
    return best(
      room.filter((host) => loadOf(host) === least),
      ({ freeBytes }) => freeBytes,
    );
  }
}

/** Returns those for which a condition holds, or all of them when it holds for none. */
function orAll<One>(all: readonly One[], isGood: (one: One) => boolean): readonly One[] {
  const good = all.filter((one) => isGood(one));
  return good.length > 0 ? good : all;
}
