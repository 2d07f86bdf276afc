import type { Clock } from './clock.ts';

/** The name of this clock in results. */
export const VIRTUAL_CLOCK_NAME = 'virtual';

/** A clock that stands still until it is moved. Each side of a virtual run has one. */
export class VirtualClock implements Clock {
  #ns = 0;

  now(): number {
    return this.#ns;
  }

  /** Moves the clock forward to a point in time; one in the past leaves it where it is. */
  moveTo(ns: number): void {
    if (ns > this.#ns) this.#ns = ns;
  }

  /** Moves the clock forward by the time that something took. */
  spend(ns: number): void {
    this.#ns += ns;
  }
}
