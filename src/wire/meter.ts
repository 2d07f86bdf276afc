import type { Clock } from '../clock/clock.ts';
import { ENCODING_COUNT } from './encodings.ts';

/**
 * Measures what it costs to make the page frames of a migration, by encoding. In real time it reads a clock; a virtual
 * world has none, and adds what its costs say instead.
 */
export class EncodingMeter {
  /** The time that pages of each encoding have taken, ns; that of `raw` has all that belongs to no other. */
  readonly ns: number[] = Array.from({ length: ENCODING_COUNT }, () => 0);
  /** The pages, and the blocks of them, that the compressor has seen since `takeTried`, however they were sent then. */
  #triedPages = 0;
  #triedBlocks = 0;
  #codedPages = 0;
  readonly #clock: Clock | undefined;
  #sinceNs = 0;

  constructor(clock?: Clock) {
    this.#clock = clock;
  }

  /** Begins to measure. */
  begin(): void {
    if (this.#clock) this.#sinceNs = this.#clock.now();
  }

  /** Adds the time since `begin`, or since the last call, to an encoding's. */
  end(encoding: number): void {
    if (!this.#clock) return;
    const nowNs = this.#clock.now();
    this.ns[encoding]! += nowNs - this.#sinceNs;
    this.#sinceNs = nowNs;
  }

  /** Notes that a block of pages has been compressed, whether or not it was worth it. */
  tried(pages: number): void {
    this.#triedPages += pages;
    this.#triedBlocks++;
  }

  /** Notes that the words of a page have been looked at, however it was sent then. */
  coded(): void {
    this.#codedPages++;
  }

  /** Returns what has been noted since the last call. */
  takeTried(): { readonly pages: number; readonly blocks: number; readonly coded: number } {
    const tried = {
      pages: this.#triedPages,
      blocks: this.#triedBlocks,
      coded: this.#codedPages,
    };
    this.#codedPages = 0;
    this.#triedPages = 0;
    this.#triedBlocks = 0;
    return tried;
  }
}
