import type { PageLine } from './line.ts';
import type { PageOrder } from './page-order.ts';

/**
 * Returns the order with readahead, as of a guest that swaps in by clusters: with a requested page it reads
 * the others of the same aligned group in the swap device (Linux, mm/swap_state.c, swapin_readahead, which
 * reads 2^page_cluster pages).
 */
export function withReadahead(
  order: PageOrder,
  clusterPages: number,
  lineOf: () => PageLine,
): PageOrder {
  let line: PageLine | undefined;
  return {
    get held() {
      return order.held ?? 0;
    },
    next: (unsent, most) => order.next(unsent, most),
    restart: () => order.restart?.(),
    requested: (gfn) => order.requested(gfn),
    readahead(gfn) {
      line ??= lineOf();
      const at = line.positionOf(gfn);
      const first = at - (at % clusterPages);
      const end = Math.min(first + clusterPages, line.pages);
      const gfns: number[] = [];
      for (let position = first; position < end; position++) {
        if (position !== at) gfns.push(line.gfnAt(position));
      }
      return gfns;
    },
  };
}
