import { type Memslot, openSlot, type SharedSlot } from './memslot.ts';
import { PageSet, type TakenRuns } from './page-set.ts';

/** A guest's physical memory: memslots that lie one after another, whose gfns count on from slot to slot. */
export interface GuestMemory {
  readonly slots: readonly Memslot[];
  readonly pages: number;
  readonly pageSize: number;
}

/** Opens shared memslots, listed in the order of their gfns, in this thread. */
export function openMemory(
  shared: readonly SharedSlot[],
  kernels: 'wasm' | 'twin' = 'wasm',
): GuestMemory {
  return memoryOf(shared.map((slot) => openSlot(slot, kernels)));
}

/** Puts open memslots, listed in the order of their gfns, together to a guest's memory. */
export function memoryOf(slots: readonly Memslot[]): GuestMemory {
  return {
    slots,
    pages: slots.reduce((sum, { layout }) => sum + layout.pages, 0),
    pageSize: slots[0]!.layout.pageSize,
  };
}

/** Splits a guest's pages over at most `slots` memslots of nearly equal size, each of at least one page. */
export function splitPages(pages: number, slots: number): { firstGfn: number; pages: number }[] {
  const count = Math.min(slots, pages);
  return Array.from({ length: count }, (_, index) => {
    const firstGfn = Math.floor((pages * index) / count);
    return { firstGfn, pages: Math.floor((pages * (index + 1)) / count) - firstGfn };
  });
}

/** Returns the slot that holds a page; `gfn` must be less than the guest's number of pages. */
export function slotOf(memory: GuestMemory, gfn: number): Memslot {
  const { slots } = memory;
  let index = slots.length - 1;
  while (slots[index]!.layout.firstGfn > gfn) index--;
  return slots[index]!;
}

/** Options of `GuestPageSet.take`. */
export interface TakeOptions {
  /** Returns the live dirty maps of a slot; pages that they mark are skipped, since they are dirty again. */
  readonly liveMaps?: (slot: Memslot) => readonly number[];
  /** The gfn before which the take ends; the guest's end when absent. */
  readonly end?: number;
}

/** A set of a guest's pages, kept as one PageSet in each memslot. Its gfns are the guest's, not a slot's. */
export class GuestPageSet {
  readonly memory: GuestMemory;
  readonly parts: readonly PageSet[];

  constructor(memory: GuestMemory, address?: (slot: Memslot) => number) {
    this.memory = memory;
    this.parts = memory.slots.map((slot) => new PageSet(slot, address?.(slot)));
  }

  get count(): number {
    let count = 0;
    for (const part of this.parts) count += part.count;
    return count;
  }

  addAll(): void {
    for (const part of this.parts) part.addAll();
  }

  clear(): void {
    for (const part of this.parts) part.clear();
  }

  /** Returns a copy of the set as one bitmap of the whole guest, bit 0 of word 0 for gfn 0. */
  bitmap(): Uint32Array {
    const bits = new Uint32Array(Math.ceil(this.memory.pages / 32));
    this.eachRun((gfn, pages) => {
      for (let page = gfn; page < gfn + pages; page++) bits[page >>> 5]! |= 1 << (page & 31);
    });
    return bits;
  }

  has(gfn: number): boolean {
    const { layout } = slotOf(this.memory, gfn);
    return this.parts[layout.index]!.has(gfn - layout.firstGfn);
  }

  /** Removes one page. */
  drop(gfn: number): void {
    const { layout } = slotOf(this.memory, gfn);
    this.parts[layout.index]!.drop(gfn - layout.firstGfn);
  }

  /** Adds a run of pages. */
  addRun(firstGfn: number, pages: number): void {
    this.#eachPart(firstGfn, pages, (part, from, count) => part.addRun(from, count));
  }

  /** Removes a run of pages. */
  dropRun(firstGfn: number, pages: number): void {
    this.#eachPart(firstGfn, pages, (part, from, count) => part.dropRun(from, count));
  }

  /** Splits a run of pages at the borders of memslots and calls `act` with each part; `from` counts in the slot. */
  #eachPart(
    firstGfn: number,
    pages: number,
    act: (part: PageSet, from: number, pages: number, index: number) => void,
  ): void {
    for (let at = firstGfn; at < firstGfn + pages;) {
      const { layout } = slotOf(this.memory, at);
      const from = at - layout.firstGfn;
      const to = Math.min(layout.pages, firstGfn + pages - layout.firstGfn);
      act(this.parts[layout.index]!, from, to - from, layout.index);
      at = layout.firstGfn + to;
    }
  }

  /** Returns the set's first page from `cursor` on, else its first page of all; -1 when the set is empty. */
  firstFrom(cursor: number): number {
    if (this.count === 0) return -1;
    const { slots, pages } = this.memory;
    const start = cursor >= pages ? 0 : cursor;
    const first = slotOf(this.memory, start).layout.index;
    for (let turn = 0; turn <= slots.length; turn++) {
      const index = (first + turn) % slots.length;
      const { firstGfn } = slots[index]!.layout;
      const found = this.parts[index]!.firstFrom(turn === 0 ? start - firstGfn : 0);
      if (found >= 0) return firstGfn + found;
    }
    return -1;
  }

  /** Returns the set's last page up to and with `gfn`, -1 when there is none. */
  lastUpTo(gfn: number): number {
    for (let { index } = slotOf(this.memory, gfn).layout; index >= 0; index--) {
      const { firstGfn, pages } = this.memory.slots[index]!.layout;
      const found = this.parts[index]!.lastUpTo(Math.min(gfn - firstGfn, pages - 1));
      if (found >= 0) return firstGfn + found;
    }
    return -1;
  }

  /** Calls `take` for every run of pages of the set, in the order of gfns; no run crosses a slot's border. */
  eachRun(take: (gfn: number, pages: number) => void): void {
    for (const [index, part] of this.parts.entries()) {
      const { firstGfn } = this.memory.slots[index]!.layout;
      part.eachRun((gfn, pages) => take(firstGfn + gfn, pages));
    }
  }

  /** Takes one page out and returns it as a run; undefined when it is not in the set. */
  takePage(gfn: number): TakenRuns | undefined {
    if (!this.has(gfn)) return undefined;
    const { layout } = slotOf(this.memory, gfn);
    const page = gfn - layout.firstGfn;
    return this.parts[layout.index]!.take(page, 1, [], page + 1);
  }

  /** Moves those pages of a range that are in this set to another set of the same guest. */
  moveRange(firstGfn: number, pages: number, to: GuestPageSet): void {
    this.#eachPart(firstGfn, pages, (part, from, count, index) =>
      part.moveRange(from, count, to.parts[index]!),
    );
  }

  /** Removes the pages that are also in another set. */
  removeCommon(other: GuestPageSet): void {
    for (const [index, part] of this.parts.entries()) {
      part.removeCommon(other.parts[index]!, 0, this.memory.slots[index]!.layout.pages);
    }
  }

  /** Moves all pages of another set into this one. */
  moveAllFrom(other: GuestPageSet): void {
    other.moveRange(0, this.memory.pages, this);
  }

  /** Puts taken pages back into the set, because their send has failed and must not lose them. */
  restore(taken: TakenRuns): void {
    const part = this.parts[taken.slot.layout.index]!;
    for (let i = 0; i < taken.runs; i++) part.addRun(taken.list[2 * i]!, taken.list[2 * i + 1]!);
  }

  /**
   * Takes up to `maxPages` pages out of the set, all from one slot: the first slot from gfn `cursor` on that has
   * any. The result's `cursor` is the gfn at which the next take goes on; it is `memory.pages` after the last page.
   */
  take(cursor: number, maxPages: number, options: TakeOptions = {}): TakenRuns {
    const { slots, pages } = this.memory;
    const last = options.end ?? pages;
    let at = cursor;
    let skipped = 0;
    for (;;) {
      const slot = slotOf(this.memory, at);
      const { index, firstGfn, pages: slotPages } = slot.layout;
      const end = Math.min(slotPages, last - firstGfn);
      const live = options.liveMaps?.(slot);
      const taken = this.parts[index]!.take(at - firstGfn, maxPages, live, end);
      skipped += taken.skipped;
      at = firstGfn + taken.cursor;
      const isOver = at >= last || index === slots.length - 1;
      if (taken.pages > 0 || isOver) return { ...taken, skipped, cursor: at };
      at = Math.max(at, firstGfn + slotPages);
    }
  }
}
