import { type GuestPageSet, slotOf } from '../../memory/guest-memory.ts';
import type { TakenRuns } from '../../memory/page-set.ts';

/**
 * The order of the pages in a line: by `gfn`, or as in the swap device of pseudo-paging (Hines and Gopalan
 * 2009, section 3.4), into which pages go in the order of their allocation or of their last reference
 * (`lru`; section 3.5, the most recently used first).
 */
export type SwapOrderName = 'gfn' | 'allocation' | 'lru';

/** All pages of a guest in some order. Page orders walk along it by position, which counts from 0. */
export interface PageLine {
  readonly pages: number;
  positionOf(gfn: number): number;
  gfnAt(position: number): number;
  /** Returns whether the page at a position is unsent. */
  has(unsent: GuestPageSet, position: number): boolean;
  /** Returns the first position at or after this one whose page is unsent, or -1 if there is none. */
  firstFrom(unsent: GuestPageSet, position: number): number;
  /** Returns the last position at or before this one whose page is unsent, or -1 if there is none. */
  lastUpTo(unsent: GuestPageSet, position: number): number;
  /** Tells that pages which had been sent may be unsent again, so that nothing may be cached of them. */
  restart(): void;
  /** Takes at most `most` unsent pages of one memslot from a position on; stops at a page that is not unsent. */
  take(unsent: GuestPageSet, position: number, step: 1 | -1, most: number): LineTaken;
}

/** Pages taken along a line. */
export interface LineTaken {
  readonly taken: TakenRuns;
  /** The position behind the last page taken, at which the walk goes on. */
  readonly position: number;
}

/** Returns the line of a guest's pages by gfn. */
export function gfnLine(pages: number): PageLine {
  return {
    pages,
    positionOf: (gfn) => gfn,
    gfnAt: (position) => position,
    has: (unsent, position) => unsent.has(position),
    firstFrom(unsent, position) {
      const found = unsent.firstFrom(position);
      // The set searches on from page 0 if it finds nothing behind the position.
      return found >= position ? found : -1;
    },
    lastUpTo: (unsent, position) => unsent.lastUpTo(position),
    restart: () => undefined,
    take(unsent, position, step, most) {
      const { layout } = slotOf(unsent.memory, position);
      const low = layout.firstGfn;
      const high = low + layout.pages;
      let end = position;
      let count = 0;
      while (count < most && end >= low && end < high && unsent.has(end)) {
        end += step;
        count++;
      }
      const from = step > 0 ? position : end + 1;
      return { taken: unsent.take(from, count, { end: from + count }), position: end };
    },
  };
}

/** Returns a line in any order; `gfns[p]` is the page at position p. */
export function swapLine(gfns: Uint32Array): PageLine {
  const pages = gfns.length;
  const positions = new Uint32Array(pages);
  gfns.forEach((gfn, position) => (positions[gfn] = position));
  // Stretches of sent pages only grow, since a page is sent once. As in a union-find, the end of a
  // stretch is kept, since otherwise each fault would walk over all sent pages again.
  const forth = new Int32Array(pages + 1);
  const back = new Int32Array(pages + 1);
  const restart = (): void => {
    for (let position = 0; position <= pages; position++) {
      forth[position] = position;
      back[position] = position - 1;
    }
  };
  const has = (unsent: GuestPageSet, position: number): boolean => unsent.has(gfns[position]!);
  restart();
  return {
    pages,
    restart,
    positionOf: (gfn) => positions[gfn]!,
    gfnAt: (position) => gfns[position]!,
    has,
    firstFrom(unsent, position) {
      let at = position;
      while (at < pages && (forth[at]! > at || !has(unsent, at))) at = Math.max(at + 1, forth[at]!);
      compress(forth, position, at, (from) => Math.max(from + 1, forth[from]!));
      return at < pages ? at : -1;
    },
    lastUpTo(unsent, position) {
      // back[p + 1] is the last position up to p that may be unsent.
      let at = position;
      while (at >= 0 && (back[at + 1]! < at || !has(unsent, at)))
        at = Math.min(at - 1, back[at + 1]!);
      let from = position;
      while (from > at) {
        const next = Math.min(from - 1, back[from + 1]!);
        back[from + 1] = at;
        from = next;
      }
      return at;
    },
    take(unsent, position, step, most) {
      const slot = slotOf(unsent.memory, gfns[position]!);
      const { firstGfn, pages: slotPages } = slot.layout;
      const list = new Uint32Array(2 * most);
      let at = position;
      let count = 0;
      for (; count < most && at >= 0 && at < pages && has(unsent, at); at += step, count++) {
        const page = gfns[at]! - firstGfn;
        if (page < 0 || page >= slotPages) break;
        unsent.drop(gfns[at]!);
        list[2 * count] = page;
        list[2 * count + 1] = 1;
      }
      const taken = { slot, runs: count, list, pages: count, skipped: 0, cursor: 0 };
      return { taken, position: at };
    },
  };
}

/** Makes all links on the way from `start` to `end` point to `end`. */
function compress(
  links: Int32Array,
  start: number,
  end: number,
  next: (from: number) => number,
): void {
  for (let from = start; from < end;) {
    const following = next(from);
    links[from] = end;
    from = following;
  }
}
