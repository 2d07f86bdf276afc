import type { WriterMarks } from '../memory/dirty-logs/dirty-log.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { WriterHandshake } from '../memory/handshake/writer.ts';
import { GATE } from '../memory/handshake/words.ts';
import { ACCESS_BATCH } from '../memory/kernels/abi.ts';
import { type GateLayer, WAITS } from '../memory/gate/gate-layer.ts';
import type { FaultLog } from './faults.ts';
import { PendingFaults } from './pending-faults.ts';
import type { Group } from './groups.ts';
import type { ManagerCosts } from './memory-manager.ts';
import type { GuestPlan } from './stream-plan.ts';
import { type BatchEnd, VcpuCore } from './vcpu-core.ts';
import { ALIVE_NS, GAP_NS, RESUMED_NS, vcpuAreaAt } from './vcpu-state.ts';
import type { ZeroLog } from './zeroing.ts';

/** What a vCPU's doings take, in nanoseconds. */
export interface VcpuCosts extends ManagerCosts {
  /** An access; a workload without a rate makes one every so often. */
  readonly accessNs: number;
  /** More for the first write to a page since its mark was last taken: the fault of a protected page. */
  readonly firstWriteNs: number;
  /** Going on after a demand fault, once the page is there. */
  readonly wakeNs: number;
  /** A demand fault whose page has come already and lies in a buffer. */
  readonly minorFaultNs: number;
  /** Leaving the guest because its dirty ring is full, until the engine has drained it. */
  readonly ringFullNs: number;
}

export interface VirtualVcpuParts {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly memory: GuestMemory;
  /** The host's handshake words. */
  readonly words: Int32Array;
  readonly area: Float64Array;
  readonly handshake: WriterHandshake;
  readonly marks: WriterMarks;
  readonly costs: VcpuCosts;
  /** Has the engine drain the rings. */
  readonly drainRings: () => void;
  /** Layers of the page gate besides demand faults. */
  readonly layers?: readonly GateLayer[];
}

/** A throttled vCPU runs this long between two sleeps (QEMU, softmmu/cpu-throttle.c). */
const THROTTLE_RUN_NS = 10e6;
/** Less than this is nothing: sums of doubles would never get past it. */
const INSTANT_NS = 1;

/**
 * A vCPU without a thread, on a clock that somebody else moves: `advance` makes every access that is
 * due up to a point in time, no sooner than anybody looks. With pages absent it stops at the very
 * access that misses one.
 */
export class VirtualVcpu {
  readonly #parts: VirtualVcpuParts;
  readonly #core: VcpuCore;
  readonly #at: number;
  readonly #faults: PendingFaults;
  #isRunning = false;
  #nowNs = 0;
  /** Until when the accesses made so far keep it busy; may be ahead of `#nowNs` by part of one. */
  #busyNs = 0;
  #ranNs = 0;
  #sleepNs = 0;
  /** What others have used of its CPU, and it has not yet stood still for. */
  #stolenNs = 0;
  /** The layer of the gate that its next access waits for. */
  #waiting: GateLayer | undefined;

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

  /** What its memory manager has zeroed. */
  get zeroings(): ZeroLog {
    return this.#core.zeroings;
  }

  /** Gives back what the engine has asked for; returns until when that keeps it busy. */
  release(): number {
    this.#core.attendManager();
    this.#giveBack();
    return Math.max(this.#nowNs, this.#busyNs);
  }

  /** Answers what the engine has asked by `nowNs`; it has lived until then. */
  poll(nowNs: number): void {
    const { handshake } = this.#parts;
    const isRunning = handshake.sleep(0);
    if (isRunning && handshake.hasBeenResumed()) this.#goOn(nowNs);
    this.#isRunning = isRunning;
  }

  /** Makes what is due up to `toNs`, or to its own first fault. */
  advance(toNs: number): void {
    if (!this.#isRunning) return;
    while (this.#nowNs < toNs && !this.#waiting) {
      this.#manage();
      const endNs = Math.min(toNs, this.#managedAtNs());
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

  /** Somebody else uses its CPU for so long. */
  steal(ns: number): void {
    if (this.#isRunning) this.#stolenNs += ns;
  }

  /** When it will fault on an absent page that nobody has been told of; Infinity: not yet. */
  get faultAtNs(): number {
    return this.#faults.unannouncedNs;
  }

  /** Tells the engine of a fault whose time has come, and goes on if its page has come. */
  announce(nowNs: number): void {
    if (this.#faults.announce(nowNs)) this.#waiting = undefined;
  }

  /** Goes on when what it waits for has come by `nowNs`, as the page of a demand fault. */
  settle(nowNs: number): void {
    const endNs = this.#waiting?.settle?.(nowNs) ?? Infinity;
    if (endNs === Infinity) return;
    this.#waiting = undefined;
    this.#stall(endNs - this.#nowNs);
    this.#busyNs = this.#nowNs;
  }

  /** When it answers what needs it to run: now, unless it sleeps for a throttle. */
  awakeAtNs(nowNs: number): number {
    return this.#isRunning && this.#sleepNs > 0 ? nowNs + this.#sleepNs : nowNs;
  }

  faultLog(): FaultLog | undefined {
    return this.#faults.log();
  }

  /** When the memory manager has something to do; no sooner than an instant from now. */
  #managedAtNs(): number {
    return this.#nowNs + Math.max(INSTANT_NS, this.#core.untilManagedNs());
  }

  /** What the memory manager has to do now. */
  #manage(): void {
    this.#core.manage(INSTANT_NS);
    this.#giveBack();
  }

  /** The balloon takes what it is owed. */
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
    if (marks.ring!.room() === 0) throw new Error('nobody drains the ring of a vCPU');
  }

  /** First thing after a resume. */
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

  /** Guest time goes on while the vCPU does not run; accesses due meanwhile are not made up. */
  #stall(ns: number): void {
    this.#core.stall(ns);
    this.#nowNs += ns;
  }

  /** Asleep for share ÷ (1 − share) of the time it ran. */
  #sleep(share: number, toNs: number): void {
    if (this.#sleepNs <= 0) this.#sleepNs = (this.#ranNs * share) / (1 - share);
    const ns = Math.min(this.#sleepNs, toNs - this.#nowNs);
    this.#stall(ns);
    this.#busyNs = Math.max(this.#busyNs, this.#nowNs);
    this.#sleepNs -= ns;
    if (this.#sleepNs < INSTANT_NS) this.#ranNs = this.#sleepNs = 0;
  }

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
    else this.#runGated(endNs);
    this.#ranNs += this.#nowNs - fromNs;
  }

  #pass(ns: number): void {
    this.#core.pass(ns);
    this.#nowNs += ns;
  }

  /** No layer of the gate is on: who comes first among the streams makes no difference to any byte. */
  #runWhole(endNs: number): void {
    const core = this.#core;
    this.#busyNs = Math.max(this.#busyNs, this.#nowNs);
    this.#pass(endNs - this.#nowNs);
    while (this.#busyNs < endNs) {
      if (this.#batch(this.#fitting(endNs)) === 'idle') break;
    }
    core.forgetLag();
  }

  /** A layer is on: access by access in the order of their times, until one of them waits. */
  #runGated(endNs: number): void {
    const core = this.#core;
    while (this.#nowNs < endNs && !this.#waiting) {
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

  /** Accesses that are surely over by `endNs`; at least one, which may go on a little longer. */
  #fitting(endNs: number): number {
    const { costs, handshake } = this.#parts;
    const isLogging = handshake.local.mode !== 0;
    const mostNs = costs.accessNs + (isLogging ? costs.firstWriteNs : 0);
    return Math.max(1, Math.ceil((endNs - this.#busyNs) / mostNs));
  }

  /** A batch of at most so many accesses, of a group or of the next one in turn; it takes its time. */
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

  /** Has the gate's layer make the way free for the next access, which takes its time, or waits. */
  #resolve(): void {
    const ns = this.#core.resolve(this.#nowNs);
    if (ns === WAITS) this.#waiting = this.#core.layer;
    else this.#busyNs = Math.max(this.#busyNs, this.#nowNs) + ns;
  }
}
