import { type GuestPageSet, slotOf } from '../../memory/guest-memory.ts';
import type { LogReader } from '../../memory/dirty-logs/log-reader.ts';
import type { TakenRuns } from '../../memory/page-set.ts';

/** In which order pre-copy goes through the guest; a walk keeps its own place. */
export interface PrecopyWalk {
  /** Takes up to `most` unsent pages; with a log, those dirty again are dropped instead. */
  take(unsent: GuestPageSet, most: number, log?: LogReader): TakenRuns;
}

/** xc_linux_save.c, MAX_BATCH_SIZE: the dirty log is peeked at before each batch of so many pages. */
const PEEK_PAGES = 1024;
/** BIT of the permutation: neighbours end up 2^10 apart. */
const SHIFT = 10;

/**
 * The walk of Clark et al. 2005 (xc_linux_save.c, January 2005): all page numbers, their low bits
 * moved to the top, since memory is dirtied in clusters; the peek at the dirty log is a copy that
 * stands for a whole batch.
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
  let peeked: readonly Uint32Array[] = [];
  return {
    take(unsent, most, log) {
      if (sincePeek >= PEEK_PAGES) {
        if (log) peeked = peek(unsent, log);
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
        const isDirty = log && (peeked[owner.layout.index]![page >>> 5]! >>> (page & 31)) & 1;
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

/** A copy of the live marks of every slot, a bit a page. */
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
