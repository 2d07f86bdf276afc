import { PAGE_PROTECTED, PAGE_SWAPPED } from '../memory/kernels/abi.ts';
import type { Generator } from '../random/generator.ts';
import type { GuestPages } from './guest-pages.ts';
import type { PageSharing } from './page-sharing.ts';
import type { Paging } from './paging.ts';

/** So many random pages are tried at most for each that is to be reclaimed, before the host gives up for this time. */
const TRIES_A_PAGE = 64;
/** Of a guest that runs meanwhile so many pages are held at once, since the host waits for its vCPUs with each hold. */
const HELD_AT_ONCE = 64;

/**
 * What a host does to random pages of its guests: it tries to share them, or reclaims them. Of a guest that runs
 * meanwhile they are held for that time (GuestPages.hold).
 */
export class RandomPages {
  readonly #random: Generator;
  readonly #paging: Paging;

  constructor(random: Generator, paging: Paging) {
    this.#random = random;
    this.#paging = paging;
  }

  /** Tries to share so many pages of a guest. */
  scan(sharing: PageSharing, pages: GuestPages, count: number): void {
    if (!pages.isConcurrent) {
      for (let i = 0; i < count; i++) sharing.scan(pages, this.#random.below(pages.memory.pages));
      return;
    }
    for (let left = count; left > 0; left -= HELD_AT_ONCE) {
      const tries = Math.min(left, HELD_AT_ONCE);
      for (const gfn of this.#hold(pages, tries, tries, PAGE_PROTECTED).gfns) {
        sharing.scan(pages, gfn);
        pages.release(gfn);
      }
    }
  }

  /** Reclaims up to `most` pages of a guest; returns how many. */
  reclaim(pages: GuestPages, most: number, atNs: number): number {
    const atOnce = pages.isConcurrent ? HELD_AT_ONCE : 1;
    let done = 0;
    let tries = most * TRIES_A_PAGE;
    while (done < most && tries > 0) {
      const held = this.#hold(pages, Math.min(most - done, atOnce), tries, PAGE_SWAPPED);
      tries -= held.tries;
      for (const gfn of held.gfns) if (this.#reclaimHeld(pages, gfn, atNs)) done++;
    }
    if (done > 0 || most > 1) return done;
    // Random picks may miss the few pages that are left, so a single page is searched for from a random one on.
    const start = this.#random.below(pages.memory.pages);
    for (let i = 0; i < pages.memory.pages; i++) {
      const gfn = (start + i) % pages.memory.pages;
      if (!pages.hold(gfn, PAGE_SWAPPED)) continue;
      pages.settle();
      if (this.#reclaimHeld(pages, gfn, atNs)) return 1;
    }
    return 0;
  }

  /**
   * Reclaims a page of a guest for somebody who waits for it; returns whether there was one. Of a guest that runs
   * meanwhile more are reclaimed at once, up to its `sparePages`, since the host has to wait for its vCPUs each time.
   */
  force(pages: GuestPages, sparePages: number, atNs: number): boolean {
    const most = pages.isConcurrent ? Math.min(HELD_AT_ONCE, sparePages) : 1;
    return (most > 1 && this.reclaim(pages, most, atNs) > 0) || this.reclaim(pages, 1, atNs) > 0;
  }

  #reclaimHeld(pages: GuestPages, gfn: number, atNs: number): boolean {
    const isDone = this.#paging.reclaim(pages, gfn, atNs);
    pages.release(gfn);
    return isDone;
  }

  /** Picks pages until `most` of them are held or `mostTries` have been made, and waits until the holds count. */
  #hold(
    pages: GuestPages,
    most: number,
    mostTries: number,
    bit: number,
  ): { readonly gfns: readonly number[]; readonly tries: number } {
    const gfns: number[] = [];
    let tries = 0;
    for (; gfns.length < most && tries < mostTries; tries++) {
      const gfn = this.#random.below(pages.memory.pages);
      if (pages.hold(gfn, bit)) gfns.push(gfn);
    }
    if (gfns.length > 0) pages.settle();
    return { gfns, tries };
  }
}
