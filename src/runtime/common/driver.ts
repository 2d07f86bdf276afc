import type { Clock } from '../../clock/clock.ts';
import type { Link } from '../../link/link.ts';
import type { Algorithm, WaitRequest, Wake } from '../../migration/ports.ts';

/** What a driver looks at while its algorithm waits. */
export interface GeneratorParts {
  readonly clock: Clock;
  readonly link: Link;
  readonly isGuestSettled: () => boolean;
  readonly isCancelled: () => boolean;
}

/**
 * Drives one algorithm, a generator that waits for credit, frames, its guest or a time: holds what it
 * waits for, looks whether that has come, and lets it go on. It never waits itself. Who owns the driver
 * does: a thread blocks on a doorbell, the virtual runtime moves a clock, a rehearsal and the tests
 * take turns.
 */
export class GeneratorDriver<Result> {
  result: Result | undefined;
  isOver = false;
  /** By when, as the last look found, the algorithm can go on at the latest; Infinity: news are awaited. */
  untilNs = -Infinity;
  readonly #algorithm: Algorithm<Result>;
  readonly #parts: GeneratorParts;
  #request: WaitRequest | undefined;

  constructor(algorithm: Algorithm<Result>, parts: GeneratorParts) {
    this.#algorithm = algorithm;
    this.#parts = parts;
  }

  /** Lets it run to its first wait. */
  begin(): void {
    this.#take(this.#algorithm.next());
  }

  /** Whether there is something to go on for at `nowNs`; nothing goes on yet. */
  hasNews(nowNs: number): boolean {
    return this.#look(nowNs) !== undefined;
  }

  /** Goes on to the next wait, or to its end, if there is something to go on for; whether it did. */
  step(nowNs: number): boolean {
    const wake = this.#look(nowNs);
    if (wake === undefined) return false;
    this.#take(this.#algorithm.next(wake));
    return true;
  }

  /**
   * When it can go on, no sooner than `nowNs`, as far as anybody knows; Infinity: not without news. The
   * guest is only asked where it is waited for.
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
    return Math.max(nowNs, Math.min(arrivalNs, creditNs, request.untilNs));
  }

  /** What has ended the wait; undefined while nothing has. */
  #look(nowNs: number): Wake | undefined {
    const request = this.#request;
    if (!request) return undefined;
    const { link } = this.#parts;
    // The guest is asked in every wait: its log may have vCPUs that wait for the engine (full rings).
    const isGuestSettled = this.#parts.isGuestSettled();
    const arrivalNs = request.frame ? link.arrivalAtNs() : Infinity;
    const creditNs = request.credit ? link.creditAtNs(request.credit) : Infinity;
    this.untilNs = Math.min(arrivalNs, creditNs, request.untilNs);
    if (request.cancel && this.#parts.isCancelled()) return 'cancel';
    if (request.connection && link.canReconnect()) return 'connection';
    if (arrivalNs <= nowNs) return 'frame';
    if (request.guest && isGuestSettled) return 'guest';
    if (creditNs <= nowNs) return 'credit';
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
    if (!step.value.credit) link.rest();
  }
}
