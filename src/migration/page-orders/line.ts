import { type GuestPageSet, slotOf } from '../../memory/guest-memory.ts';
import type { TakenRuns } from '../../memory/page-set.ts';

/**
 * In which order the pages lie: `gfn`; or as in the swap device of pseudo-paging (Hines and Gopalan
 * 2009, section 3.4), into which they go in the order of their allocation, or of their last reference
 * (section 3.5, the most recently used first).
 */
export type SwapOrderName = 'gfn' | 'allocation' | 'lru';

/** The pages of a guest in a row, through which orders walk by position. */
export interface PageLine {
  readonly pages: number;
  positionOf(gfn: number): number;
  gfnAt(position: number): number;
  has(unsent: GuestPageSet, position: number): boolean;
  /** The first position from one on whose page is unsent, -1 when there is none. */
  firstFrom(unsent: GuestPageSet, position: number): number;
  /** The last position up to one whose page is unsent, -1 when there is none. */
  lastUpTo(unsent: GuestPageSet, position: number): number;
  /** Pages that were sent are unsent again: what it remembers of them holds no more. */
  restart(): void;
  /** Takes unsent pages from a position on, step by step, until one is sent already; one memslot's. */
  take(unsent: GuestPageSet, position: number, step: 1 | -1, most: number): LineTaken;
}

export interface LineTaken {
  readonly taken: TakenRuns;
  /** Where the walk goes on. */
  readonly position: number;
}

/** Pages as they lie in memory. */
export function gfnLine(pages: number): PageLine {
  return {
    pages,
    positionOf: (gfn) => gfn,
    gfnAt: (position) => position,
    has: (unsent, position) => unsent.has(position),
    firstFrom(unsent, position) {
      const found = unsent.firstFrom(position);
      // It begins again at page 0 when nothing is left behind.
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

/** Pages in an order of their own: `gfns[p]` is the page at position p. */
export function swapLine(gfns: Uint32Array): PageLine {
  const pages = gfns.length;
  const positions = new Uint32Array(pages);
  gfns.forEach((gfn, position) => (positions[gfn] = position));
  // Pages are sent once, so what lies behind a position only grows: found ends are kept (as in a
  // union-find), else each fault would walk over everything sent again.
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
