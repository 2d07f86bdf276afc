import type { Clock } from '../clock/clock.ts';
import { monotonicClock } from '../clock/monotonic.ts';
import { type Column, fitLine, lineWidth, type WideStream, wrap } from './columns.ts';

const REDRAW_MS = 100;
/** Where there is no terminal, a line can't be redrawn, so one comes at this interval. */
const LINE_MS = 30_000;
/** Work that takes less time in all has no estimate. */
const LEAST_ESTIMATED_NS = 5e9;
/** The share of the work from which on the remaining time is estimated; before it, estimates jump about. */
const LEAST_SHARE = 0.02;

/** The part of an output stream that displays use. */
export interface DisplayStream extends WideStream {
  readonly rows?: number;
  write(text: string): unknown;
}

/** A part of the line; where the line is too narrow, those of the least weight are left out. */
export type Part = Column & { readonly text: string };

/** Shows on one line of a terminal how far a command is. Elsewhere it writes a line every half minute. */
export class Progress {
  readonly #stream: DisplayStream;
  readonly #isWanted: boolean;
  readonly #isDrawn: boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: DisplayStream, isWanted: boolean) {
    this.#stream = stream;
    this.#isWanted = isWanted;
    this.#isDrawn = isWanted && stream.isTTY === true;
  }

  /** Starts to show the line that `read` returns, in place of any other one: now, and at an interval. */
  start(read: () => readonly Part[]): void {
    clearInterval(this.#timer);
    if (!this.#isWanted) return;
    const draw = (): void => {
      const line = fitLine(read(), lineWidth(this.#stream) - 1);
      this.#stream.write(this.#isDrawn ? `\r\x1b[2K${line}` : `${line}\n`);
    };
    if (this.#isDrawn) draw();
    this.#timer = setInterval(draw, this.#isDrawn ? REDRAW_MS : LINE_MS).unref();
  }

  /** Stops redrawing and clears the line, if there is one. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#isDrawn) this.#stream.write('\r\x1b[2K');
  }

  /** Writes a line that is not redrawn. */
  note(text: string): void {
    if (!this.#isWanted) return;
    const lines = wrap(text, lineWidth(this.#stream), '  ').join('\n');
    this.#stream.write(this.#isDrawn ? `\r\x1b[2K${lines}\n` : `${lines}\n`);
  }
}

/** Counts how much of a work is done, and estimates the time that is left from the time since it began. */
export class Share {
  readonly #clock: Clock;
  readonly #startNs: number;
  /** When the work that is counted began. */
  #fromNs: number;
  #done = 0;
  #all = 0;

  constructor(clock: Clock = monotonicClock()) {
    this.#clock = clock;
    this.#startNs = clock.now();
    this.#fromNs = this.#startNs;
  }

  /** What came before the first of it, such as building a version, says nothing of how long the rest takes. */
  set(done: number, all: number): void {
    if (done === 0) this.#fromNs = this.#clock.now();
    this.#done = done;
    this.#all = all;
  }

  get elapsedNs(): number {
    return this.#clock.now() - this.#startNs;
  }

  /** Returns "about 12 s left"; it is empty while that can't be said, and for work that takes only moments. */
  get left(): string {
    return timeLeft(this.#clock.now() - this.#fromNs, this.#all > 0 ? this.#done / this.#all : 0);
  }
}

/** Returns "about 12 s left" for a work of which a share is done after some time, or an empty text. */
export function timeLeft(elapsedNs: number, share: number): string {
  if (share < LEAST_SHARE || share >= 1 || elapsedNs / share < LEAST_ESTIMATED_NS) return '';
  return `about ${roughly((elapsedNs * (1 - share)) / share)} left`;
}

/** Formats a time in whole seconds or minutes, because an estimate is not more exact. */
function roughly(ns: number): string {
  const seconds = Math.max(1, Math.round(ns / 1e9));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** Shows a line about work that is counted, such as "  3.2 s  validate: run 3 of 56  about 20 s left". */
export class Counted {
  readonly #progress: Progress;
  readonly #name: string;
  readonly #share: Share;
  readonly #isDrawn: boolean;
  #what: string;

  /** Shows the line from now on; `what` is what the work begins with. */
  constructor(
    name: string,
    what: string,
    isWanted: boolean,
    stream: DisplayStream = process.stderr,
  ) {
    this.#name = name;
    this.#what = what;
    this.#share = new Share();
    this.#isDrawn = stream.isTTY === true;
    this.#progress = new Progress(stream, isWanted);
    this.#progress.start(() => this.#parts());
  }

  /** Shows what the work is at, of which so much is done. */
  show(what: string, done = 0, all = 0): void {
    this.#what = what;
    this.#share.set(done, all);
  }

  stop(): void {
    this.#progress.stop();
  }

  /** Writes a line that stays, with how long the work that comes next will take, unless that is only moments. */
  announce(what: string, ns: number): void {
    if (ns < (this.#isDrawn ? LEAST_ESTIMATED_NS : LINE_MS * 1e6)) return;
    this.#progress.note(`${this.#name}: ${what}: about ${roughly(ns)}`);
  }

  #parts(): Part[] {
    const share = this.#share;
    return [
      { text: `${(share.elapsedNs / 1e9).toFixed(1).padStart(5)} s`, weight: 1 },
      { text: `${this.#name}: ${this.#what}`, weight: Infinity },
      { text: share.left, weight: 2 },
    ];
  }
}
