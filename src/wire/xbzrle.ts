import type { Memslot } from '../memory/memslot.ts';
import { ENCODING } from './encodings.ts';
import { batchPages } from './limits.ts';
import { XbzrleCache } from './xbzrle-cache.ts';
import { encodeXorRuns } from './xor-runs.ts';

/** What XBZRLE did, under QEMU's names (qapi/migration.json, XBZRLECacheStats). */
export interface XbzrleCounts {
  /** Pages that were found in the cache, however they were sent then. */
  readonly pages: number;
  /** The bytes that they took, without the heads of their records. */
  readonly bytes: number;
  /** Pages that were not in the cache, so that they were sent raw. */
  readonly cacheMisses: number;
  /** Pages of which the differences would have taken as much as the page. */
  readonly overflow: number;
}

/** In QEMU's stream a flag and a length of two bytes stand before the differences (migration/ram.c, save_xbzrle_page). */
export const BLOCK_HEAD_BYTES = 3;

/** The pages of a frame before they are written into it: each has a kind, those that are not zero also their bytes. */
export interface StagedPages {
  count: number;
  /** The page within its memslot, and its encoding. */
  readonly pages: Uint32Array;
  readonly kinds: Uint8Array;
  readonly bytes: Uint8Array;
  /** The length of the block of differences of each page that has one, and these blocks one behind the other. */
  readonly lengths: Uint32Array;
  readonly blocks: Uint8Array;
  blockBytes: number;
}

/**
 * Sends what has changed of a page since it was sent last (XBZRLE; migration/ram.c of QEMU, save_xbzrle_page). It begins
 * with the second walk through memory, as QEMU's does; from then on what is sent enters the cache, zero pages too. What
 * is sent after the guest has been stopped does not enter it any more.
 */
export class Xbzrle {
  readonly counts: { -readonly [Key in keyof XbzrleCounts]: number } = {
    pages: 0,
    bytes: 0,
    cacheMisses: 0,
    overflow: 0,
  };
  readonly staged: StagedPages;
  readonly #cache: XbzrleCache;
  readonly #pageSize: number;
  #age = 0;
  #state: 'before' | 'on' | 'last' | 'over' = 'before';

  constructor(cacheBytes: number, pageSize: number, guestPages: number) {
    this.#cache = new XbzrleCache(cacheBytes, pageSize, guestPages);
    this.#pageSize = pageSize;
    const most = batchPages(pageSize);
    this.staged = {
      count: 0,
      pages: new Uint32Array(most),
      kinds: new Uint8Array(most),
      bytes: new Uint8Array(most * pageSize),
      lengths: new Uint32Array(most),
      blocks: new Uint8Array(most * pageSize),
      blockBytes: 0,
    };
  }

  get cacheBytes(): number {
    return this.#cache.cacheBytes;
  }

  /** Whether pages are looked for in the cache now. */
  get isOn(): boolean {
    return this.#state === 'on' || this.#state === 'last';
  }

  /** Notes that a walk through memory has come to its end; the first one begins the comparisons. */
  walked(): void {
    if (this.#state === 'before') this.#state = 'on';
  }

  /** Notes that the dirty log has been harvested, by which ages are counted. */
  harvested(): void {
    this.#age++;
  }

  /** Notes that the guest stands still, so that each page is sent once more at most. */
  stopped(): void {
    this.#age++;
    if (this.#state === 'on') this.#state = 'last';
  }

  /** Ends it: in post-copy the destination writes to its pages. */
  end(): void {
    this.#state = 'over';
  }

  /** Forgets pages of which the destination no longer has what was sent. */
  forget(firstGfn: number, pages: number): void {
    this.#cache.forget(firstGfn, pages);
  }

  /** Stages a page that is zero. */
  addZero({ layout }: Memslot, page: number): void {
    this.#add(page, ENCODING.zero);
    if (this.#state === 'on') this.#cache.zero(layout.firstGfn + page, this.#age);
    else this.#cache.forget(layout.firstGfn + page, 1);
  }

  /** Reads a page once, and stages it in the shortest encoding. */
  add({ ram, layout }: Memslot, page: number): void {
    const { staged } = this;
    const size = this.#pageSize;
    const at = staged.count * size;
    const bytes = staged.bytes.subarray(at, at + size);
    bytes.set(ram.subarray(page * size, (page + 1) * size));
    this.#add(page, this.#encode(layout.firstGfn + page, bytes));
  }

  /** Begins a frame. */
  clear(): void {
    this.staged.count = 0;
    this.staged.blockBytes = 0;
  }

  #add(page: number, kind: number): void {
    const { staged } = this;
    staged.pages[staged.count] = page;
    staged.kinds[staged.count] = kind;
    staged.count++;
  }

  /** Returns the encoding of a page; its differences, if it has any to be sent, are behind the other blocks then. */
  #encode(gfn: number, page: Uint8Array): number {
    const { counts, staged } = this;
    const slot = this.#cache.seek(gfn, this.#age);
    const isKept = this.#state === 'on';
    if (slot < 0) {
      counts.cacheMisses++;
      if (isKept) this.#cache.insert(gfn, page, this.#age);
      return ENCODING.raw;
    }
    counts.pages++;
    const old = this.#cache.at(slot);
    const { blocks, blockBytes } = staged;
    const length = encodeXorRuns(old, page, blocks, blockBytes, this.#pageSize - 1, 0);
    if (length === 0) return ENCODING.same;
    if (isKept) old.set(page);
    if (length < 0) {
      counts.overflow++;
      counts.bytes += this.#pageSize;
      return ENCODING.raw;
    }
    counts.bytes += length + BLOCK_HEAD_BYTES;
    staged.lengths[staged.count] = length;
    staged.blockBytes += length;
    return ENCODING.xbzrle;
  }
}
