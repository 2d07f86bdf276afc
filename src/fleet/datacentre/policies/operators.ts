import { book, cpusOf, hasRoom, hotspotsOf, type LoadedHost, loadedHosts } from './loads.ts';
import type { Decision, FleetPolicy, FleetView, Move } from './policy.ts';
import { best } from './simple.ts';

/**
 * OpenStack Watcher's strategy workload_balance: from each host above the threshold goes the VM whose load comes closest
 * to what the host has more than the average, to the least busy host that stays below the threshold
 * (openstack/watcher, decision_engine/strategy/strategies/workload_balance.py). It looks at means over a period.
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
    const readings = Math.max(1, Math.round(this.#periodNs / view.intervalNs));
    const hosts = loadedHosts(view);
    for (const host of hosts) host.cpu = meanOf(host.view.readings.cpu.tail(readings));
    const isReady = hosts.every(({ view: { readings: of } }) => of.cpu.fresh >= readings);
    const busy = hosts.filter(({ cpu }) => cpu > this.#threshold);
    if (!isReady || busy.length === 0) return undefined;
    const average = meanOf(hosts.map(({ cpu }) => cpu));
    const chains: Move[][] = [];
    for (const from of busy.toSorted((a, b) => b.cpu - a.cpu)) {
      const excess = (from.cpu - average) * from.view.cpus;
      const vm = best([...from.vms], (one) => -Math.abs(excess - cpusOf(one)));
      const room = vm && hosts.filter((to) => to !== from && hasRoom(to, vm, this.#threshold));
      const to = room && best(room, ({ cpu }) => -cpu);
      if (!to) continue;
      chains.push([book(vm, from, to)]);
    }
    const hotspots = busy.map(({ view: { name } }) => ({ host: name, resource: 'cpu' as const }));
    return { chains, hotspots };
  }
}

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

/** Returns the move from the busiest host that lowers the sum of squares of the loads most. */
function bestMove(hosts: readonly LoadedHost[]) {
  const from = best(hosts, ({ cpu }) => cpu)!;
  const moves = [...from.vms].flatMap((vm) =>
    hosts.filter((to) => to !== from && hasRoom(to, vm, 1)).map((to) => ({ vm, from, to })),
  );
  const gain = ({ vm, to }: (typeof moves)[number]): number => {
    const [less, more] = [cpusOf(vm) / from.view.cpus, cpusOf(vm) / to.view.cpus];
    return square(from.cpu) + square(to.cpu) - square(from.cpu - less) - square(to.cpu + more);
  };
  const move = best(moves, gain);
  return move && gain(move) > 1e-6 ? move : undefined;
}

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
  #fullest(
    hosts: readonly LoadedHost[],
    vm: Parameters<typeof cpusOf>[0],
    from: LoadedHost,
  ): LoadedHost | undefined {
    return best(
      hosts.filter((host) => host !== from && hasRoom(host, vm, this.#most)),
      ({ cpu, vms }) => (vms.size > 0 ? cpu : -1),
    );
  }
}

const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

function deviationOf(hosts: readonly LoadedHost[]): number {
  const mean = meanOf(hosts.map(({ cpu }) => cpu));
  return Math.sqrt(meanOf(hosts.map(({ cpu }) => square(cpu - mean))));
}

const square = (value: number): number => value * value;
