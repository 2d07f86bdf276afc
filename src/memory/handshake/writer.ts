import type { Doorbell } from '../doorbell.ts';
import {
  LOAD_EPOCH,
  PARK,
  RUN_WINDOW,
  UNPARK,
  WAIT,
  writerLocal,
  writerStep,
  type WriterLocal,
} from './steps.ts';
import {
  BALLOON,
  GATE,
  HINTS,
  RELEASE,
  releasedOf,
  RUN,
  runSeenOf,
  STOP,
  STUN,
  throttleOf,
  wakeOf,
} from './words.ts';

/** A writer's side of the handshake. The writer polls between batches of accesses and parks for every wait. */
export class WriterHandshake {
  readonly local: WriterLocal;
  readonly #words: Int32Array;
  readonly #doorbell: Doorbell;
  #run = 0;
  #isParked = true;
  /** The number of wake-ups before the last poll. */
  #wakes = 0;

  constructor(words: Int32Array, writer: number, doorbell: Doorbell) {
    this.#words = words;
    this.#doorbell = doorbell;
    this.local = writerLocal(writer);
  }

  /**
   * Polls for news from the engine. Returns true when the writer may touch memory until its next poll, false when a
   * pause has parked it. A writer that is parked, as every writer is at first, first stores that it runs and loads
   * epoch and pause after that. Before all this it counts its wake-ups, so that `sleep` misses none that comes after.
   */
  poll(): boolean {
    return this.#pollFrom(this.#isParked ? UNPARK : LOAD_EPOCH);
  }

  /**
   * Parks, sleeps until somebody wakes it or `timeoutMs` are over, then polls; returns the poll's result. It does not
   * sleep when somebody has woken it since its last poll: whatever it has looked at since then may be old.
   */
  sleep(timeoutMs: number): boolean {
    return this.waitOn(wakeOf(this.local.writer), this.#wakes, timeoutMs);
  }

  /**
   * Parks, sleeps while word `index` of the handshake holds `value`, at most `timeoutMs`, then polls; returns the
   * poll's result.
   */
  waitOn(index: number, value: number, timeoutMs: number): boolean {
    this.#advance(PARK);
    Atomics.wait(this.#words, index, value, timeoutMs);
    return this.#pollFrom(UNPARK);
  }

  /** Wakes the engine if it sleeps. */
  ringDoorbell(): void {
    this.#doorbell.ring();
  }

  /** Sleeps while a pause keeps this writer parked, at most `timeoutMs`, then polls; returns the poll's result. */
  waitParked(timeoutMs: number): boolean {
    const isRunning = this.#pollFrom(UNPARK);
    if (isRunning || this.isStopped()) return isRunning;
    Atomics.wait(this.#words, wakeOf(this.local.writer), this.#wakes, timeoutMs);
    return this.#pollFrom(UNPARK);
  }

  isStopped(): boolean {
    return Atomics.load(this.#words, STOP) !== 0;
  }

  /** Returns the share of its time that is taken from this writer, 0 to 0.99. */
  throttle(): number {
    return Atomics.load(this.#words, throttleOf(this.local.writer)) / 1000;
  }

  /** Returns the number of write faults after which a process of this writer waits; 0 when none does. */
  stunAfter(): number {
    return Atomics.load(this.#words, STUN);
  }

  /** Returns what this writer has yet to give back to the host: 0 nothing, 1 free pages, 2 page cache as well. */
  wantedRelease(): number {
    const wanted = Atomics.load(this.#words, RELEASE);
    return wanted === Atomics.load(this.#words, releasedOf(this.local.writer)) ? 0 : wanted;
  }

  /** Tells the engine that this writer has given back what `wantedRelease` returned. */
  reportReleased(what: number): void {
    Atomics.store(this.#words, releasedOf(this.local.writer), what);
    this.#doorbell.ring();
  }

  /** Returns the command of free-page hinting that the engine shows: HINT_STOP, HINT_DONE, or an id. */
  hintCommand(): number {
    return Atomics.load(this.#words, HINTS);
  }

  /** Tells the engine that pages have been given back since it last read the counter. */
  reportBallooning(): void {
    Atomics.add(this.#words, BALLOON, 1);
  }

  /** Whether one of these layers of the page gate is on, by default any, so that not every page is accessed as it is. */
  isGated(layers = -1): boolean {
    return (Atomics.load(this.#words, GATE) & layers) !== 0;
  }

  /**
   * Whether the engine has resumed the writers since the last call. A writer calls it whenever it may run, since it
   * may have slept through a pause and its end without noticing either.
   */
  hasBeenResumed(): boolean {
    const run = Atomics.load(this.#words, RUN);
    if (run === this.#run) return false;
    this.#run = run;
    return true;
  }

  /** Tells the engine that this writer runs again after the resume that `hasBeenResumed` has reported last. */
  reportRunning(): void {
    Atomics.store(this.#words, runSeenOf(this.local.writer), this.#run);
    this.#doorbell.ring();
  }

  /** Counts the wake-ups, then polls from a step on; returns whether the writer may run. */
  #pollFrom(step: number): boolean {
    this.#wakes = Atomics.load(this.#words, wakeOf(this.local.writer));
    return this.#advance(step) === RUN_WINDOW;
  }

  /** Makes steps until the writer may run (RUN_WINDOW) or is parked (WAIT); returns which of the two it is. */
  #advance(from: number): number {
    let step = from;
    do step = writerStep(this.#words, this.local, step);
    while (step !== RUN_WINDOW && step !== WAIT);
    this.#isParked = step === WAIT;
    if (this.local.hasNews) {
      this.local.hasNews = false;
      this.#doorbell.ring();
    }
    return step;
  }
}
