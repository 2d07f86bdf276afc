import type { GuestMemory } from '../memory/guest-memory.ts';
import { PAGE_FREE, PAGE_HINTED, PAGE_RELEASED, PAGE_USED } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import { pageStates } from '../memory/page-states.ts';
import { type ManagedRange, managedRanges } from './managed-ranges.ts';
import type { GuestPlan } from './stream-plan.ts';

/** The states of the pages that one vCPU's part of a memory manager manages, with a count of each. */
export class ManagedPages {
  readonly ranges: readonly ManagedRange[];
  /** The states of the pages of each slot. */
  readonly states: readonly Uint8Array[];
  readonly #slots: readonly Memslot[];
  /** How many of its pages are in each state; undefined until somebody asks. */
  #counts: number[] | undefined;

  constructor(plan: GuestPlan, memory: GuestMemory, vcpu: number) {
    this.ranges = managedRanges(plan, memory.slots).filter(({ owner }) => owner === vcpu);
    this.#slots = memory.slots;
    this.states = memory.slots.map(pageStates);
  }

  /** How many pages it manages. */
  get pages(): number {
    return this.ranges.reduce((sum, { pages }) => sum + pages, 0);
  }

  /** How many of its pages are free. */
  get free(): number {
    return this.count(PAGE_FREE);
  }

  /** How many of its pages are in a state. */
  count(state: number): number {
    return this.#counted()[state]!;
  }

  #counted(): number[] {
    if (this.#counts) return this.#counts;
    const counts = [0, 0, 0, 0, 0, 0];
    for (const { slot, first, pages } of this.ranges) {
      const states = this.states[slot]!;
      for (let page = first; page < first + pages; page++) counts[states[page]!]!++;
    }
    this.#counts = counts;
    return counts;
  }

  /** Gives a page that it manages another state. */
  set(slot: number, page: number, state: number): void {
    const counts = this.#counted();
    const states = this.states[slot]!;
    counts[states[page]!]!--;
    counts[state]!++;
    states[page] = state;
  }

  /** Notes that a run of free pages has been given back. */
  release(slot: number, page: number, pages: number): void {
    const counts = this.#counted();
    this.states[slot]!.fill(PAGE_RELEASED, page, page + pages);
    counts[PAGE_FREE]! -= pages;
    counts[PAGE_RELEASED]! += pages;
  }

  /** Notes that a run of free pages has been hinted to the host. */
  hint(slot: number, page: number, pages: number): void {
    const counts = this.#counted();
    this.states[slot]!.fill(PAGE_HINTED, page, page + pages);
    counts[PAGE_FREE]! -= pages;
    counts[PAGE_HINTED]! += pages;
  }

  /** Makes the hinted pages of a range free pages like any other. */
  unhint({ slot, first, pages }: ManagedRange): void {
    this.#freeSome(PAGE_HINTED, slot, first, first + pages, pages);
  }

  /** Drops up to `most` pages of a range of page cache, which become free; returns how many. */
  drop({ slot, first, pages }: ManagedRange, most: number): number {
    return this.#freeSome(PAGE_USED, slot, first, first + pages, most);
  }

  /**
   * Takes up to `most` pages out of the balloon, from `from` to the end of a range, and calls `each` for each of them;
   * returns how many.
   */
  deflate(
    { slot, first, pages }: ManagedRange,
    from: number,
    most: number,
    each?: (slot: Memslot, page: number) => void,
  ): number {
    return this.#freeSome(PAGE_RELEASED, slot, from, first + pages, most, each);
  }

  /** Frees all pages of a range, in whatever state they are. */
  forget({ slot, first, pages }: ManagedRange): void {
    this.states[slot]!.fill(PAGE_FREE, first, first + pages);
    this.#counts = undefined;
  }

  /** Frees all pages of a range that are in use. */
  freeAll(range: ManagedRange): void {
    this.drop(range, range.pages);
  }

  /** Frees up to `most` pages of a state among [from, to) of a slot; returns how many. */
  #freeSome(
    state: number,
    slot: number,
    from: number,
    to: number,
    most: number,
    each?: (slot: Memslot, page: number) => void,
  ): number {
    const states = this.states[slot]!;
    const counts = this.#counted();
    let count = 0;
    for (let page = from; page < to && count < most; page++) {
      if (states[page] !== state) continue;
      states[page] = PAGE_FREE;
      each?.(this.#slots[slot]!, page);
      count++;
    }
    counts[state]! -= count;
    counts[PAGE_FREE]! += count;
    return count;
  }

  /** Returns the range of a page that is or was free; all such pages lie in its ranges. */
  rangeOf(slot: Memslot, page: number): ManagedRange {
    return this.findRange(slot, page)!;
  }

  /** Returns the range of a page; undefined when this part does not manage the page. */
  findRange({ layout }: Memslot, page: number): ManagedRange | undefined {
    return this.ranges.find(
      ({ slot, first, pages }) => slot === layout.index && page >= first && page < first + pages,
    );
  }
}
