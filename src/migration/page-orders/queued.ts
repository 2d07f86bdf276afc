import type { GuestPageSet } from '../../memory/guest-memory.ts';
import type { TakenRuns } from '../../memory/page-set.ts';
import type { PageOrder } from './page-order.ts';

/**
 * Returns an order that queues pages of another order ahead of the link, as a pusher with a thread of its
 * own does (Hines and Gopalan 2009, section 3.4). A requested page that is in the queue waits there for
 * its turn; any other goes out at once and, with `discards`, empties the queue, whose pages are then
 * unsent again.
 */
export function queuedOrder(order: PageOrder, queuePages: number, discards: boolean): PageOrder {
  let queue: TakenRuns[] = [];
  let held = 0;
  /** The set from which the pages of the queue were taken. */
  let origin: GuestPageSet | undefined;
  const empty = (): void => {
    for (const taken of queue) origin?.restore(taken);
    queue = [];
    held = 0;
  };
  return {
    get held() {
      return held;
    },
    next(unsent, most) {
      origin = unsent;
      while (held < queuePages && unsent.count > 0) {
        const taken = order.next(unsent, most);
        if (taken.pages === 0) break;
        // The list is valid only until the next take, so it is copied.
        queue.push({ ...taken, list: taken.list.slice() });
        held += taken.pages;
      }
      const first = queue.shift();
      if (!first) return order.next(unsent, most);
      // It has more pages if it was queued when a frame could hold more.
      const taken = first.pages > most ? head(first, most) : first;
      if (taken !== first) queue.unshift(tail(first, most));
      held -= taken.pages;
      return taken;
    },
    restart() {
      empty();
      order.restart?.();
    },
    requested(gfn) {
      order.requested(gfn);
      if (discards) empty();
    },
  };
}

/** Returns the first `pages` pages of taken runs. */
function head(taken: TakenRuns, pages: number): TakenRuns {
  const list = taken.list.slice();
  let runs = 0;
  for (let left = pages; left > 0; left -= list[2 * runs++ + 1]!) {
    list[2 * runs + 1] = Math.min(left, list[2 * runs + 1]!);
  }
  return { ...taken, list, runs, pages };
}

/** Returns the pages of taken runs behind the first `pages`. */
function tail(taken: TakenRuns, pages: number): TakenRuns {
  const list: number[] = [];
  let before = pages;
  for (let run = 0; run < taken.runs; run++) {
    const [first, count] = [taken.list[2 * run]!, taken.list[2 * run + 1]!];
    const skipped = Math.min(before, count);
    before -= skipped;
    if (skipped < count) list.push(first + skipped, count - skipped);
  }
  const left = { list: Uint32Array.from(list), runs: list.length / 2, pages: taken.pages - pages };
  return { ...taken, ...left };
}
