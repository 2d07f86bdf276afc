/**
 * This module lays out the shared words through which a run's main thread and workers talk, and the live figures
 * that the main thread reads:
 *
 *   i32   0  cancel: it is 1 when the migration is to be cancelled and the guest is to stay at the source
 *         1  abort: it is 1 when the run is over or a thread has died, and every thread must leave at once
 *         2  start: it is 1 when the migration may begin
 *         3  ready: this many workers are ready
 *         4  near: frames to the destination use this flow, when the run shares its links with others
 *         5  far: frames back to the source use this flow
 *   f64   8… the live figures in the order of LIVE
 */
const CANCEL = 0;
const ABORT = 1;
const START = 2;
const READY = 3;
const FLOW = { near: 4, far: 5 } as const;
const FIRST_FIGURE = 8;

const LIVE = ['phase', 'round', 'pagesLeft', 'bytes', 'ns', 'pastReturn'] as const;
export type LiveFigures = Readonly<Record<(typeof LIVE)[number], number>>;

/** The phases of a source; the live figure `phase` is an index of this list. */
export const LIVE_PHASES = [
  'setup',
  'live',
  'stopped',
  'handover',
  'postcopy',
  'over',
  'postcopy-paused',
  'postcopy-recover',
] as const;

/** One thread's view of a run's shared words; any thread may read and write them. */
export class RunWords {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #figures: Float64Array;

  constructor(buffer = new SharedArrayBuffer((FIRST_FIGURE + LIVE.length) * 8)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#figures = new Float64Array(buffer);
  }

  cancel = (): void => this.#raise(CANCEL);
  abort = (): void => this.#raise(ABORT);
  start = (): void => this.#raise(START);
  isCancelled = (): boolean => Atomics.load(this.#words, CANCEL) !== 0;
  isAborted = (): boolean => Atomics.load(this.#words, ABORT) !== 0;
  isStarted = (): boolean => Atomics.load(this.#words, START) !== 0;

  /** Sets the flows over which the migration's two ends send; it must be called before the migration starts. */
  setFlows(near: number, far: number): void {
    Atomics.store(this.#words, FLOW.near, near);
    Atomics.store(this.#words, FLOW.far, far);
  }

  flowOf(end: 'near' | 'far'): number {
    return Atomics.load(this.#words, FLOW[end]);
  }

  reportReady(): void {
    Atomics.add(this.#words, READY, 1);
  }

  get ready(): number {
    return Atomics.load(this.#words, READY);
  }

  setFigures(figures: LiveFigures): void {
    LIVE.forEach((name, i) => (this.#figures[FIRST_FIGURE + i] = figures[name]));
  }

  figures(): LiveFigures {
    const entries = LIVE.map((name, i) => [name, this.#figures[FIRST_FIGURE + i]!] as const);
    return Object.fromEntries(entries) as unknown as LiveFigures;
  }

  #raise(word: number): void {
    Atomics.store(this.#words, word, 1);
  }
}
