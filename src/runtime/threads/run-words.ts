/**
 * The words through which the main thread and the workers of a run agree, and the live figures it
 * watches:
 *
 *   i32   0  cancel: 1 when a person wants the guest back at the source
 *         1  abort: 1 when something died; everybody leaves at once
 *         2  start: 1 when the migration may begin
 *         3  how many workers are ready
 *         4  the flow of the frames to the destination, 5 of those back; of a run that shares its links
 *   f64   8… live figures, in the order of LIVE
 */
const CANCEL = 0;
const ABORT = 1;
const START = 2;
const READY = 3;
const FLOW = { near: 4, far: 5 } as const;
const FIRST_FIGURE = 8;

const LIVE = ['phase', 'round', 'pagesLeft', 'bytes', 'ns', 'pastReturn'] as const;
export type LiveFigures = Readonly<Record<(typeof LIVE)[number], number>>;

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

  /** Says over which flows the migration's two ends send; before it starts. */
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
