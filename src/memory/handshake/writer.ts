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
  RELEASE,
  releasedOf,
  RUN,
  runSeenOf,
  STOP,
  STUN,
  throttleOf,
  wakeOf,
} from './words.ts';

/** A writer's side of the handshake: poll between batches, park for every wait. */
export class WriterHandshake {
  readonly local: WriterLocal;
  readonly #words: Int32Array;
  readonly #doorbell: Doorbell;
  #run = 0;
  #isParked = true;

  constructor(words: Int32Array, writer: number, doorbell: Doorbell) {
    this.#words = words;
    this.#doorbell = doorbell;
    this.local = writerLocal(writer);
  }

  /**
   * Polls. True: the writer may touch memory until the next poll. False: it is parked by a pause.
   * A parked writer, as every writer is at first, takes the way out of a wait: it says that it runs
   * before it looks.
   */
  poll(): boolean {
    return this.#advance(this.#isParked ? UNPARK : LOAD_EPOCH) === RUN_WINDOW;
  }

  /** Counts the wake-ups: taken before an announcement, it lets `sleep` miss none that follows. */
  wakeSequence(): number {
    return Atomics.load(this.#words, wakeOf(this.local.writer));
  }

  /** Parks, sleeps until woken or at most `timeoutMs`, comes back. The result is `poll`'s. */
  sleep(timeoutMs: number, sequence: number = this.wakeSequence()): boolean {
    return this.waitOn(wakeOf(this.local.writer), sequence, timeoutMs);
  }

  /** Parks, sleeps while word `index` of the handshake holds `value`, comes back. The result is `poll`'s. */
  waitOn(index: number, value: number, timeoutMs: number): boolean {
    this.#advance(PARK);
    Atomics.wait(this.#words, index, value, timeoutMs);
    return this.#advance(UNPARK) === RUN_WINDOW;
  }

  /** Wakes the engine. */
  ringDoorbell(): void {
    this.#doorbell.ring();
  }

  /** For a writer that is parked by a pause: sleeps and looks again. The result is `poll`'s. */
  waitParked(timeoutMs: number): boolean {
    const wake = Atomics.load(this.#words, wakeOf(this.local.writer));
    const pc = this.#advance(UNPARK);
    if (pc === RUN_WINDOW || this.isStopped()) return pc === RUN_WINDOW;
    Atomics.wait(this.#words, wakeOf(this.local.writer), wake, timeoutMs);
    return this.#advance(UNPARK) === RUN_WINDOW;
  }

  isStopped(): boolean {
    return Atomics.load(this.#words, STOP) !== 0;
  }

  /** Share of time taken from this writer, 0 to 0.99. */
  throttle(): number {
    return Atomics.load(this.#words, throttleOf(this.local.writer)) / 1000;
  }

  /** Write faults after which a process of this writer waits; 0: none does. */
  stunAfter(): number {
    return Atomics.load(this.#words, STUN);
  }

  /** What the engine wants given back and has not got yet: 0 nothing, 1 free pages, 2 page cache too. */
  wantedRelease(): number {
    const wanted = Atomics.load(this.#words, RELEASE);
    return wanted === Atomics.load(this.#words, releasedOf(this.local.writer)) ? 0 : wanted;
  }

  /** The answer to `wantedRelease`. */
  reportReleased(what: number): void {
    Atomics.store(this.#words, releasedOf(this.local.writer), what);
    this.#doorbell.ring();
  }

  /** Pages have been given back since the engine last looked. */
  reportBallooning(): void {
    Atomics.add(this.#words, BALLOON, 1);
  }

  /** A layer of the page gate is on: not every page may be touched as it is. */
  isGated(): boolean {
    return Atomics.load(this.#words, GATE) !== 0;
  }

  /**
   * Whether the engine has resumed the writers since this was last asked. To be asked whenever the
   * writer may run: one that slept through a pause and its end has seen neither.
   */
  hasBeenResumed(): boolean {
    const run = Atomics.load(this.#words, RUN);
    if (run === this.#run) return false;
    this.#run = run;
    return true;
  }

  /** Tells the engine that this writer runs again since the resume that it asked about last. */
  reportRunning(): void {
    Atomics.store(this.#words, runSeenOf(this.local.writer), this.#run);
    this.#doorbell.ring();
  }

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
