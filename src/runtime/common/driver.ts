import type { Clock } from '../../clock/clock.ts';
import type { Link } from '../../link/link.ts';
import type { Algorithm, WaitRequest, Wake } from '../../migration/ports.ts';

/** What a driver checks to find out whether its algorithm's wait has ended. */
export interface GeneratorParts {
  readonly clock: Clock;
  readonly link: Link;
  readonly isGuestSettled: () => boolean;
  readonly isCancelled: () => boolean;
}

/**
 * Drives one algorithm, a generator that waits for credit, frames, its guest or a time. The driver keeps
 * what the algorithm waits for, checks whether that has come, and resumes it then. The driver itself never
 * waits; its owner does: a thread blocks on a doorbell, the virtual runtime moves a clock, and a rehearsal
 * and the tests take turns.
 */
export class GeneratorDriver<Result> {
  result: Result | undefined;
  isOver = false;
  /** When the algorithm can go on at the latest, as of the last check; Infinity means not before news arrive. */
  untilNs = -Infinity;
  readonly #algorithm: Algorithm<Result>;
  readonly #parts: GeneratorParts;
  #request: WaitRequest | undefined;

  constructor(algorithm: Algorithm<Result>, parts: GeneratorParts) {
    this.#algorithm = algorithm;
    this.#parts = parts;
  }

  /** Runs the algorithm to its first wait. */
  begin(): void {
    this.#take(this.#algorithm.next());
  }

  /** Returns whether the wait has ended at `nowNs`, without resuming the algorithm. */
  hasNews(nowNs: number): boolean {
    return this.#look(nowNs) !== undefined;
  }

  /** Runs the algorithm to its next wait or to its end, if its wait has ended at `nowNs`; returns whether it did. */
  step(nowNs: number): boolean {
    const wake = this.#look(nowNs);
    if (wake === undefined) return false;
    this.#take(this.#algorithm.next(wake));
    return true;
  }

  /**
   * Returns when the algorithm can go on, as far as is known now, and `nowNs` at the earliest; Infinity means not
   * before news arrive. The guest is only asked when the algorithm waits for it.
   */
  nextNs(nowNs: number): number {
    const request = this.#request;
    if (!request) return Infinity;
    const { link, isGuestSettled, isCancelled } = this.#parts;
    if (request.cancel && isCancelled()) return nowNs;
    if (request.guest && isGuestSettled()) return nowNs;
    if (request.connection && link.canReconnect()) return nowNs;
    const arrivalNs = request.frame ? link.arrivalAtNs() : Infinity;
    const creditNs = request.credit ? link.creditAtNs(request.credit) : Infinity;
    const readyNs = request.ready ? request.ready() : Infinity;
    return Math.max(nowNs, Math.min(arrivalNs, creditNs, readyNs, request.untilNs));
  }

  /** Returns what has ended the wait, or undefined while nothing has. */
  #look(nowNs: number): Wake | undefined {
    const request = this.#request;
    if (!request) return undefined;
    const { link } = this.#parts;
    // The guest is asked in every wait: its log may have vCPUs that wait for the engine (full rings).
    const isGuestSettled = this.#parts.isGuestSettled();
    const arrivalNs = request.frame ? link.arrivalAtNs() : Infinity;
    const creditNs = request.credit ? link.creditAtNs(request.credit) : Infinity;
    const readyNs = request.ready ? request.ready() : Infinity;
    this.untilNs = Math.min(arrivalNs, creditNs, readyNs, request.untilNs);
    if (request.cancel && this.#parts.isCancelled()) return 'cancel';
    if (request.connection && link.canReconnect()) return 'connection';
    if (arrivalNs <= nowNs) return 'frame';
    if (request.guest && isGuestSettled) return 'guest';
    if (creditNs <= nowNs) return 'credit';
    if (readyNs <= nowNs) return 'ready';
    if (request.untilNs <= nowNs) return 'time';
    return undefined;
  }

  #take(step: IteratorResult<WaitRequest, Result>): void {
    if (step.done) {
      this.isOver = true;
      this.result = step.value;
      this.#request = undefined;
      this.untilNs = Infinity;
      return;
    }
    const { link } = this.#parts;
    this.#request = step.value;
    link.release();
    // A wait for a channel means that there is something to send.
    if (!step.value.credit && !step.value.ready) link.rest();
  }
}
