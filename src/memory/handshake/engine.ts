import { engineSteps } from './steps.ts';
import {
  BALLOON,
  EPOCH,
  RELEASE,
  releasedOf,
  RUN,
  runSeenOf,
  STOP,
  STUN,
  throttleOf,
  wakeOf,
} from './words.ts';

/**
 * The engine's side of the handshake. Every call only asks; the matching `has…` and `are…` say
 * whether all writers have answered. One engine at a time.
 */
export class EngineHandshake {
  readonly writers: number;
  readonly #words: Int32Array;
  #epoch: number;

  constructor(words: Int32Array, writers: number) {
    this.#words = words;
    this.writers = writers;
    this.#epoch = Atomics.load(words, EPOCH);
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Opens a new epoch and sets the log mode that comes with it. */
  bumpEpoch(mode: 0 | 1): void {
    engineSteps.storeMode(this.#words, mode);
    this.#epoch = (this.#epoch + 1) | 0;
    engineSteps.storeEpoch(this.#words, this.#epoch);
  }

  /** Whether every writer is parked or has acknowledged the epoch: then no one marks an older map. */
  haveAllAcknowledged(): boolean {
    for (let writer = 0; writer < this.writers; writer++) {
      if (engineSteps.isParked(this.#words, writer)) continue;
      if (!engineSteps.hasAcknowledged(this.#words, writer, this.#epoch)) return false;
    }
    return true;
  }

  pause(): void {
    engineSteps.storePause(this.#words, 1);
    this.#wakeAll();
  }

  /** Whether every writer has been seen parked since the pause: from then on memory stands still. */
  areAllParked(): boolean {
    for (let writer = 0; writer < this.writers; writer++) {
      if (!engineSteps.isParked(this.#words, writer)) return false;
    }
    return true;
  }

  resume(): void {
    Atomics.add(this.#words, RUN, 1);
    engineSteps.storePause(this.#words, 0);
    this.#wakeAll();
  }

  /** Whether every vCPU (not the host side, writer 0) has reported that it runs again. */
  areAllRunning(): boolean {
    const run = Atomics.load(this.#words, RUN);
    for (let writer = 1; writer < this.writers; writer++) {
      if (Atomics.load(this.#words, runSeenOf(writer)) !== run) return false;
    }
    return true;
  }

  /** Takes `share` (0 to 0.99) of its time from one vCPU, or from all of them. */
  throttle(share: number, vcpu?: number): void {
    for (let writer = 1; writer < this.writers; writer++) {
      if (vcpu !== undefined && writer !== vcpu + 1) continue;
      Atomics.store(this.#words, throttleOf(writer), Math.round(Math.min(0.99, share) * 1000));
    }
  }

  /** Processes that have so many write faults from now on wait; 0: none does, and all go on. */
  stun(faults: number): void {
    Atomics.store(this.#words, STUN, faults);
    if (faults === 0) this.#wakeAll();
  }

  /** Asks every vCPU to give its free pages back, 2: its page cache as well. */
  release(what: 1 | 2): void {
    Atomics.store(this.#words, RELEASE, what);
    this.#wakeAll();
  }

  /** Whether every vCPU has given back what it was asked for. */
  haveAllReleased(): boolean {
    const what = Atomics.load(this.#words, RELEASE);
    for (let writer = 1; writer < this.writers; writer++) {
      if (Atomics.load(this.#words, releasedOf(writer)) !== what) return false;
    }
    return true;
  }

  /** Grows whenever a vCPU has given pages back. */
  get balloonings(): number {
    return Atomics.load(this.#words, BALLOON);
  }

  /** Tells every writer to leave for good. */
  stop(): void {
    Atomics.store(this.#words, STOP, 1);
    this.#wakeAll();
  }

  /** Ends a writer's sleep. */
  wake(writer: number): void {
    Atomics.add(this.#words, wakeOf(writer), 1);
    Atomics.notify(this.#words, wakeOf(writer));
  }

  #wakeAll(): void {
    for (let writer = 0; writer < this.writers; writer++) this.wake(writer);
  }
}
