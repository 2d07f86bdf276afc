import { RUNS_CURSOR, RUNS_FIRST, RUNS_PAGES, RUNS_SKIPPED } from './kernels/abi.ts';
import type { Memslot } from './memslot.ts';
import { scratchAreas } from './layout.ts';

/** Pages taken out of a set, as runs of gfns. The next take of any set of the slot overwrites the list. */
export interface TakenRuns {
  readonly slot: Memslot;
  readonly runs: number;
  /** For every run two numbers, its first gfn, counted in the slot, and its number of pages. */
  readonly list: Uint32Array;
  readonly pages: number;
  /** The number of pages that were dropped and not taken, because they are dirty again. */
  readonly skipped: number;
  /** The gfn at which the next take goes on. */
  readonly cursor: number;
}

/**
 * A set of a slot's pages, for instance of those that have yet to be sent. It is a bitmap in the slot's memory, with
 * a count of its pages beside it. Gfns count from the slot's first page.
 */
export class PageSet {
  readonly #slot: Memslot;
  readonly #at: number;
  readonly #runList: number;
  readonly #pointers: number;
  #count: number;

  constructor(slot: Memslot, at: number = slot.layout.pageSet) {
    this.#slot = slot;
    this.#at = at;
    const { runList, pointers } = scratchAreas(slot.layout);
    this.#runList = runList;
    this.#pointers = pointers;
    this.#count = slot.kernels.popcount(at, slot.layout.mapBytes);
  }

  get count(): number {
    return this.#count;
  }

  /** The byte address of the bitmap, into which a dirty log merges its marks. */
  get address(): number {
    return this.#at;
  }

  /** Returns the bitmap itself, bit 0 of word 0 for the slot's first page. */
  bits(): Uint32Array {
    const { buffer, layout } = this.#slot;
    return new Uint32Array(buffer, this.#at, Math.ceil(layout.pages / 32));
  }

  /** Adds to the count the `pages` bits that a kernel has newly set in the bitmap. */
  grewBy(pages: number): void {
    this.#count += pages;
  }

  addAll(): void {
    const { pages } = this.#slot.layout;
    const { words } = this.#slot;
    const first = this.#at >>> 2;
    words.fill(-1, first, first + (pages >>> 5));
    if (pages & 31) words[first + (pages >>> 5)] = (1 << (pages & 31)) - 1;
    this.#count = pages;
  }

  clear(): void {
    const first = this.#at >>> 2;
    this.#slot.words.fill(0, first, first + this.#slot.layout.mapBytes / 4);
    this.#count = 0;
  }

  /** Adds a run of pages; those that are in the set already stay. */
  addRun(gfn: number, pages: number): void {
    for (let page = gfn; page < gfn + pages; page++) {
      const word = (this.#at >>> 2) + (page >>> 5);
      if ((this.#slot.words[word]! >>> (page & 31)) & 1) continue;
      this.#slot.words[word]! |= 1 << (page & 31);
      this.#count++;
    }
  }

  /** Removes one page, if it is in the set. */
  drop(gfn: number): void {
    const word = (this.#at >>> 2) + (gfn >>> 5);
    if (((this.#slot.words[word]! >>> (gfn & 31)) & 1) === 0) return;
    this.#slot.words[word]! &= ~(1 << (gfn & 31));
    this.#count--;
  }

  /** Moves those pages of a range that are in this set to another set of the same slot. */
  moveRange(first: number, pages: number, to: PageSet): void {
    const { words } = this.#slot;
    const end = first + pages;
    for (let page = first & ~31; page < end; page += 32) {
      const at = (this.#at >>> 2) + (page >>> 5);
      let bits = words[at]!;
      if (bits === 0) continue;
      if (page < first) bits &= -1 << (first & 31);
      if (page + 32 > end) bits &= ~(-1 << (end & 31));
      if (bits === 0) continue;
      const target = (to.#at >>> 2) + (page >>> 5);
      this.#count -= countBits(bits);
      to.#count += countBits(bits & ~words[target]!);
      words[at]! &= ~bits;
      words[target]! |= bits;
    }
  }

  /** Removes the pages [from, from + pages), a word of the bitmap at a time. */
  dropRun(from: number, pages: number): void {
    const { words } = this.#slot;
    const end = from + pages;
    for (let page = from & ~31; page < end; page += 32) {
      let mask = -1;
      if (page < from) mask &= -1 << (from & 31);
      if (page + 32 > end) mask &= ~(-1 << (end & 31));
      const at = (this.#at >>> 2) + (page >>> 5);
      this.#count -= countBits(words[at]! & mask);
      words[at]! &= ~mask;
    }
  }

  /** Removes those pages of [from, to) that are also in another set of the same slot. */
  removeCommon(other: PageSet, from: number, to: number): void {
    const { words } = this.#slot;
    for (let page = from & ~31; page < to; page += 32) {
      const at = (this.#at >>> 2) + (page >>> 5);
      let common = words[at]! & words[(other.#at >>> 2) + (page >>> 5)]!;
      if (common === 0) continue;
      if (page < from) common &= -1 << (from & 31);
      if (page + 32 > to) common &= ~(-1 << (to & 31));
      words[at]! &= ~common;
      this.#count -= countBits(common);
    }
  }

  /** Returns the set's first page from `gfn` on, -1 when there is none. */
  firstFrom(gfn: number): number {
    const { words, layout } = this.#slot;
    const first = this.#at >>> 2;
    for (let page = gfn; page < layout.pages; page++) {
      const word = words[first + (page >>> 5)]! >>> (page & 31);
      if (word & 1) return page;
      if (word === 0) page |= 31;
    }
    return -1;
  }

  /** Returns the set's last page up to and with `gfn`, -1 when there is none. */
  lastUpTo(gfn: number): number {
    const { words } = this.#slot;
    const first = this.#at >>> 2;
    let mask = -1 >>> (31 - (gfn & 31));
    for (let word = gfn >>> 5; word >= 0; word--) {
      const bits = words[first + word]! & mask;
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits);
      mask = -1;
    }
    return -1;
  }

  /** Calls `take` for every run of pages of the set, in order. The set stays as it is. */
  eachRun(take: (gfn: number, pages: number) => void): void {
    const { words, layout, kernels } = this.#slot;
    const at = this.#runList >>> 2;
    for (let from = 0; from < layout.pages; from = words[at + RUNS_CURSOR]!) {
      const runs = kernels.listRuns(this.#at, from, layout.pages, layout.maxRuns, this.#runList);
      for (let i = 0; i < runs; i++) {
        take(words[at + RUNS_FIRST + 2 * i]!, words[at + RUNS_FIRST + 2 * i + 1]!);
      }
    }
  }

  has(gfn: number): boolean {
    return ((this.#slot.words[(this.#at >>> 2) + (gfn >>> 5)]! >>> (gfn & 31)) & 1) === 1;
  }

  /**
   * Takes up to `maxPages` pages of [cursor, end) out of the set, in the order of gfns; `end` is the slot's end when
   * absent. Pages that one of `liveMaps` (byte addresses) marks are dropped and counted as skipped: they are dirty
   * again, and the next harvest brings them back.
   */
  take(
    cursor: number,
    maxPages: number,
    liveMaps: readonly number[] = [],
    end: number = this.#slot.layout.pages,
  ): TakenRuns {
    const { words, layout, kernels } = this.#slot;
    liveMaps.forEach((map, i) => (words[(this.#pointers >>> 2) + i] = map));
    const runs = kernels.takeRuns(
      this.#at,
      cursor,
      end,
      maxPages,
      layout.maxRuns,
      this.#pointers,
      liveMaps.length,
      layout.mapUnit === 'byte' ? 1 : 0,
      this.#runList,
    );
    const at = this.#runList >>> 2;
    const pages = words[at + RUNS_PAGES]!;
    const skipped = words[at + RUNS_SKIPPED]!;
    this.#count -= pages + skipped;
    const list = new Uint32Array(this.#slot.buffer, this.#runList + RUNS_FIRST * 4, 2 * runs);
    return { slot: this.#slot, runs, list, pages, skipped, cursor: words[at + RUNS_CURSOR]! };
  }
}

function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
