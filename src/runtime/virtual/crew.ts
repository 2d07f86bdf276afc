import { VirtualVcpu } from '../../guest/virtual-vcpu.ts';
import type { FaultLog } from '../../guest/faults.ts';
import type { BalloonHost } from '../../guest/guest-disk.ts';
import type { MemoryManager } from '../../guest/memory-manager.ts';
import type { GuestPlan } from '../../guest/stream-plan.ts';
import { accessesOf } from '../../guest/stream-record.ts';
import type { ZeroLog } from '../../guest/zeroing.ts';
import type { Memslot } from '../../memory/memslot.ts';
import type { GateLayer } from '../../memory/gate/gate-layer.ts';
import { marksOf } from '../../memory/dirty-logs/open.ts';
import { WriterHandshake } from '../../memory/handshake/writer.ts';
import type { GuestSide } from '../common/guest-side.ts';
import type { Costs } from '../costs.ts';

/** What an overcommitted host has to do with a guest's vCPUs. */
export interface Hosting {
  /** The layers of the page gate besides demand faults, the same for every vCPU. */
  readonly layers?: readonly GateLayer[];
  /** What takes the machine pages of the guest's balloon. */
  readonly host?: BalloonHost;
}

/** The vCPUs of one side. They are advanced together, and only when their memory or state is about to be read. */
export class VirtualCrew {
  readonly #vcpus: readonly VirtualVcpu[];
  readonly #guestSide: GuestSide;
  readonly #plan: GuestPlan;
  #drainRings: () => void = () => undefined;
  #onAdvanced: (nowNs: number) => void = () => undefined;

  constructor(guestSide: GuestSide, plan: GuestPlan, costs: Costs, hosting: Hosting = {}) {
    this.#guestSide = guestSide;
    this.#plan = plan;
    this.#vcpus = Array.from({ length: plan.vcpus }, (_, vcpu) => {
      const writer = vcpu + 1;
      return new VirtualVcpu({
        vcpu,
        plan,
        memory: guestSide.memory,
        words: guestSide.words,
        area: guestSide.area,
        handshake: new WriterHandshake(guestSide.words, writer, guestSide.doorbell),
        marks: marksOf(guestSide.log.kind, writer, guestSide.rings),
        hints: guestSide.hints,
        costs,
        drainRings: () => this.#drainRings(),
        ...hosting,
      });
    });
  }

  /** Sets what drains the rings when a vCPU finds its own full, and what is called after each advance. */
  attend(drainRings: () => void, onAdvanced: (nowNs: number) => void): void {
    this.#drainRings = drainRings;
    this.#onAdvanced = onAdvanced;
  }

  /** Runs every vCPU to a point in time; a vCPU that faults before it stops there. */
  advance(toNs: number): void {
    for (const vcpu of this.#vcpus) vcpu.advance(toNs);
    this.#onAdvanced(toNs);
  }

  /** Has the vCPUs answer what the engine has asked them. */
  poll(nowNs: number): void {
    for (const vcpu of this.#vcpus) vcpu.poll(nowNs);
  }

  isRunning(): boolean {
    return this.#vcpus.some(({ isRunning }) => isRunning);
  }

  /** Takes this much CPU time from every vCPU, because something else uses its CPU. */
  steal(ns: number): void {
    for (const vcpu of this.#vcpus) vcpu.steal(ns);
  }

  /** Makes so many more accesses of the first vCPU's first workload due, from `nowNs` on. */
  owe(accesses: number, nowNs: number): void {
    this.advance(nowNs);
    this.#vcpus[0]!.owe(accesses);
  }

  /** Returns the time of the first fault that the engine has not been told of; Infinity when there is none. */
  faultAtNs(): number {
    let firstNs = Infinity;
    for (const vcpu of this.#vcpus) firstNs = Math.min(firstNs, vcpu.faultAtNs);
    return firstNs;
  }

  /** Lets vCPUs whose page has arrived go on, and tells the engine of the faults up to `nowNs`. */
  attendFaults(nowNs: number): void {
    for (const vcpu of this.#vcpus) {
      vcpu.settle(nowNs);
      vcpu.announce(nowNs);
    }
  }

  /** Returns when every vCPU can have answered, which a vCPU that sleeps for a throttle does only once it is awake. */
  awakeAtNs(nowNs: number): number {
    return this.#vcpus.reduce((last, vcpu) => Math.max(last, vcpu.awakeAtNs(nowNs)), nowNs);
  }

  /** Has every vCPU release the memory that the engine has asked for; returns when the last one has done so. */
  release(): number {
    return this.#vcpus.reduce((lastNs, vcpu) => Math.max(lastNs, vcpu.release()), 0);
  }

  /** The parts of the guest's memory manager, one for each vCPU; empty when the guest has none. */
  get managers(): readonly MemoryManager[] {
    return this.#vcpus.flatMap(({ manager }) => manager ?? []);
  }

  /** Has the balloon take so many pages, from each vCPU's part in proportion to the pages that it manages. */
  inflate(pages: number): void {
    const { managers } = this;
    const all = managers.reduce((sum, { managedPages }) => sum + managedPages, 0);
    let left = pages;
    for (const [i, manager] of managers.entries()) {
      const own = Math.min(left, Math.ceil((pages * manager.managedPages) / all));
      if (own > 0) this.#vcpus[i]!.inflate(own);
      left -= own;
    }
  }

  /** Has the guest's memory manager boot anew. */
  reset(): void {
    for (const vcpu of this.#vcpus) vcpu.reset();
  }

  /** Zeroes a page of a slot because the guest boots; one that the memory manager does not manage stays as it is. */
  clear(slot: Memslot, page: number): void {
    for (const vcpu of this.#vcpus) vcpu.clear(slot, page);
  }

  /** Returns the pages that the guest's memory manager has zeroed, vCPU after vCPU. */
  zeroings(): ZeroLog {
    return this.#vcpus.flatMap((vcpu) => vcpu.zeroings);
  }

  faultLogs(): (FaultLog | undefined)[] {
    return this.#vcpus.map((vcpu) => vcpu.faultLog());
  }

  accesses(): number {
    return accessesOf(this.#guestSide.memory, this.#plan);
  }
}
