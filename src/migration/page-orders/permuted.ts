import { type GuestPageSet, slotOf } from '../../memory/guest-memory.ts';
import type { LogReader } from '../../memory/dirty-logs/log-reader.ts';
import type { Memslot } from '../../memory/memslot.ts';
import type { TakenRuns } from '../../memory/page-set.ts';

/** The order in which pre-copy goes through the guest. A walk keeps its own position. */
export interface PrecopyWalk {
  /** Takes at most `most` pages out of `unsent`; with a log, pages that are dirty again are skipped. */
  take(unsent: GuestPageSet, most: number, log?: LogReader): TakenRuns;
}

/** The dirty log is peeked before each batch of this many pages (xc_linux_save.c, MAX_BATCH_SIZE). */
const PEEK_PAGES = 1024;
/** The permutation takes neighbours 2^10 pages apart. */
const SHIFT = 10;

/**
 * Returns the walk of Clark et al. 2005 (xc_linux_save.c, January 2005). It takes pages in an order in
 * which the low bits of a gfn have become its high bits, since memory is dirtied in clusters. Whether a
 * page is dirty again is looked up in a copy of the dirty log, made once for each batch of 1024 pages.
 */
export function permutedWalk(pages: number): PrecopyWalk {
  let order = 0;
  while (2 ** order < pages) order++;
  const mask = 2 ** order - 1;
  const permute = (n: number): number => {
    let i = n;
    do i = order <= SHIFT ? i : ((i >>> (order - SHIFT)) | (i << SHIFT)) & mask;
    while (i >= pages);
    return i;
  };
  let at = 0;
  let sincePeek = PEEK_PAGES;
  let dirtyBits: readonly Uint32Array[] = [];
  return {
    take(unsent, most, log) {
      if (sincePeek >= PEEK_PAGES) {
        if (log) dirtyBits = peek(unsent, log);
        sincePeek = 0;
      }
      const list = new Uint32Array(2 * most);
      let slot = unsent.memory.slots[0]!;
      let taken = 0;
      let skipped = 0;
      for (; at < pages && taken < most && sincePeek + taken < PEEK_PAGES; at++) {
        const gfn = permute(at);
        if (!unsent.has(gfn)) continue;
        const owner = slotOf(unsent.memory, gfn);
        const page = gfn - owner.layout.firstGfn;
        const wasDirty = log && (dirtyBits[owner.layout.index]![page >>> 5]! >>> (page & 31)) & 1;
        // A clear of marks may have come since the peek; only a page that is still marked comes again.
        const isDirty = wasDirty && isMarked(log, owner, page);
        if (taken > 0 && owner !== slot && !isDirty) break;
        unsent.drop(gfn);
        if (isDirty) {
          skipped++;
          continue;
        }
        slot = owner;
        list[2 * taken] = page;
        list[2 * taken + 1] = 1;
        taken++;
      }
      sincePeek += taken;
      if (at >= pages || unsent.count === 0) {
        at = 0;
        sincePeek = PEEK_PAGES;
      }
      return { slot, runs: taken, list, pages: taken, skipped, cursor: 0 };
    },
  };
}

/** Returns whether a page is marked in one of the live maps. */
function isMarked(log: LogReader, slot: Memslot, page: number): boolean {
  const { layout, words } = slot;
  return log.liveMaps(slot).some((map) => {
    if (layout.mapUnit === 'bit')
      return ((words[(map >>> 2) + (page >>> 5)]! >>> (page & 31)) & 1) !== 0;
    return ((words[(map + page) >>> 2]! >>> (8 * (page & 3))) & 0xff) !== 0;
  });
}

/** Returns a copy of the live marks of every memslot, with a bit for each page. */
function peek({ memory }: GuestPageSet, log: LogReader): Uint32Array[] {
  return memory.slots.map((slot) => {
    const { layout, words, buffer } = slot;
    const bits = new Uint32Array(Math.ceil(layout.pages / 32));
    for (const map of log.liveMaps(slot)) {
      if (layout.mapUnit === 'byte') {
        const bytes = new Uint8Array(buffer, map, layout.pages);
        for (let page = 0; page < layout.pages; page++) {
          if (bytes[page] !== 0) bits[page >>> 5]! |= 1 << (page & 31);
        }
      } else {
        for (let i = 0; i < bits.length; i++) bits[i]! |= words[(map >>> 2) + i]!;
      }
    }
    return bits;
  });
}
