import type { VirtualClock } from '../../clock/virtual.ts';
import type { Algorithm } from '../../migration/ports.ts';
import { GeneratorDriver, type GeneratorParts } from '../common/driver.ts';

export interface HalfParts extends GeneratorParts {
  readonly clock: VirtualClock;
}

/** One side's algorithm on a virtual clock of its own. It says when it can go on, and goes on when it is told to. */
export class Half<Result> {
  readonly #driver: GeneratorDriver<Result>;
  readonly #clock: VirtualClock;

  constructor(algorithm: Algorithm<Result>, parts: HalfParts) {
    this.#driver = new GeneratorDriver(algorithm, parts);
    this.#clock = parts.clock;
  }

  get isOver(): boolean {
    return this.#driver.isOver;
  }

  get result(): Result | undefined {
    return this.#driver.result;
  }

  begin(): void {
    this.#driver.begin();
  }

  /** Returns when it can go on, as far as is known now, and `nowNs` at the earliest; Infinity means not before news. */
  nextNs(nowNs: number): number {
    return this.#driver.nextNs(Math.max(nowNs, this.#clock.now()));
  }

  /** Moves its clock to `atNs` and goes on, if its wait has ended by then. */
  go(atNs: number): void {
    if (this.isOver) return;
    this.#clock.moveTo(atNs);
    this.#driver.step(this.#clock.now());
  }
}
