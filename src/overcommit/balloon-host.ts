import type { BalloonHost } from '../guest/guest-disk.ts';
import { NO_SLOT } from '../memory/page-store.ts';
import type { GuestPages } from './guest-pages.ts';

/** What of a host's memory the balloon of a guest needs. */
export interface BalloonSite {
  /** Gives an absent page a machine page and its contents; returns how long the guest waits for that, in ns. */
  bringIn(gfn: number): number;
  /** Gives a shared page a machine page of its own; returns how long the guest waits for that, in ns. */
  unshare(gfn: number): number;
  /** Frees what a page has, of which nobody needs the contents any more, and notes that it is in the balloon. */
  surrender(gfn: number): void;
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
      for (let i = 0; i < count; i++) site.surrender(layout.firstGfn + page + i);
    },
    regain: ({ layout }, page) => pages.unballoon(layout.firstGfn + page),
    fetch: ({ layout }, page) => {
      const gfn = layout.firstGfn + page;
      if (pages.isResident(gfn)) return { isSwapped: false, ns: 0 };
      const isSwapped = pages.swapSlots[gfn] !== NO_SLOT;
      return { isSwapped, ns: site.bringIn(gfn) };
    },
    own: ({ layout }, page) => {
      const gfn = layout.firstGfn + page;
      return pages.isShared(gfn) ? site.unshare(gfn) : 0;
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
