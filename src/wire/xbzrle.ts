import type { BlockList } from './block-list.ts';
import { ENCODING } from './encodings.ts';
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
  readonly #cache: XbzrleCache;
  readonly #pageSize: number;
  #age = 0;
  #state: 'before' | 'on' | 'last' | 'over' = 'before';

  constructor(cacheBytes: number, pageSize: number, guestPages: number) {
    this.#cache = new XbzrleCache(cacheBytes, pageSize, guestPages);
    this.#pageSize = pageSize;
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

  /** Notes that a page is sent as zero. */
  noteZero(gfn: number): void {
    if (this.#state === 'on') this.#cache.zero(gfn, this.#age);
    else this.#cache.forget(gfn, 1);
  }

  /** Returns the encoding of a page; its differences, if it has any to be sent, are the last of the blocks then. */
  encode(gfn: number, page: Uint8Array, blocks: BlockList): number {
    const { counts } = this;
    const slot = this.#cache.seek(gfn, this.#age);
    const isKept = this.#state === 'on';
    if (slot < 0) {
      counts.cacheMisses++;
      if (isKept) this.#cache.insert(gfn, page, this.#age);
      return ENCODING.raw;
    }
    counts.pages++;
    const old = this.#cache.at(slot);
    const length = encodeXorRuns(old, page, blocks.bytes, blocks.used, this.#pageSize - 1, 0);
    if (length === 0) return ENCODING.same;
    if (isKept) old.set(page);
    if (length < 0) {
      counts.overflow++;
      counts.bytes += this.#pageSize;
      return ENCODING.raw;
    }
    counts.bytes += length + BLOCK_HEAD_BYTES;
    blocks.close(length);
    return ENCODING.xbzrle;
  }
}
