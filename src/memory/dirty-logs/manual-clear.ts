import { GuestPageSet } from '../guest-memory.ts';
import type { DirtyLog, DirtyLogParts } from './dirty-log.ts';

/** A log whose marks are got first and cleared later, range by range. */
export interface ManualClearLog extends DirtyLog {
  /** Asks for pages [firstGfn, firstGfn + pages) to be clean: marks made until it settles go. */
  clear(this: void, firstGfn: number, pages: number): void;
  /**
   * After a settled clear: carries it out for those pages of the range that are in `unsent`, which
   * may be read and sent from then on. A page that is not about to be sent keeps its mark.
   */
  cleared(this: void, unsent: GuestPageSet): void;
}

/**
 * KVM's manual protect (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) over any log: a harvest gives out the
 * marks but keeps them; a page stays marked until its range is cleared, just before it is sent.
 * What is written between harvest and clear is then sent with the page and needs no second trip.
 * Clearing must drop no mark that was made after it, and none of a page that is not sent again: so
 * it harvests the log below into the kept marks, and takes those pages of the range out of them that
 * are about to be sent (the bitmap that KVM_CLEAR_DIRTY_LOG is given).
 */
export function manualClear(log: DirtyLog, { memory }: DirtyLogParts): ManualClearLog {
  const kept = new GuestPageSet(memory, ({ layout }) => layout.keptMap);
  let range = { firstGfn: 0, pages: 0 };
  const giveOut = (target: GuestPageSet): number => {
    let total = 0;
    for (const { layout, kernels } of memory.slots) {
      const part = target.parts[layout.index]!;
      const from = kept.parts[layout.index]!;
      const fresh = kernels.merge(from.address, part.address, layout.mapBytes);
      part.grewBy(fresh);
      total += fresh;
    }
    return total;
  };
  return {
    ...log,
    start() {
      kept.clear();
      log.start();
    },
    collect(target) {
      log.collect(kept);
      return giveOut(target);
    },
    collectLast(target) {
      log.collectLast(kept);
      const fresh = giveOut(target);
      kept.clear();
      return fresh;
    },
    clear(firstGfn, pages) {
      range = { firstGfn, pages };
      log.harvest();
    },
    cleared(unsent) {
      log.collect(kept);
      const end = range.firstGfn + range.pages;
      for (const { layout } of memory.slots) {
        const { firstGfn, pages, index } = layout;
        const from = Math.max(range.firstGfn, firstGfn);
        const to = Math.min(end, firstGfn + pages);
        if (to <= from) continue;
        kept.parts[index]!.removeCommon(unsent.parts[index]!, from - firstGfn, to - firstGfn);
      }
    },
  };
}
