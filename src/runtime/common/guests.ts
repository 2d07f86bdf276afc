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
import type { LogReader } from '../../memory/dirty-logs/log-reader.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import { HintReader, type SharedHints } from '../../memory/hint-queues.ts';
import { createAsideSet, PageStates } from '../../memory/page-states.ts';
import { PresenceMap } from '../../memory/presence/presence-map.ts';
import type {
  DestinationGuest,
  GuestHints,
  GuestManager,
  SourceGuest,
} from '../../migration/ports.ts';
import type { GuestSide } from './guest-side.ts';

/** The source's guest in shared memory. It keeps the vCPU state that it saved, for the proof. */
export class SharedSourceGuest implements SourceGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  readonly manager?: GuestManager;
  readonly hints?: GuestHints;
  /** The vCPU state that the destination was sent; undefined until it is saved. */
  savedState: readonly VcpuState[] | undefined;
  readonly #guestSide: GuestSide;
  readonly #plan: GuestPlan;
  readonly #clock: Clock;
  #hasSettled: () => boolean = () => true;

  constructor(guestSide: GuestSide, plan: GuestPlan, clock: Clock) {
    this.#guestSide = guestSide;
    this.#plan = plan;
    this.#clock = clock;
    this.memory = guestSide.memory;
    this.vcpus = plan.vcpus;
    if (plan.manager) this.manager = this.#managerOf(plan.manager);
    if (guestSide.hints) this.hints = openHints(guestSide, guestSide.hints, plan.vcpus);
  }

  #managerOf({ kernelPages, release }: NonNullable<GuestPlan['manager']>): GuestManager {
    const { engine, memory } = this.#guestSide;
    return {
      states: new PageStates(memory),
      kernelPages,
      aside: createAsideSet(memory),
      release: () => {
        if (release === 'none') return;
        this.#hasSettled = () => engine.haveAllReleased();
        engine.release(release === 'free' ? 1 : 2);
      },
      balloonings: () => engine.balloonings,
      pseudoPage: () => undefined,
    };
  }

  openLog(): LogReader {
    const log = this.#guestSide.logReaders().open();
    const { manualClear } = log;
    return {
      ...log,
      ...(manualClear
        ? { manualClear: { ...manualClear, clear: this.#trackAnswer(log, manualClear.clear) } }
        : {}),
      start: this.#trackAnswer(log, log.start),
      harvest: this.#trackAnswer(log, log.harvest),
      stop: this.#trackAnswer(log, log.stop),
    };
  }

  /** Returns a function that asks the log, and has `isSettled` report from then on whether the log has answered. */
  #trackAnswer<Arguments extends unknown[]>(log: LogReader, ask: (...values: Arguments) => void) {
    return (...values: Arguments): void => {
      this.#hasSettled = log.isSettled;
      ask(...values);
    };
  }

  swapOrder(kind: 'allocation' | 'lru'): Uint32Array {
    const orderOf = kind === 'lru' ? lruOrder : allocationOrder;
    return orderOf(this.#plan, this.memory);
  }

  pause(): void {
    this.#hasSettled = () => this.#guestSide.engine.areAllParked();
    notePause(this.#guestSide.area, this.#plan, this.#clock.now());
    this.#guestSide.engine.pause();
  }

  resume(): void {
    this.#hasSettled = () => this.#guestSide.engine.areAllRunning();
    this.#guestSide.engine.resume();
  }

  throttle(share: number, vcpu?: number): void {
    this.#guestSide.engine.throttle(share, vcpu);
  }

  stun(faults: number): void {
    this.#guestSide.engine.stun(faults);
  }

  vcpuState(): VcpuState[] {
    const states = saveVcpus(this.memory, this.#guestSide.area, this.#plan);
    this.savedState = states;
    return states;
  }

  isSettled(): boolean {
    this.#guestSide.logReaders().makeRoom();
    return this.#hasSettled();
  }
}

/** Opens the engine's end of a guest's free-page hinting. */
function openHints({ engine }: GuestSide, hints: SharedHints, vcpus: number): GuestHints {
  const readers = Array.from({ length: vcpus }, (_, vcpu) => new HintReader(hints, vcpu));
  return {
    queues: vcpus,
    nextId: () => engine.nextHintId(),
    command: (command) => engine.hint(command),
    next: (queue) => {
      const entry = readers[queue]!.peek();
      if (entry) readers[queue]!.drop();
      return entry;
    },
  };
}

/** The destination's guest in shared memory. It keeps the vCPU state that it received, for the proof. */
export class SharedDestinationGuest implements DestinationGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  readonly presence: PresenceMap;
  readonly states?: PageStates;
  /** The vCPU state that the source sent; undefined until it is loaded. */
  loadedState: readonly VcpuState[] | undefined;
  readonly #guestSide: GuestSide;
  readonly #plan: GuestPlan;
  readonly #clock: Clock;
  readonly #requested = new Set<number>();
  #isToRun = false;
  #hasToldRunning = false;

  constructor(guestSide: GuestSide, plan: GuestPlan, clock: Clock) {
    this.#guestSide = guestSide;
    this.#plan = plan;
    this.#clock = clock;
    this.memory = guestSide.memory;
    this.vcpus = plan.vcpus;
    this.presence = new PresenceMap(guestSide.memory, guestSide.words, plan.vcpus + 1);
    if (plan.manager) this.states = new PageStates(guestSide.memory);
  }

  load(states: readonly VcpuState[]): string | undefined {
    const mismatch = stateMismatch(states, this.#plan);
    if (mismatch) return mismatch;
    loadVcpus(this.memory, this.#guestSide.area, this.#plan, states);
    this.loadedState = states;
    return undefined;
  }

  run(): void {
    this.#isToRun = true;
    this.#guestSide.engine.resume();
  }

  areRunning(): boolean {
    const areRunning = this.#areAllRunning();
    this.#hasToldRunning ||= areRunning;
    return areRunning;
  }

  /** Before the first `run` no vCPU has been asked to run, so none does. */
  #areAllRunning(): boolean {
    return this.#isToRun && this.#guestSide.engine.areAllRunning();
  }

  runningSinceNs(): number {
    let latest = 0;
    for (let vcpu = 0; vcpu < this.vcpus; vcpu++) {
      const at = vcpuAreaAt(this.#plan, vcpu) + RESUMED_NS;
      latest = Math.max(latest, this.#guestSide.area[at]!);
    }
    return latest;
  }

  faults(): readonly number[] {
    const pages: number[] = [];
    for (let vcpu = 0; vcpu < this.vcpus; vcpu++) {
      const gfn = this.presence.wantedBy(vcpu + 1);
      if (gfn < 0 || this.#requested.has(gfn)) continue;
      this.#requested.add(gfn);
      this.#guestSide.area[vcpuAreaAt(this.#plan, vcpu) + REQUESTED_NS] = this.#clock.now();
      pages.push(gfn);
    }
    return pages;
  }

  forgetFaults(): void {
    this.#requested.clear();
  }

  isSettled(): boolean {
    if (!this.#hasToldRunning && this.#areAllRunning()) return true;
    for (let writer = 1; writer <= this.vcpus; writer++) {
      const gfn = this.presence.wantedBy(writer);
      if (gfn >= 0 && !this.#requested.has(gfn)) return true;
    }
    return false;
  }
}
