import { GATE, GATE_PRESENCE } from '../memory/handshake/words.ts';
import { ACCESS_BATCH } from '../memory/kernels/abi.ts';
import { type GateLayer, WAITS } from '../memory/gate/gate-layer.ts';
import type { Memslot } from '../memory/memslot.ts';
import { roomFor } from './access.ts';
import type { FaultLog } from './faults.ts';
import { PendingFaults } from './pending-faults.ts';
import type { Group } from './groups.ts';
import type { BalloonHost } from './guest-disk.ts';
import type { ManagerCosts } from './manager-costs.ts';
import type { HintDriver } from './hint-driver.ts';
import type { MemoryManager } from './memory-manager.ts';
import { type BatchEnd, VcpuCore, type VcpuSite } from './vcpu-core.ts';
import { ALIVE_NS, GAP_NS, RESUMED_NS, vcpuAreaAt } from './vcpu-state.ts';
import type { ZeroLog } from './zeroing.ts';

/** How long the actions of a vCPU take, in nanoseconds. */
export interface VcpuCosts extends ManagerCosts {
  /** The time of an access, and thereby the pace of a workload whose rate is `max`. */
  readonly accessNs: number;
  /** The additional time of the first write to a page since its last harvest, for the fault of a protected page. */
  readonly firstWriteNs: number;
  /** The time to go on after a demand fault, once the page is present. */
  readonly wakeNs: number;
  /** The time of a demand fault whose page has arrived already and lies in a buffer. */
  readonly minorFaultNs: number;
  /** The time to leave the guest because its dirty ring is full, until the engine has drained the ring. */
  readonly ringFullNs: number;
  /** The time to send a free block as a hint; see Costs. */
  readonly hintBlockNs?: number;
}

export interface VirtualVcpuParts extends VcpuSite {
  readonly costs: VcpuCosts;
  /** Has the engine drain the rings. */
  readonly drainRings: () => void;
  /** Layers of the page gate besides demand faults. */
  readonly layers?: readonly GateLayer[];
  /** The host that drives the guest's balloon, if it is overcommitted. */
  readonly host?: BalloonHost | undefined;
}

/** How long a throttled vCPU runs between two sleeps (QEMU, softmmu/cpu-throttle.c). */
const THROTTLE_RUN_NS = 10e6;
/** How precisely the times of accesses are kept that a host may stop. */
const HOSTED_SLICE_NS = 1e6;
/** A shorter time counts as none, since rounding errors of sums of doubles may leave such a rest for ever. */
const INSTANT_NS = 1;

/**
 * A vCPU without a thread, on a virtual clock. `advance` makes every access that is due up to a point in time; it need
 * not be called before somebody wants to know the result. While pages are absent it stops at the first access that
 * misses one.
 */
export class VirtualVcpu {
  readonly #parts: VirtualVcpuParts;
  readonly #core: VcpuCore;
  readonly #at: number;
  readonly #faults: PendingFaults;
  #isRunning = false;
  #nowNs = 0;
  /** The time until which the accesses made so far keep it busy; it may be later than `#nowNs` by part of an access. */
  #busyNs = 0;
  /** How long it has run since its last sleep, and how long it has yet to sleep, while it is throttled. */
  #ranNs = 0;
  #sleepNs = 0;
  /** The CPU time that others have used and for which it has yet to stand still. */
  #stolenNs = 0;
  /** When the free block that it sends as a hint is sent; Infinity while it sends none. */
  #hintedAtNs = Infinity;
  /** The gate layer for which its next access waits. */
  #blockingLayer: GateLayer | undefined;

  constructor(parts: VirtualVcpuParts) {
    const { vcpu, plan, costs, words, area, handshake } = parts;
    this.#parts = parts;
    this.#at = vcpuAreaAt(plan, vcpu);
    const { writer } = handshake.local;
    this.#faults = new PendingFaults({ words, writer, area, at: this.#at, costs });
    const perNs = 1 / costs.accessNs;
    this.#core = new VcpuCore({
      ...parts,
      layers: [this.#faults, ...(parts.layers ?? [])],
      countsFresh: true,
      paceOf: (spec) =>
        spec.pace.kind === 'max' ? { ...spec, pace: { kind: 'even', perNs } } : spec,
    });
  }

  /** What its memory manager has zeroed on this side. */
  get zeroings(): ZeroLog {
    return this.#core.zeroings;
  }

  /** Gives back the pages that the engine has asked for; returns the time until which that keeps it busy. */
  release(): number {
    this.#core.attendManager();
    this.#giveBack();
    return Math.max(this.#nowNs, this.#busyNs);
  }

  /** Its part of the guest's memory manager; undefined when the guest has none. */
  get manager(): MemoryManager | undefined {
    return this.#core.manager;
  }

  /** Has its part of the balloon take so many pages now, which keeps the vCPU busy for a while. */
  inflate(pages: number): void {
    this.#core.manager!.inflate(pages);
    this.#giveBack();
  }

  /** Has its part of the memory manager boot anew. */
  reset(): void {
    this.#core.manager!.reset(() => this.#makeRoom());
  }

  /** Zeroes a page because the guest boots, if its part of the memory manager manages the page. */
  clear(slot: Memslot, page: number): void {
    this.#makeRoom();
    this.#core.manager?.clear(slot, page);
  }

  #makeRoom(): void {
    const { marks, handshake } = this.#parts;
    if (roomFor(marks, handshake.local) === 0) this.#drain();
  }

  /** Answers what the engine has asked by `nowNs`; `advance` must have brought it there. */
  poll(nowNs: number): void {
    const { handshake } = this.#parts;
    const isRunning = handshake.sleep(0);
    if (isRunning && handshake.hasBeenResumed()) this.#goOn(nowNs);
    this.#isRunning = isRunning;
  }

  /** Makes the accesses that are due up to `toNs`, or up to its own first fault. */
  advance(toNs: number): void {
    if (!this.#isRunning) return;
    while (this.#nowNs < toNs && !this.#blockingLayer) {
      this.#manage();
      if (this.#core.hints) this.#hint(this.#core.hints);
      const endNs = Math.min(toNs, this.#managedAtNs(), this.#hintedAtNs);
      const share = this.#parts.handshake.throttle();
      if (this.#stolenNs > 0) this.#standStill(endNs);
      else if (share > 0 && this.#ranNs > THROTTLE_RUN_NS - INSTANT_NS) this.#sleep(share, endNs);
      else if (share > 0) this.#run(Math.min(endNs, this.#nowNs + THROTTLE_RUN_NS - this.#ranNs));
      else this.#run(endNs);
      if (share === 0) this.#ranNs = this.#sleepNs = 0;
    }
    this.#parts.area[this.#at + ALIVE_NS] = Math.max(this.#nowNs, 0);
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Notes that somebody else uses its CPU for so long. */
  steal(ns: number): void {
    if (this.#isRunning) this.#stolenNs += ns;
  }

  /** Makes so many more accesses of its first workload due; `advance` must have brought it to the present. */
  owe(accesses: number): void {
    this.#core.owe(accesses);
  }

  /** The time of its fault on an absent page, if the engine does not know of it yet; Infinity when there is none. */
  get faultAtNs(): number {
    return this.#faults.unannouncedNs;
  }

  /** Tells the engine of a fault whose time has come, and goes on if its page has arrived already. */
  announce(nowNs: number): void {
    if (this.#faults.announce(nowNs)) this.#blockingLayer = undefined;
  }

  /** Goes on if what it waits for, such as the page of a demand fault, has arrived by `nowNs`. */
  settle(nowNs: number): void {
    const endNs = this.#blockingLayer?.settle?.(nowNs) ?? Infinity;
    if (endNs === Infinity) return;
    this.#blockingLayer = undefined;
    this.#stall(endNs - this.#nowNs);
    this.#busyNs = this.#nowNs;
  }

  /** Returns when it can answer a request that needs it to run: now, unless it sleeps for a throttle. */
  awakeAtNs(nowNs: number): number {
    return this.#isRunning && this.#sleepNs > 0 ? nowNs + this.#sleepNs : nowNs;
  }

  faultLog(): FaultLog | undefined {
    return this.#faults.log();
  }

  /** Returns when the memory manager next has something to do, at the earliest an instant from now. */
  #managedAtNs(): number {
    return this.#nowNs + Math.max(INSTANT_NS, this.#core.untilManagedNs());
  }

  /** Has the memory manager do what is due now. */
  #manage(): void {
    this.#core.manage(INSTANT_NS);
    this.#giveBack();
  }

  /** Sends the free block whose time has come, and begins with the next one, which keeps it busy for a while. */
  #hint(hints: HintDriver): void {
    if (!hints.attend()) {
      this.#hintedAtNs = Infinity;
      return;
    }
    if (this.#hintedAtNs <= this.#nowNs) {
      hints.send();
      this.#hintedAtNs = Infinity;
    }
    if (this.#hintedAtNs < Infinity || !hints.seek()) return;
    const ns = Math.max(INSTANT_NS, this.#parts.costs.hintBlockNs ?? 0);
    this.#hintedAtNs = this.#nowNs + ns;
    this.#busyNs = Math.max(this.#busyNs, this.#nowNs) + ns;
  }

  /** Has the balloon take all the pages that it has yet to take. */
  #giveBack(): void {
    const core = this.#core;
    for (;;) {
      const end = core.giveBack(ACCESS_BATCH);
      if (end === 'idle') return;
      if (end === 'full') this.#drain();
      else this.#busyNs = Math.max(this.#busyNs, this.#nowNs) + core.managerNs;
    }
  }

  /** Has the engine make room in the ring. */
  #drain(): void {
    const { marks, drainRings } = this.#parts;
    if (marks.ring!.announceStall()) drainRings();
    if (marks.ring!.room() === 0) throw new Error("a vCPU's ring is full, and nobody drains it");
  }

  /** Accounts for the stop after a resume, before any access. */
  #goOn(nowNs: number): void {
    const { area, handshake } = this.#parts;
    const aliveNs = area[this.#at + ALIVE_NS]!;
    if (this.#core.guestNs > 0) {
      area[this.#at + GAP_NS] = Math.max(area[this.#at + GAP_NS]!, nowNs - aliveNs);
      this.#core.miss(nowNs - aliveNs);
    }
    area[this.#at + RESUMED_NS] = nowNs;
    area[this.#at + ALIVE_NS] = nowNs;
    this.#nowNs = nowNs;
    this.#busyNs = nowNs;
    this.#stolenNs = 0;
    handshake.reportRunning();
  }

  /** Lets guest time pass while the vCPU is throttled, blocked or robbed of its CPU. */
  #stall(ns: number): void {
    this.#core.stall(ns);
    this.#nowNs += ns;
  }

  /** Sleeps share ÷ (1 − share) times as long as it ran, up to `toNs`. */
  #sleep(share: number, toNs: number): void {
    if (this.#sleepNs <= 0) this.#sleepNs = (this.#ranNs * share) / (1 - share);
    const ns = Math.min(this.#sleepNs, toNs - this.#nowNs);
    this.#stall(ns);
    this.#busyNs = Math.max(this.#busyNs, this.#nowNs);
    this.#sleepNs -= ns;
    if (this.#sleepNs < INSTANT_NS) this.#ranNs = this.#sleepNs = 0;
  }

  /** Stands still for the CPU time that others have used, up to `toNs`. */
  #standStill(toNs: number): void {
    const ns = Math.min(this.#stolenNs, toNs - this.#nowNs);
    this.#stall(ns);
    this.#busyNs = Math.max(this.#busyNs, this.#nowNs);
    this.#stolenNs -= ns;
    if (this.#stolenNs < INSTANT_NS) this.#stolenNs = 0;
  }

  #run(endNs: number): void {
    const fromNs = this.#nowNs;
    if (Atomics.load(this.#parts.words, GATE) === 0) this.#runWhole(endNs);
    else if (this.#parts.host && !this.#isReceiving()) this.#runHosted(endNs);
    else this.#runGated(endNs);
    this.#ranNs += this.#nowNs - fromNs;
  }

  #pass(ns: number): void {
    this.#core.pass(ns);
    this.#nowNs += ns;
  }

  /** Runs while no gate layer is on, in whole batches: the order among the streams then changes no byte. */
  #runWhole(endNs: number): void {
    const core = this.#core;
    this.#busyNs = Math.max(this.#busyNs, this.#nowNs);
    this.#pass(endNs - this.#nowNs);
    const busyNs = core.runUntil(endNs, this.#busyNs, this.#parts.costs);
    if (busyNs === undefined) this.#runInBatches(endNs);
    else this.#busyNs = busyNs;
    core.forgetLag();
  }

  #runInBatches(endNs: number): void {
    while (this.#busyNs < endNs) {
      if (this.#batch(this.#fitting(endNs)) === 'idle') return;
    }
  }

  /** Runs while a gate layer is on, access by access in the order of their times, until one has to wait. */
  #runGated(endNs: number): void {
    const core = this.#core;
    while (this.#nowNs < endNs && !this.#blockingLayer) {
      if (this.#busyNs > this.#nowNs) {
        this.#pass(Math.min(this.#busyNs, endNs) - this.#nowNs);
        continue;
      }
      const due = core.firstDue();
      if (!due) {
        const untilNs = Math.max(core.untilDueNs(), INSTANT_NS);
        this.#pass(Math.min(untilNs, endNs - this.#nowNs));
        continue;
      }
      this.#busyNs = this.#nowNs;
      if (this.#batch(1, due) === 'gated') this.#resolve();
    }
  }

  /** Whether pages are on their way to the guest. */
  #isReceiving(): boolean {
    return (Atomics.load(this.#parts.words, GATE) & GATE_PRESENCE) !== 0;
  }

  /**
   * Runs while a host may stop accesses but no page is on its way, in slices of time: what is due in a slice is made in
   * batches, and an access that the host stops counts as made at the slice's end. That is coarser than `#runGated` and
   * many times faster.
   */
  #runHosted(endNs: number): void {
    while (this.#nowNs < endNs && !this.#blockingLayer) {
      const sliceEndNs = Math.min(endNs, this.#nowNs + HOSTED_SLICE_NS);
      this.#pass(sliceEndNs - this.#nowNs);
      this.#busyNs = Math.max(this.#busyNs, this.#nowNs);
      // What is due while it is still busy with the slices before is made in later ones.
      while (this.#busyNs < this.#nowNs + HOSTED_SLICE_NS && !this.#blockingLayer) {
        const end = this.#batch(this.#fitting(this.#nowNs + HOSTED_SLICE_NS));
        if (end === 'idle') break;
        if (end === 'gated') this.#resolve();
      }
      this.#core.forgetLag();
    }
  }

  /** Returns how many accesses are sure to end by `endNs` but for the last, which may end a little later: 1 or more. */
  #fitting(endNs: number): number {
    const { costs, handshake } = this.#parts;
    const isLogging = handshake.local.mode !== 0;
    const mostNs = costs.accessNs + (isLogging ? costs.firstWriteNs : 0);
    return Math.max(1, Math.ceil((endNs - this.#busyNs) / mostNs));
  }

  /** Makes a batch of at most `most` accesses, of `group` or of the next group in turn, and accounts for its time. */
  #batch(most: number, group?: Group): BatchEnd {
    const core = this.#core;
    const { costs } = this.#parts;
    let end = group ? core.batch(group, most) : core.next(most);
    if (end === 'full') {
      this.#drain();
      this.#busyNs += costs.ringFullNs;
      end = group ? core.batch(group, most) : core.next(most);
    }
    if (end === 'made') {
      const { accesses, fresh, managerNs } = core;
      this.#busyNs += accesses * costs.accessNs + fresh * costs.firstWriteNs + managerNs;
    }
    return end;
  }

  /** Has the gate's layer clear the way for the next access: accounts for the time that it takes, or begins to wait. */
  #resolve(): void {
    const ns = this.#core.resolve(this.#nowNs);
    if (ns === WAITS) this.#blockingLayer = this.#core.layer;
    else this.#busyNs = Math.max(this.#busyNs, this.#nowNs) + ns;
  }
}
