import type { GuestPageSet } from '../../memory/guest-memory.ts';
import type { TakenRuns } from '../../memory/page-set.ts';
import { pageOrderKind } from '../spec/kinds.ts';
import type { PageLine } from './line.ts';
import type { PageOrder } from './page-order.ts';

/**
 * Returns an order with a cursor that goes through the guest by gfn and begins again at its first page.
 * With `follow`, a request moves the cursor behind the requested page, since its neighbours may be wanted
 * next (QEMU, migration/ram.c: the background scan continues from a served request).
 */
export function cursorOrder(follow: boolean): PageOrder {
  let cursor = 0;
  return {
    next(unsent, most) {
      const taken = takeFrom(unsent, cursor, most);
      ({ cursor } = taken);
      return taken;
    },
    requested(gfn) {
      if (follow) cursor = gfn + 1;
    },
  };
}

/** Returns the same order along a line of pages, which `lineOf` returns once the guest is paused. */
export function lineCursorOrder(follow: boolean, lineOf: () => PageLine): PageOrder {
  let cursor = 0;
  let line: PageLine | undefined;
  return {
    next(unsent, most) {
      line ??= lineOf();
      let start = line.firstFrom(unsent, cursor);
      if (start < 0) start = line.firstFrom(unsent, 0);
      if (start < 0) return unsent.take(0, most);
      const { taken, position } = line.take(unsent, start, 1, most);
      cursor = position;
      return taken;
    },
    restart: () => line?.restart(),
    requested(gfn) {
      line ??= lineOf();
      if (follow) cursor = line.positionOf(gfn) + 1;
    },
  };
}

/** Takes pages from `cursor` on or, if none is left there, from the first page on. */
function takeFrom(unsent: GuestPageSet, cursor: number, most: number): TakenRuns {
  const { pages } = unsent.memory;
  const taken = cursor >= pages ? undefined : unsent.take(cursor, most);
  return taken && taken.pages > 0 ? taken : unsent.take(0, most);
}

/**
 * Returns an order for tests, which puts every third batch back after taking it, so that its pages are
 * sent twice and arrive when they are present already.
 */
export function twiceOrder(): PageOrder {
  const order = cursorOrder(true);
  const again = new Set<number>();
  let batches = 0;
  return {
    next(unsent, most) {
      const taken = order.next(unsent, most);
      const first = taken.slot.layout.firstGfn + (taken.list[0] ?? 0);
      if (taken.pages > 0 && batches++ % 3 === 0 && !again.has(first)) {
        again.add(first);
        unsent.restore(taken);
      }
      return taken;
    },
    requested: (gfn) => order.requested(gfn),
  };
}

/** Returns whether the pages lie in the order of the gfns. */
const keepsGfns = (swapOrder: string | undefined): boolean => (swapOrder ?? 'gfn') === 'gfn';

export const follow = pageOrderKind({
  name: 'follow',
  about: 'Goes on behind the page that was requested last, as QEMU does.',
  keys: {},
  resolve: () => ({}),
  order: ({ swapOrder }, { line }) =>
    keepsGfns(swapOrder) ? cursorOrder(true) : lineCursorOrder(true, line),
});

export const linear = pageOrderKind({
  name: 'linear',
  about: 'Goes through the guest in order, whatever is requested.',
  keys: {},
  resolve: () => ({}),
  order: ({ swapOrder }, { line }) =>
    keepsGfns(swapOrder) ? cursorOrder(false) : lineCursorOrder(false, line),
});
