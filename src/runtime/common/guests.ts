import type { Clock } from '../../clock/clock.ts';
import type { GuestPlan } from '../../guest/stream-plan.ts';
import { allocationOrder, lruOrder } from '../../guest/swap-order.ts';
import {
  loadVcpus,
  notePause,
  REQUESTED_NS,
  RESUMED_NS,
  saveVcpus,
  stateMismatch,
  vcpuAreaAt,
  type VcpuState,
} from '../../guest/vcpu-state.ts';
import type { DirtyLog } from '../../memory/dirty-logs/dirty-log.ts';
import { manualClear } from '../../memory/dirty-logs/manual-clear.ts';
import { openDirtyLog } from '../../memory/dirty-logs/open.ts';
import { type GuestMemory, GuestPageSet } from '../../memory/guest-memory.ts';
import { asideSet, PageStates } from '../../memory/page-states.ts';
import { PresenceMap } from '../../memory/presence/presence-map.ts';
import type { DestinationGuest, GuestManager, SourceGuest } from '../../migration/ports.ts';
import { type Host, logParts } from './host.ts';

/** The source's guest over worker threads; keeps the state it gave away, for the proof. */
export class HostSourceGuest implements SourceGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  readonly dirtyLog: DirtyLog;
  readonly manualClear?: NonNullable<SourceGuest['manualClear']>;
  readonly unsent: GuestPageSet;
  readonly manager?: GuestManager;
  savedState: readonly VcpuState[] | undefined;
  readonly #host: Host;
  readonly #plan: GuestPlan;
  readonly #clock: Clock;
  #hasSettled: () => boolean = () => true;

  constructor(host: Host, plan: GuestPlan, clock: Clock) {
    this.#host = host;
    this.#plan = plan;
    this.#clock = clock;
    this.memory = host.memory;
    this.vcpus = plan.vcpus;
    this.unsent = new GuestPageSet(host.memory);
    if (plan.manager) this.manager = this.#managerOf(plan.manager);
    const parts = logParts(host);
    const log = openDirtyLog(host.log.kind, parts);
    const { clearChunkPages: chunkPages } = host.log;
    if (chunkPages === undefined) {
      this.dirtyLog = this.#watched(log);
      return;
    }
    const manual = manualClear(log, parts);
    const clear = this.#asking(log, manual.clear);
    this.dirtyLog = this.#watched(manual);
    this.manualClear = { chunkPages, log: { ...manual, ...this.dirtyLog, clear } };
  }

  #managerOf({ kernelPages, release }: NonNullable<GuestPlan['manager']>): GuestManager {
    const { engine, memory } = this.#host;
    return {
      states: new PageStates(memory),
      kernelPages,
      aside: asideSet(memory),
      release: () => {
        if (release === 'none') return;
        this.#hasSettled = () => engine.haveAllReleased();
        engine.release(release === 'free' ? 1 : 2);
      },
      balloonings: () => engine.balloonings,
      pseudoPage: () => undefined,
    };
  }

  /** Calls that ask, so that `isSettled` knows what was asked last. */
  #watched(log: DirtyLog): DirtyLog {
    return {
      ...log,
      start: this.#asking(log, log.start),
      harvest: this.#asking(log, log.harvest),
      stop: this.#asking(log, log.stop),
    };
  }

  #asking<Arguments extends unknown[]>(log: DirtyLog, ask: (...given: Arguments) => void) {
    return (...given: Arguments): void => {
      this.#hasSettled = log.isSettled;
      ask(...given);
    };
  }

  swapOrder(kind: 'allocation' | 'lru'): Uint32Array {
    const orderOf = kind === 'lru' ? lruOrder : allocationOrder;
    return orderOf(this.#plan, this.memory);
  }

  pause(): void {
    this.#hasSettled = () => this.#host.engine.areAllParked();
    notePause(this.#host.area, this.#plan, this.#clock.now());
    this.#host.engine.pause();
  }

  resume(): void {
    this.#hasSettled = () => this.#host.engine.areAllRunning();
    this.#host.engine.resume();
  }

  throttle(share: number, vcpu?: number): void {
    this.#host.engine.throttle(share, vcpu);
  }

  stun(faults: number): void {
    this.#host.engine.stun(faults);
  }

  vcpuState(): VcpuState[] {
    const states = saveVcpus(this.memory, this.#host.area, this.#plan);
    this.savedState = states;
    return states;
  }

  isSettled(): boolean {
    this.dirtyLog.tend();
    return this.#hasSettled();
  }
}

/** The destination's guest over worker threads; keeps the state it got, for the proof. */
export class HostDestinationGuest implements DestinationGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  readonly presence: PresenceMap;
  readonly states?: PageStates;
  loadedState: readonly VcpuState[] | undefined;
  readonly #host: Host;
  readonly #plan: GuestPlan;
  readonly #clock: Clock;
  readonly #requested = new Set<number>();
  #hasToldRunning = false;

  constructor(host: Host, plan: GuestPlan, clock: Clock) {
    this.#host = host;
    this.#plan = plan;
    this.#clock = clock;
    this.memory = host.memory;
    this.vcpus = plan.vcpus;
    this.presence = new PresenceMap(host.memory, host.words, plan.vcpus + 1);
    if (plan.manager) this.states = new PageStates(host.memory);
  }

  load(states: readonly VcpuState[]): string | undefined {
    const mismatch = stateMismatch(states, this.#plan);
    if (mismatch) return mismatch;
    loadVcpus(this.memory, this.#host.area, this.#plan, states);
    this.loadedState = states;
    return undefined;
  }

  run(): void {
    this.#host.engine.resume();
  }

  areRunning(): boolean {
    const areRunning = this.#host.engine.areAllRunning();
    this.#hasToldRunning ||= areRunning;
    return areRunning;
  }

  runningSinceNs(): number {
    let latest = 0;
    for (let vcpu = 0; vcpu < this.vcpus; vcpu++) {
      const at = vcpuAreaAt(this.#plan, vcpu) + RESUMED_NS;
      latest = Math.max(latest, this.#host.area[at]!);
    }
    return latest;
  }

  faults(): readonly number[] {
    const pages: number[] = [];
    for (let vcpu = 0; vcpu < this.vcpus; vcpu++) {
      const gfn = this.presence.wantedBy(vcpu + 1);
      if (gfn < 0 || this.#requested.has(gfn)) continue;
      this.#requested.add(gfn);
      this.#host.area[vcpuAreaAt(this.#plan, vcpu) + REQUESTED_NS] = this.#clock.now();
      pages.push(gfn);
    }
    return pages;
  }

  forgetFaults(): void {
    this.#requested.clear();
  }

  isSettled(): boolean {
    if (!this.#hasToldRunning && this.#host.engine.areAllRunning()) return true;
    for (let writer = 1; writer <= this.vcpus; writer++) {
      const gfn = this.presence.wantedBy(writer);
      if (gfn >= 0 && !this.#requested.has(gfn)) return true;
    }
    return false;
  }
}
