import type { Process } from '../../../clock/process.ts';
import type { Generator } from '../../../random/generator.ts';
import { exponential } from './distribution.ts';

/**
 * The requests of an open load, one event each: a Poisson process, or evenly spaced. The load may be another one in
 * each step, and is the same throughout it.
 */
export class Arrivals implements Process {
  readonly isOver = false;
  readonly #isEven: boolean;
  readonly #random: Generator;
  readonly #onArrival: (nowNs: number) => void;
  /** How much of the load's integral over time is left until the next request comes. */
  #left: number;
  #perNs = 0;
  #endNs = 0;
  #nextNs = Infinity;

  constructor(isEven: boolean, random: Generator, onArrival: (nowNs: number) => void) {
    this.#isEven = isEven;
    this.#random = random;
    this.#onArrival = onArrival;
    this.#left = this.#gap();
  }

  /** Begins a step; the world has to ask for `nextNs` again. */
  begin(fromNs: number, endNs: number, perSecond: number): void {
    this.#perNs = perSecond / 1e9;
    this.#endNs = endNs;
    this.#aim(fromNs);
  }

  nextNs(nowNs: number): number {
    return Math.max(nowNs, this.#nextNs);
  }

  step(atNs: number): void {
    this.#left = this.#gap();
    this.#aim(atNs);
    this.#onArrival(atNs);
  }

  #gap(): number {
    return this.#isEven ? 1 : exponential(this.#random);
  }

  #aim(fromNs: number): void {
    const passing = this.#perNs * (this.#endNs - fromNs);
    if (passing >= this.#left && this.#perNs > 0) {
      this.#nextNs = fromNs + this.#left / this.#perNs;
      return;
    }
    this.#left -= passing;
    this.#nextNs = Infinity;
  }
}
