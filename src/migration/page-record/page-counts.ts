/** The largest count that a byte holds. */
const BYTE_MOST = 0xff;
const WORD_MOST = 0xffff;

/**
 * Counts for each page of a guest how often something happened to it. A page takes a byte, and two once a count
 * outgrows that. A count stops at 65 535.
 */
export class PageCounts {
  #counts: Uint8Array | Uint16Array;
  #most = BYTE_MOST;

  constructor(pages: number) {
    this.#counts = new Uint8Array(pages);
  }

  /** Counts `pages` pages from `gfn` on once more. */
  addRun(gfn: number, pages: number): void {
    const end = gfn + pages;
    for (let page = gfn; page < end; page++) this.add(page);
  }

  /** Counts one page once more. */
  add(gfn: number): void {
    if (this.#counts[gfn] === this.#most && !this.#widen()) return;
    this.#counts[gfn]!++;
  }

  /** Makes room for larger counts; returns false if there is none. */
  #widen(): boolean {
    if (this.#most === WORD_MOST) return false;
    this.#counts = Uint16Array.from(this.#counts);
    this.#most = WORD_MOST;
    return true;
  }

  /** Returns by n how many pages have been counted n times, up to the largest n that a page has. */
  histogram(): number[] {
    const histogram = new Uint32Array(this.#most + 1);
    const counts = this.#counts;
    for (let gfn = 0; gfn < counts.length; gfn++) histogram[counts[gfn]!]!++;
    return [...histogram.subarray(0, histogram.findLastIndex((pages) => pages > 0) + 1)];
  }

  /** Returns for each bin of 2^`shift` pages how often its pages were counted again after the first time. */
  repeats(shift: number): number[] {
    const counts = this.#counts;
    const repeats = Array.from({ length: ((counts.length - 1) >>> shift) + 1 }, () => 0);
    for (let gfn = 0; gfn < counts.length; gfn++) {
      if (counts[gfn]! > 1) repeats[gfn >>> shift]! += counts[gfn]! - 1;
    }
    return repeats;
  }
}
