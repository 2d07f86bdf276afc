import { GuestPageSet } from '../guest-memory.ts';
import type { DirtyLog, DirtyLogParts } from './dirty-log.ts';

/** A log whose harvests give out marks without clearing them; they are cleared later, range by range. */
export interface ManualClearLog extends DirtyLog {
  /** Asks to clear the marks that the pages [firstGfn, firstGfn + pages) have got until this settles. */
  clear(this: void, firstGfn: number, pages: number): void;
  /**
   * Carries out a settled clear for those pages of the range that are in `unsent`; they may be read and sent from then
   * on. A page that is not about to be sent keeps its mark.
   */
  cleared(this: void, unsent: GuestPageSet): void;
  /** Clears the kept marks of the pages [firstGfn, firstGfn + pages); those that no harvest has taken yet stay. */
  forget(this: void, firstGfn: number, pages: number): void;
}

/**
 * Adds KVM's manual clear (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) to any log: a harvest gives out the marks but keeps them,
 * and a page stays marked until its range is cleared, just before it is sent. Whatever was written between harvest and
 * clear is then sent with the page, which need not be sent once more. A clear must drop neither a mark made after it
 * nor that of a page that is not about to be sent. So it harvests `log` into the kept marks, and removes from these
 * only the pages of the range that are about to be sent (KVM_CLEAR_DIRTY_LOG gets them as a bitmap).
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
    forget: (firstGfn, pages) => kept.dropRun(firstGfn, pages),
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
