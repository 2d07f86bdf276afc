import type { Clock } from '../../clock/clock.ts';

/** A line of a terminal is written anew this often, and a line of a log this often. */
const REDRAW_NS = 250e6;
const LOG_NS = 60e9;

export interface ProgressParts {
  readonly clock: Clock;
  readonly seeds: number;
  readonly threads: number;
  readonly isTerminal: boolean;
  readonly write: (text: string) => void;
}

/** Says how far a campaign is: on one line of a terminal, or with a line a minute in a log. */
export class FuzzProgress {
  readonly #parts: ProgressParts;
  readonly #startNs: number;
  #saidNs: number;

  constructor(parts: ProgressParts) {
    this.#parts = parts;
    this.#startNs = parts.clock.now();
    this.#saidNs = this.#startNs;
  }

  /** Says how far it is, if it is time to say so again. */
  update(done: number, failures: number): void {
    const { clock, seeds, isTerminal, write } = this.#parts;
    const nowNs = clock.now();
    if (nowNs - this.#saidNs < (isTerminal ? REDRAW_NS : LOG_NS)) return;
    this.#saidNs = nowNs;
    const leftNs = ((nowNs - this.#startNs) / done) * (seeds - done);
    const text = `${done} of ${seeds} seeds, ${failures} failures, ${timeText(leftNs)} left`;
    write(isTerminal ? `\r\x1b[2K${text}` : `${text}\n`);
  }

  /** Writes a line of its own, and clears that of the progress. */
  note(text: string): void {
    const { isTerminal, write } = this.#parts;
    write(`${isTerminal ? '\r\x1b[2K' : ''}${text}\n`);
  }

  /** Returns a sentence that says how fast it was. */
  speed(done: number): string {
    const { clock, threads } = this.#parts;
    const tookNs = clock.now() - this.#startNs;
    const perMinute = (done / tookNs) * 60e9;
    const each = `${Math.round(perMinute / threads)} for each of ${threads} threads`;
    return `${timeText(tookNs)}, ${Math.round(perMinute)} seeds a minute, ${each}`;
  }
}

/** Formats a duration for people: "42 s", "7 min", "2 h 5 min". */
export function timeText(ns: number): string {
  const seconds = Math.round(ns / 1e9);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
