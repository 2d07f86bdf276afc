import type { Clock } from '../../clock/clock.ts';
import type { GuestPlan } from '../../guest/stream-plan.ts';
import {
  loadVcpus,
  notePause,
  RESUMED_NS,
  saveVcpus,
  stateMismatch,
  vcpuAreaAt,
  type VcpuState,
} from '../../guest/vcpu-state.ts';
import type { DirtyLog } from '../../memory/dirty-logs/dirty-log.ts';
import { openDirtyLog } from '../../memory/dirty-logs/open.ts';
import { PageSet } from '../../memory/page-set.ts';
import type { DestinationGuest, SourceGuest } from '../../migration/ports.ts';
import type { Host } from './host.ts';

/** The source's guest over worker threads; keeps the state it gave away, for the proof. */
export class ThreadSourceGuest implements SourceGuest {
  readonly slot;
  readonly vcpus: number;
  readonly dirtyLog: DirtyLog;
  readonly unsent: PageSet;
  savedState: readonly VcpuState[] | undefined;
  readonly #host: Host;
  readonly #plan: GuestPlan;
  readonly #clock: Clock;
  #hasSettled: () => boolean = () => true;

  constructor(host: Host, plan: GuestPlan, clock: Clock) {
    this.#host = host;
    this.#plan = plan;
    this.#clock = clock;
    this.slot = host.slot;
    this.vcpus = plan.vcpus;
    this.unsent = new PageSet(host.slot);
    const log = openDirtyLog(host.dirtyLog, { slot: host.slot, handshake: host.engine });
    const asking = (ask: () => void) => (): void => {
      this.#hasSettled = log.isSettled;
      ask();
    };
    this.dirtyLog = {
      ...log,
      start: asking(log.start),
      harvest: asking(log.harvest),
      stop: asking(log.stop),
    };
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

  vcpuState(): VcpuState[] {
    const states = saveVcpus(this.slot, this.#host.area, this.#plan);
    this.savedState = states;
    return states;
  }

  isSettled(): boolean {
    return this.#hasSettled();
  }
}

/** The destination's guest over worker threads; keeps the state it got, for the proof. */
export class ThreadDestinationGuest implements DestinationGuest {
  readonly slot;
  readonly vcpus: number;
  loadedState: readonly VcpuState[] | undefined;
  readonly #host: Host;
  readonly #plan: GuestPlan;

  constructor(host: Host, plan: GuestPlan) {
    this.#host = host;
    this.#plan = plan;
    this.slot = host.slot;
    this.vcpus = plan.vcpus;
  }

  load(states: readonly VcpuState[]): string | undefined {
    const mismatch = stateMismatch(states, this.#plan);
    if (mismatch) return mismatch;
    loadVcpus(this.slot, this.#host.area, this.#plan, states);
    this.loadedState = states;
    return undefined;
  }

  run(): void {
    this.#host.engine.resume();
  }

  isSettled(): boolean {
    return this.#host.engine.areAllRunning();
  }

  runningSinceNs(): number {
    let latest = 0;
    for (let vcpu = 0; vcpu < this.vcpus; vcpu++) {
      const at = vcpuAreaAt(this.#plan, vcpu) + RESUMED_NS;
      latest = Math.max(latest, this.#host.area[at]!);
    }
    return latest;
  }
}
