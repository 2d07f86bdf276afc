import type { VirtualClock } from '../../clock/virtual.ts';
import type { Link } from '../../link/link.ts';
import type { Algorithm } from '../../migration/ports.ts';
import { look } from '../common/look.ts';

export interface HalfParts {
  readonly clock: VirtualClock;
  readonly link: Link;
  readonly isGuestSettled: () => boolean;
  readonly isCancelled: () => boolean;
}

/** One side's algorithm on its own virtual clock: knows when it can go on, and goes on when told to. */
export class Half<Result> {
  result: Result | undefined;
  readonly #algorithm: Algorithm<Result>;
  readonly #parts: HalfParts;
  #step: IteratorResult<Parameters<typeof look>[0], Result> | undefined;

  constructor(algorithm: Algorithm<Result>, parts: HalfParts) {
    this.#algorithm = algorithm;
    this.#parts = parts;
  }

  get isOver(): boolean {
    return this.#step?.done === true;
  }

  begin(): void {
    this.#take(this.#algorithm.next());
  }

  /** When it can go on, no sooner than `nowNs`, as far as anybody knows yet. */
  nextNs(nowNs: number): number {
    if (!this.#step || this.#step.done) return Infinity;
    const { clock, link, isGuestSettled, isCancelled } = this.#parts;
    const request = this.#step.value;
    const baseNs = Math.max(nowNs, clock.now());
    if (request.cancel && isCancelled()) return baseNs;
    if (request.guest && isGuestSettled()) return baseNs;
    if (request.connection && link.canReconnect()) return baseNs;
    const arrivalNs = request.frame ? link.arrivalAtNs() : Infinity;
    const creditNs = request.credit ? link.creditAtNs(request.credit) : Infinity;
    return Math.max(baseNs, Math.min(arrivalNs, creditNs, request.untilNs));
  }

  /** Goes on at `atNs`, if there is something to go on for. */
  go(atNs: number): void {
    if (!this.#step || this.#step.done) return;
    const { clock } = this.#parts;
    clock.moveTo(atNs);
    const { wake } = look(this.#step.value, this.#parts);
    if (wake) this.#take(this.#algorithm.next(wake));
  }

  #take(step: IteratorResult<Parameters<typeof look>[0], Result>): void {
    this.#step = step;
    const { link } = this.#parts;
    if (step.done) {
      this.result = step.value;
      return;
    }
    link.release();
    if (!step.value.credit) link.rest();
  }
}
