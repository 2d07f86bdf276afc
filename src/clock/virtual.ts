import type { Clock } from './clock.ts';

/** What results call this clock. */
export const VIRTUAL_CLOCK_NAME = 'virtual';

/** A clock that stands still until it is moved: one for each side of a virtual run. */
export class VirtualClock implements Clock {
  #ns = 0;

  now(): number {
    return this.#ns;
  }

  /** Goes on to a point in time; never back. */
  moveTo(ns: number): void {
    if (ns > this.#ns) this.#ns = ns;
  }

  /** Doing something took a while. */
  spend(ns: number): void {
    this.#ns += ns;
  }
}
