import { RUNS_CURSOR, RUNS_FIRST, RUNS_PAGES, RUNS_SKIPPED } from './kernels/abi.ts';
import type { Memslot } from './memslot.ts';
import { scratchAreas } from './layout.ts';

/** Pages taken out of a set, as runs of gfns; valid until the next `take`. */
export interface TakenRuns {
  readonly runs: number;
  /** (first gfn, page count) for every run, from index 0. */
  readonly list: Uint32Array;
  readonly pages: number;
  /** Pages that were only dropped because they are dirty again. */
  readonly skipped: number;
  /** Where the next take goes on. */
  readonly cursor: number;
}

/** The set of a slot's pages that have yet to be sent: a bitmap in the slot, and its size. */
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

  /** Byte address of the bitmap, for a dirty log to merge into. */
  get address(): number {
    return this.#at;
  }

  /** Accounts for `pages` bits that a kernel has newly set in the bitmap. */
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

  /** Puts pages back: a send that failed must not lose them. */
  addRun(gfn: number, pages: number): void {
    for (let page = gfn; page < gfn + pages; page++) {
      const word = (this.#at >>> 2) + (page >>> 5);
      if ((this.#slot.words[word]! >>> (page & 31)) & 1) continue;
      this.#slot.words[word]! |= 1 << (page & 31);
      this.#count++;
    }
  }

  has(gfn: number): boolean {
    return ((this.#slot.words[(this.#at >>> 2) + (gfn >>> 5)]! >>> (gfn & 31)) & 1) === 1;
  }

  /**
   * Takes up to `maxPages` pages from `cursor` on, in gfn order, to the end of the slot at most.
   * Pages marked in one of `liveMaps` are dropped: they are dirty again and come back with the next
   * harvest.
   */
  take(cursor: number, maxPages: number, liveMaps: readonly number[] = []): TakenRuns {
    const { words, layout, kernels } = this.#slot;
    liveMaps.forEach((map, i) => (words[(this.#pointers >>> 2) + i] = map));
    const runs = kernels.takeRuns(
      this.#at,
      cursor,
      layout.pages,
      maxPages,
      layout.maxRuns,
      this.#pointers,
      liveMaps.length,
      this.#runList,
    );
    const at = this.#runList >>> 2;
    const pages = words[at + RUNS_PAGES]!;
    const skipped = words[at + RUNS_SKIPPED]!;
    this.#count -= pages + skipped;
    const list = new Uint32Array(this.#slot.buffer, this.#runList + RUNS_FIRST * 4, 2 * runs);
    return { runs, list, pages, skipped, cursor: words[at + RUNS_CURSOR]! };
  }
}
