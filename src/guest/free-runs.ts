import { PAGE_FREE } from '../memory/kernels/abi.ts';
import type { ManagedPages } from './managed-pages.ts';
import type { ManagedRange } from './managed-ranges.ts';

/** A run of free pages that is given back. */
export interface FreeRun {
  readonly range: ManagedRange;
  /** Its first page, counted in the slot. */
  readonly page: number;
  readonly pages: number;
  /** How much of it is zeroed already: a fraction of its one page, or 0. */
  readonly zeroedPages: number;
}

/** Whether a page is free and no gate, if there are any, stops a write to it. */
function isToGive(states: Uint8Array, gates: Uint8Array | undefined, page: number): boolean {
  return states[page] === PAGE_FREE && (gates === undefined || Atomics.load(gates, page) === 0);
}

/** Searches the ranges of a memory manager for free pages, from where the last search has ended. */
export class FreeRuns {
  readonly #pages: ManagedPages;
  readonly #gates: readonly Uint8Array[];
  #range = 0;
  #page = 0;

  /** `gates` are those of each slot's pages. */
  constructor(pages: ManagedPages, gates: readonly Uint8Array[]) {
    this.#pages = pages;
    this.#gates = gates;
  }

  /** Returns the next run of at most `most` free pages; undefined when none is free. With `isGated`, gates are heeded. */
  next(most: number, isGated: boolean): FreeRun | undefined {
    if (most <= 0) return undefined;
    const { ranges } = this.#pages;
    for (let turn = 0; turn <= ranges.length; turn++) {
      const range = ranges[this.#range];
      if (!range) return undefined;
      const states = this.#pages.states[range.slot]!;
      const gates = isGated ? this.#gates[range.slot]! : undefined;
      const end = range.first + range.pages;
      let page = Math.max(this.#page, range.first);
      while (page < end && !isToGive(states, gates, page)) page++;
      if (page < end) {
        let to = page + 1;
        while (to < end && to - page < most && isToGive(states, gates, to)) to++;
        this.#page = to;
        return { range, page, pages: to - page, zeroedPages: 0 };
      }
      this.#range = (this.#range + 1) % ranges.length;
      this.#page = 0;
    }
    return undefined;
  }
}
