import { bitmapBytes, tableBytes } from './format.ts';

/** Where the bytes of a page are: in the file itself, in its base, or nowhere, as all of them are zero. */
export type PagePlace = 'here' | 'base' | 'zero';

/** The bitmaps and sums of a snapshot, as they stand in the file. */
export class PageTable {
  readonly bytes: Uint8Array;
  readonly pages: number;
  readonly #here: Uint32Array;
  readonly #base: Uint32Array;
  readonly #sums: Uint32Array;

  /** Without `bytes` all pages are zero. */
  constructor(pages: number, bytes: Uint8Array = new Uint8Array(tableBytes(pages))) {
    this.pages = pages;
    this.bytes = bytes;
    const { buffer, byteOffset } = bytes;
    const map = bitmapBytes(pages);
    this.#here = new Uint32Array(buffer, byteOffset, map / 4);
    this.#base = new Uint32Array(buffer, byteOffset + map, map / 4);
    this.#sums = new Uint32Array(buffer, byteOffset + 2 * map, 2 * pages);
  }

  placeOf(gfn: number): PagePlace {
    const [word, bit] = [gfn >>> 5, gfn & 31];
    if ((this.#here[word]! >>> bit) & 1) return 'here';
    return (this.#base[word]! >>> bit) & 1 ? 'base' : 'zero';
  }

  /** Notes where a page's bytes are, and their sum (0 and 0 for a zero page). */
  set(gfn: number, place: PagePlace, low: number, high: number): void {
    const [word, bit] = [gfn >>> 5, 1 << (gfn & 31)];
    this.#here[word]! &= ~bit;
    this.#base[word]! &= ~bit;
    if (place === 'here') this.#here[word]! |= bit;
    if (place === 'base') this.#base[word]! |= bit;
    this.#sums[2 * gfn] = low;
    this.#sums[2 * gfn + 1] = high;
  }

  /** The sums: two words a page, the low one first. */
  get sums(): Uint32Array {
    return this.#sums;
  }

  /** Returns the first page from `from` on, and before `end`, that is somewhere else than page `from`; else `end`. */
  endOfRun(from: number, end: number): number {
    const place = this.placeOf(from);
    let gfn = from + 1;
    while (gfn < end && this.placeOf(gfn) === place) gfn++;
    return gfn;
  }

  /** Returns how many pages are in each place. */
  counts(): Readonly<Record<PagePlace, number>> {
    const counts = { here: 0, base: 0, zero: 0 };
    for (let gfn = 0; gfn < this.pages; gfn++) counts[this.placeOf(gfn)]++;
    return counts;
  }
}
