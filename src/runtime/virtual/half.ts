import type { VirtualClock } from '../../clock/virtual.ts';
import type { Algorithm } from '../../migration/ports.ts';
import { GeneratorDriver, type GeneratorParts } from '../common/driver.ts';

export interface HalfParts extends GeneratorParts {
  readonly clock: VirtualClock;
}

/** One side's algorithm on its own virtual clock: knows when it can go on, and goes on when told to. */
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

  /** When it can go on, no sooner than `nowNs`, as far as anybody knows yet. */
  nextNs(nowNs: number): number {
    return this.#driver.nextNs(Math.max(nowNs, this.#clock.now()));
  }

  /** Goes on at `atNs`, if there is something to go on for. */
  go(atNs: number): void {
    if (this.isOver) return;
    this.#clock.moveTo(atNs);
    this.#driver.step(this.#clock.now());
  }
}
