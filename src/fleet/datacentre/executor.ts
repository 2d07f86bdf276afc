import type { ParallelLimits } from '../evacuation/config.ts';
import type { FleetMigration, PageMigrations } from './page-migrations.ts';
import type { Decision, Move } from './policies/policy.ts';
import type { FleetVm, VmHost } from './vm.ts';

/** A chain of moves, of which the first one that is left is under way or comes next. */
interface Chain {
  readonly moves: readonly Move[];
  next: number;
  running: FleetMigration | undefined;
}

export interface ExecutorParts {
  readonly hosts: ReadonlyMap<string, VmHost>;
  readonly vms: ReadonlyMap<string, FleetVm>;
  readonly migrations: Pick<PageMigrations, 'ask'>;
  readonly limits: ParallelLimits;
  /** So many migrations can be under way at a time, whatever the limits. */
  readonly mostMigrations: number;
  /** Whether nothing may begin any more. */
  readonly isCancelled: () => boolean;
  /** Called when a VM has been allowed another number of CPUs. */
  readonly onResized: (vm: FleetVm) => void;
  /** Called when a decision has been carried out, with the hosts whose loads it has changed. */
  readonly onDone: (hosts: ReadonlySet<VmHost>, nowNs: number) => void;
}

/** Carries decisions out: it starts each chain's moves one after another, as the limits of parallel migrations allow. */
export class Executor {
  readonly #parts: ExecutorParts;
  #chains: Chain[] = [];
  readonly #running = new Set<FleetMigration>();
  readonly #touched = new Set<VmHost>();
  /** Moves that could not be made, because their targets had no memory any more or the migrations before them failed. */
  refused = 0;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  /** Whether a decision is under way. */
  get isBusy(): boolean {
    return this.#chains.length > 0;
  }

  /** Begins to carry a decision out, which names only hosts and VMs that are there. */
  begin({ chains = [], resizes = [] }: Decision, nowNs: number): void {
    for (const { vm: name, memoryBytes, cpus } of resizes) {
      const vm = this.#vm(name);
      this.#allow(vm, cpus, nowNs);
      if (memoryBytes === undefined) continue;
      if (memoryBytes - vm.memoryBytes <= vm.host.freeBytes) vm.memoryBytes = memoryBytes;
      else this.refused++;
    }
    for (const moves of chains) {
      if (moves.length > 0) this.#chains.push({ moves, next: 0, running: undefined });
    }
    this.#goOn(nowNs);
  }

  /** Allows a VM another number of CPUs. */
  #allow(vm: FleetVm, cpus: number | undefined, nowNs: number): void {
    if (cpus === undefined || cpus === vm.cpus) return;
    const { host } = vm;
    host.live(nowNs);
    vm.cpus = cpus;
    host.demand(vm, vm.demandCpus);
    host.changed();
    this.#parts.onResized(vm);
  }

  #goOn(nowNs: number): void {
    const { limits, isCancelled } = this.#parts;
    const waiting = this.#chains.filter(({ running }) => !running);
    if (isCancelled()) {
      for (const chain of waiting) chain.next = chain.moves.length;
    } else if (!limits.inBatches || this.#running.size === 0) {
      for (const chain of waiting) this.#start(chain, nowNs);
    }
    const wereBusy = this.isBusy;
    this.#chains = this.#chains.filter(({ moves, next }) => next < moves.length);
    if (this.isBusy || !wereBusy) return;
    this.#parts.onDone(new Set(this.#touched), nowNs);
    this.#touched.clear();
  }

  #start(chain: Chain, nowNs: number): void {
    while (chain.next < chain.moves.length) {
      const { vm: name, to: target, cpus } = chain.moves[chain.next]!;
      const vm = this.#vm(name);
      const to = this.#host(target);
      if (vm.host === to) {
        this.#allow(vm, cpus, nowNs);
        chain.next++;
        continue;
      }
      if (vm.isMigrating || to.freeBytes < vm.memoryBytes) {
        // Without this move, those after it would find no room or no load that calls for them.
        this.refused += chain.moves.length - chain.next;
        chain.next = chain.moves.length;
        return;
      }
      if (!this.#hasRoom(vm.host, to)) return;
      this.#touched.add(vm.host).add(to);
      const migration = this.#parts.migrations.ask(vm, to, nowNs, ({ isMoved, endNs }) => {
        this.#running.delete(migration);
        chain.running = undefined;
        if (isMoved) this.#allow(vm, cpus, endNs!);
        chain.next = isMoved ? chain.next + 1 : chain.moves.length;
        this.#goOn(endNs!);
      });
      this.#running.add(migration);
      chain.running = migration;
      return;
    }
  }

  #hasRoom(from: VmHost, to: VmHost): boolean {
    const { limits, mostMigrations } = this.#parts;
    if (this.#running.size >= Math.min(limits.cluster, mostMigrations)) return false;
    let leaving = 0;
    let coming = 0;
    for (const one of this.#running) {
      if (one.from === from) leaving++;
      if (one.to === to) coming++;
    }
    return leaving < limits.outgoing && coming < limits.incoming;
  }

  #vm(name: string): FleetVm {
    return this.#parts.vms.get(name)!;
  }

  #host(name: string): VmHost {
    return this.#parts.hosts.get(name)!;
  }
}
