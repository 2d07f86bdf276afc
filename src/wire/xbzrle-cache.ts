/** A slot is taken over only from a page that was last sought so many harvests ago (QEMU, migration/page_cache.c). */
const PAGE_LIFETIME = 2;

/**
 * What was sent last of some pages, so that only what has changed since need be sent. As in QEMU (migration/page_cache.c),
 * a page can lie in one slot alone, that of its number, and the number of slots is a power of two. Ages are counted in
 * harvests of the dirty log.
 */
export class XbzrleCache {
  readonly #mask: number;
  readonly #pageSize: number;
  /** The page in each slot, -1 for none, and the age at which it was last sought. */
  readonly #gfns: Int32Array;
  readonly #ages: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #zeros: Uint8Array;

  readonly cacheBytes: number;

  /**
   * `cacheBytes` are rounded down to a power of two of pages, at least one page. A guest of `guestPages` never uses more
   * slots than it has pages, so no more are kept.
   */
  constructor(cacheBytes: number, pageSize: number, guestPages: number) {
    const wanted = 2 ** Math.floor(Math.log2(Math.max(1, cacheBytes / pageSize)));
    const slots = Math.min(wanted, 2 ** Math.ceil(Math.log2(Math.max(1, guestPages))));
    this.cacheBytes = wanted * pageSize;
    this.#mask = slots - 1;
    this.#pageSize = pageSize;
    this.#gfns = new Int32Array(slots).fill(-1);
    this.#ages = new Int32Array(slots);
    this.#bytes = new Uint8Array(slots * pageSize);
    this.#zeros = new Uint8Array(pageSize);
  }

  /** Returns the slot in which a page lies, -1 if it lies in none; it counts as sought at that age. */
  seek(gfn: number, age: number): number {
    const slot = gfn & this.#mask;
    if (this.#gfns[slot] !== gfn) return -1;
    this.#ages[slot] = age;
    return slot;
  }

  /** Returns what was sent of the page in a slot. */
  at(slot: number): Uint8Array {
    const from = slot * this.#pageSize;
    return this.#bytes.subarray(from, from + this.#pageSize);
  }

  /** Keeps a page, unless its slot holds another one that was sought lately. */
  insert(gfn: number, page: Uint8Array, age: number): void {
    const slot = gfn & this.#mask;
    const other = this.#gfns[slot]!;
    if (other >= 0 && other !== gfn && this.#ages[slot]! + PAGE_LIFETIME > age) return;
    this.#gfns[slot] = gfn;
    this.#ages[slot] = age;
    this.at(slot).set(page);
  }

  /** Keeps a page that was sent as zero, so that a small write to it is sent as such (xbzrle_cache_zero_page). */
  zero(gfn: number, age: number): void {
    this.insert(gfn, this.#zeros, age);
  }

  /** Forgets pages, of which the destination no longer has what was sent. */
  forget(firstGfn: number, pages: number): void {
    const end = firstGfn + pages;
    if (pages <= this.#mask) {
      for (let gfn = firstGfn; gfn < end; gfn++) {
        if (this.#gfns[gfn & this.#mask] === gfn) this.#gfns[gfn & this.#mask] = -1;
      }
      return;
    }
    for (let slot = 0; slot <= this.#mask; slot++) {
      const gfn = this.#gfns[slot]!;
      if (gfn >= firstGfn && gfn < end) this.#gfns[slot] = -1;
    }
  }
}
