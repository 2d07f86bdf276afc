import type { BalloonHost } from '../guest/guest-disk.ts';
import { NO_SLOT } from '../memory/page-store.ts';
import type { GuestPages } from './guest-pages.ts';
import type { PageSharing } from './page-sharing.ts';
import { LEFT_BEHIND, type Paging } from './paging.ts';

/** What of a host's memory the balloon of a guest needs. */
export interface BalloonSite {
  readonly paging: Paging;
  readonly sharing: PageSharing | undefined;
  /** Takes a machine page for the guest, but not the shared one `kept`, and returns when it may be used. */
  take(kept?: number): { machinePage: number; readyNs: number };
  /** Frees what a page has, of which nobody needs the contents any more. */
  free(gfn: number): void;
}

/** A guest whose balloon may have to be popped. */
export interface Popped {
  readonly pages: GuestPages;
  readonly balloon?: { pop?(): void };
  /** How many pages of its balloon it has touched after a reset. */
  popped: number;
}

/** What takes the machine pages of what is in a guest's balloon, and brings in what the guest pages out itself. */
export function balloonHostOf(pages: GuestPages, site: BalloonSite): BalloonHost {
  return {
    surrender: ({ layout }, page, count) => {
      for (let i = 0; i < count; i++) {
        const gfn = layout.firstGfn + page + i;
        site.free(gfn);
        pages.balloon(gfn);
        // Somebody else may have its machine page from now on, so what the guest reads when it comes back must be made anew.
        pages.bytesOf(gfn).fill(LEFT_BEHIND);
      }
    },
    regain: ({ layout }, page) => pages.unballoon(layout.firstGfn + page),
    fetch: ({ layout }, page) => {
      const gfn = layout.firstGfn + page;
      if (pages.isResident(gfn)) return false;
      const isSwapped = pages.swapSlots[gfn] !== NO_SLOT;
      const { machinePage, readyNs } = site.take();
      site.paging.bringIn(pages, gfn, machinePage, readyNs);
      return isSwapped;
    },
    own: ({ layout }, page) => {
      const gfn = layout.firstGfn + page;
      if (!pages.isShared(gfn)) return;
      const kept = pages.machinePages[gfn]!;
      site.sharing!.breakSharing(pages, gfn, () => site.take(kept).machinePage);
    },
  };
}

/**
 * Pops the balloon of a guest that is about to touch a page of which only its host knows that it is in the balloon,
 * because the guest has reset (section 3.1).
 */
export function popForgotten(resident: Popped, gfn: number): void {
  const { pages, balloon } = resident;
  if (!pages.isBallooned(gfn) || pages.isKnownInGuest(gfn)) return;
  resident.popped++;
  balloon?.pop?.();
}
