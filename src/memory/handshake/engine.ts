import { engineSteps } from './steps.ts';
import {
  BALLOON,
  EPOCH,
  HINT_FIRST_ID,
  HINT_IDS,
  HINTS,
  RELEASE,
  releasedOf,
  RUN,
  runSeenOf,
  STOP,
  STUN,
  throttleOf,
  wakeOf,
  wantedOf,
} from './words.ts';

/**
 * The engine's side of the handshake. Calls that change something only ask for it; the methods that begin with
 * `have` or `are` say whether all writers have answered. A guest has one engine at a time.
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

  /** Opens a new epoch, with which writers take over the log mode: 1 to mark their writes, 0 not to. */
  bumpEpoch(mode: 0 | 1): void {
    engineSteps.storeMode(this.#words, mode);
    this.#epoch = (this.#epoch + 1) | 0;
    engineSteps.storeEpoch(this.#words, this.#epoch);
  }

  /** Whether every writer is parked or has acknowledged the epoch, so that none marks an older map any more. */
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

  /** Whether every writer is parked. After a pause this means that memory does not change any more. */
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

  /** Takes `share` (0 to 0.99) of its time from the vCPU `vcpu`, or from every vCPU when that is absent. */
  throttle(share: number, vcpu?: number): void {
    for (let writer = 1; writer < this.writers; writer++) {
      if (vcpu !== undefined && writer !== vcpu + 1) continue;
      Atomics.store(this.#words, throttleOf(writer), Math.round(Math.min(0.99, share) * 1000));
    }
  }

  /** Stops each process (a workload on a vCPU) after so many write faults from now on; 0 lets all go on. */
  stun(faults: number): void {
    Atomics.store(this.#words, STUN, faults);
    if (faults === 0) this.#wakeAll();
  }

  /** Asks every vCPU to give back to the host its free pages (1), or these and its page cache (2). */
  release(what: 1 | 2): void {
    Atomics.store(this.#words, RELEASE, what);
    this.#wakeAll();
  }

  /** Returns an id for free-page hinting that no migration has used: what answers an old one may still be in a queue. */
  nextHintId(): number {
    return HINT_FIRST_ID + Atomics.add(this.#words, HINT_IDS, 1);
  }

  /** Shows every vCPU a command of free-page hinting: HINT_STOP, HINT_DONE, or an id. */
  hint(command: number): void {
    Atomics.store(this.#words, HINTS, command);
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

  /** A counter that grows whenever a vCPU has given pages back. */
  get balloonings(): number {
    return Atomics.load(this.#words, BALLOON);
  }

  /** Tells every writer to end, one that waits for a page too: its wish is taken back, as the page may never come. */
  stop(): void {
    Atomics.store(this.#words, STOP, 1);
    for (let writer = 1; writer < this.writers; writer++) {
      Atomics.store(this.#words, wantedOf(writer), 0);
      Atomics.notify(this.#words, wantedOf(writer));
    }
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
