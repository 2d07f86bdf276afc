import { book, cpusOf, hasRoom, hotspotsOf, type LoadedHost, loadedHosts } from './loads.ts';
import type { Decision, FleetPolicy, FleetView, HostView, Move, VmView } from './policy.ts';
import { best } from './simple.ts';

/** A host as Watcher sees it: what each of its VMs used on average, and all of them together, in CPUs. */
interface Node {
  readonly host: HostView;
  readonly loads: ReadonlyMap<VmView, number>;
  readonly cpus: number;
}

/**
 * OpenStack Watcher's strategy workload_balance: a single VM at a time leaves the busiest host at or above the threshold.
 * It is the one whose load comes closest to what the host has more than the average, and not above it; it goes to the
 * least busy host that stays below the threshold (openstack/watcher, decision_engine/strategy/strategies/workload_balance.py).
 * A host's load is the sum of its VMs', each a mean over a period, wherever they were then.
 */
export class WatcherPolicy implements FleetPolicy {
  readonly name = 'watcher';
  readonly #threshold: number;
  readonly #periodNs: number;

  constructor(threshold: number, periodNs: number) {
    this.#threshold = threshold;
    this.#periodNs = periodNs;
  }

  decide(view: FleetView): Decision | undefined {
    if (view.nowNs < this.#periodNs) return undefined;
    const nodes = this.#nodes(view);
    const busy = nodes
      .filter((node) => useOf(node) >= this.#threshold)
      .toSorted((a, b) => useOf(b) - useOf(a));
    if (busy.length === 0) return undefined;
    const hotspots = busy.map(({ host: { name } }) => ({ host: name, resource: 'cpu' as const }));
    const move = this.#move(nodes, busy);
    return { chains: move ? [[move]] : [], hotspots };
  }

  #nodes({ hosts, intervalNs }: FleetView): Node[] {
    const readings = Math.max(1, Math.round(this.#periodNs / intervalNs));
    return hosts
      .filter(({ isScratch }) => !isScratch)
      .map((host) => {
        const loads = new Map(host.vms.map((vm) => [vm, meanOf(vm.readings.cpu.tail(readings))]));
        return { host, loads, cpus: sumOf([...loads.values()]) };
      });
  }

  #move(nodes: readonly Node[], busy: readonly Node[]): Move | undefined {
    const average = meanOf(nodes.map(({ cpus }) => cpus));
    for (const { loads, cpus } of busy) {
      const movable = [...loads].filter(([, load]) => load <= cpus - average);
      const chosen = best(movable, ([, load]) => load);
      if (!chosen) continue;
      const [vm, load] = chosen;
      const room = nodes.filter(
        (node) =>
          useOf(node) < this.#threshold &&
          node.host.freeBytes >= vm.memoryBytes &&
          node.cpus + load < this.#threshold * node.host.cpus,
      );
      const to = best(room, (node) => -useOf(node));
      return to && { vm: vm.name, to: to.host.name };
    }
    return undefined;
  }
}

/** The share of a host's CPUs that its VMs used. */
const useOf = ({ host, cpus }: Node): number => cpus / host.cpus;

/**
 * The rule of VMware's Distributed Resource Scheduler: while the standard deviation of the hosts' loads is above a
 * target, the move that lowers it most is made (Gulati et al., VMware Technical Journal 1(1), 2012, "VMware
 * Distributed Resource Management: Design, Implementation, and Lessons Learned").
 */
export class DrsPolicy implements FleetPolicy {
  readonly name = 'drs';
  readonly #target: number;
  readonly #mostMoves: number;

  constructor(target: number, mostMoves: number) {
    this.#target = target;
    this.#mostMoves = mostMoves;
  }

  decide(view: FleetView): Decision | undefined {
    const hosts = loadedHosts(view);
    const chains: Move[][] = [];
    while (chains.length < this.#mostMoves && deviationOf(hosts) > this.#target) {
      const move = bestMove(hosts);
      if (!move) break;
      chains.push([book(move.vm, move.from, move.to)]);
    }
    return chains.length === 0 ? undefined : { chains, hotspots: hotspotsOf(view) };
  }
}

/** Returns the move that lowers the sum of squares of the loads most. */
function bestMove(hosts: readonly LoadedHost[]) {
  let most = LEAST_GAIN;
  let found: { vm: VmView; from: LoadedHost; to: LoadedHost } | undefined;
  for (const from of hosts) {
    for (const vm of from.vms) {
      const cpus = cpusOf(vm);
      const gained = square(from.cpu) - square(from.cpu - cpus / from.view.cpus);
      // No target makes a move better than what its source gains by it.
      if (gained <= most) continue;
      for (const to of hosts) {
        const gain = gained + square(to.cpu) - square(to.cpu + cpus / to.view.cpus);
        if (gain <= most || to === from || !hasRoom(to, vm, 1)) continue;
        most = gain;
        found = { vm, from, to };
      }
    }
  }
  return found;
}

/** A move that lowers the sum of squares by less than this is not worth it. */
const LEAST_GAIN = 1e-6;

/**
 * Consolidation: the least busy host is emptied when all of its VMs find room on others that stay below the threshold,
 * so that it can be switched off; a host that gets too busy is relieved of its busiest VM.
 */
export class ConsolidationPolicy implements FleetPolicy {
  readonly name = 'consolidation';
  readonly #low: number;
  readonly #most: number;

  constructor(low: number, most: number) {
    this.#low = low;
    this.#most = most;
  }

  decide(view: FleetView): Decision | undefined {
    const hotspots = hotspotsOf(view);
    const hosts = loadedHosts(view);
    const hot = new Set(hotspots.map(({ host }) => host));
    const chains: Move[][] = [];
    for (const from of hosts) {
      if (!hot.has(from.view.name)) continue;
      const vm = best([...from.vms], cpusOf);
      // Switched-off hosts come last, since each draws power again once it has a VM.
      const to = vm && this.#fullest(hosts, vm, from);
      if (!to) continue;
      chains.push([book(vm, from, to)]);
    }
    if (hot.size === 0) chains.push(...this.#empty(hosts));
    return chains.length === 0 ? undefined : { chains, hotspots };
  }

  #empty(hosts: readonly LoadedHost[]): Move[][] {
    const used = hosts.filter(({ vms }) => vms.size > 0);
    const from = best(used, ({ cpu }) => -cpu);
    const seen = from?.view.readings.cpu;
    if (!from || !seen || seen.fresh < 5 || from.cpu > this.#low) return [];
    const others = used.filter((host) => host !== from);
    const chains: Move[][] = [];
    for (const vm of [...from.vms].toSorted((a, b) => cpusOf(b) - cpusOf(a))) {
      const to = this.#fullest(others, vm, from);
      if (!to) return [];
      chains.push([book(vm, from, to)]);
    }
    return chains;
  }

  /** Returns the busiest host that has room. */
  #fullest(hosts: readonly LoadedHost[], vm: VmView, from: LoadedHost): LoadedHost | undefined {
    return best(
      hosts.filter((host) => host !== from && hasRoom(host, vm, this.#most)),
      ({ cpu, vms }) => (vms.size > 0 ? cpu : -1),
    );
  }
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? 0 : sumOf(values) / values.length;

function deviationOf(hosts: readonly LoadedHost[]): number {
  const mean = meanOf(hosts.map(({ cpu }) => cpu));
  return Math.sqrt(meanOf(hosts.map(({ cpu }) => square(cpu - mean))));
}

const square = (value: number): number => value * value;
