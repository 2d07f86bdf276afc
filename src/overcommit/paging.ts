import { type GuestPages, NONE } from './guest-pages.ts';
import type { MachineMemory } from './machine-memory.ts';
import type { PageSharing } from './page-sharing.ts';
import { NO_SLOT, type PageStore } from '../memory/page-store.ts';
import type { SwapDevice } from './swap-device.ts';

/** The byte that a page which was swapped out leaves in the guest's memory, so that nobody can take it for the page. */
export const LEFT_BEHIND = 0xa5;

/** What paging has done so far, as counts of pages. */
export interface PagingCounts {
  swappedOut: number;
  swappedIn: number;
  /** Victims for which an equal page was found, so that they were shared and not written. */
  sharedInstead: number;
  /** First touches of pages that had no contents, which are zero. */
  zeroed: number;
}

export interface PagingParts {
  readonly machine: MachineMemory;
  /** Absent when the host does not share pages. */
  readonly sharing?: PageSharing | undefined;
  readonly store: PageStore;
  readonly device: SwapDevice;
}

/**
 * Demand paging (Waldspurger, OSDI 2002, section 3.2). A page that is swapped out really leaves the guest's memory: its
 * bytes there are overwritten, and lie in the swap store until the guest's next access brings them back. Several hosts
 * may have one store and one device.
 */
export class Paging {
  readonly counts: PagingCounts = { swappedOut: 0, swappedIn: 0, sharedInstead: 0, zeroed: 0 };
  readonly #parts: PagingParts;

  constructor(parts: PagingParts) {
    this.#parts = parts;
  }

  get store(): PageStore {
    return this.#parts.store;
  }

  /**
   * Frees a guest's page, which is held: shares it if an equal one is found, else writes it to the store, which frees its machine page
   * when the write has ended. Returns false when that would free nothing, because the page is absent or
   * shared, or is the first page of zeros, which the others will share.
   */
  reclaim(pages: GuestPages, gfn: number, atNs: number): boolean {
    const { sharing, store, device, machine } = this.#parts;
    if (!pages.isResident(gfn) || pages.isShared(gfn) || pages.pinned.has(gfn)) return false;
    if (sharing?.scan(pages, gfn) === 'shared') {
      this.counts.sharedInstead++;
      return true;
    }
    if (store.isFull || sharing?.keepZero(pages, gfn)) return false;
    this.#putOut(pages, gfn);
    const machinePage = pages.unmap(gfn);
    machine.giveBackAt(machinePage, device.write(atNs, pages.memory.pageSize));
    return true;
  }

  /**
   * Pages out all pages that share a machine page, which frees it when the last write has ended. A machine page has no
   * record of who shares it, so the pages of all guests are searched. Returns false, and pages nothing out, when the
   * store has too little room.
   */
  reclaimShared(guests: readonly GuestPages[], machinePage: number, atNs: number): boolean {
    const { sharing, store, device, machine } = this.#parts;
    const sharers = guests.flatMap((pages) =>
      pages.pagesOf(machinePage).map((gfn) => ({ pages, gfn })),
    );
    if (sharers.length > store.room) return false;
    if (sharers.some((one) => one.pages.pinned.has(one.gfn))) return false;
    for (const { pages, gfn } of sharers) pages.shut(gfn);
    for (const pages of new Set(sharers.map((sharer) => sharer.pages))) pages.settle();
    for (const { pages, gfn } of sharers) {
      const isLast = sharing!.forsake(pages, gfn) !== NONE;
      this.#putOut(pages, gfn);
      const doneNs = device.write(atNs, pages.memory.pageSize);
      if (isLast) machine.giveBackAt(pages.unmap(gfn), doneNs);
    }
    return true;
  }

  /** Moves a page's bytes from the guest's memory to the store. */
  #putOut(pages: GuestPages, gfn: number): void {
    const { store } = this.#parts;
    const bytes = pages.bytesOf(gfn);
    pages.swapSlots[gfn] = store.put(bytes);
    bytes.fill(LEFT_BEHIND);
    pages.swapped++;
    this.counts.swappedOut++;
  }

  /** Gives an absent page a machine page and its bytes; returns when the guest may access it. */
  bringIn(pages: GuestPages, gfn: number, machinePage: number, atNs: number): number {
    const slot = pages.swapSlots[gfn]!;
    const bytes = pages.bytesOf(gfn);
    if (slot === NO_SLOT) {
      bytes.fill(0);
      pages.map(gfn, machinePage);
      this.counts.zeroed++;
      return atNs;
    }
    bytes.set(this.#parts.store.at(slot));
    pages.map(gfn, machinePage);
    this.#drop(pages, gfn, slot);
    this.counts.swappedIn++;
    return this.#parts.device.read(atNs, pages.memory.pageSize);
  }

  /** Notes that a page lies in a slot of the store that another host has filled. */
  adopt(pages: GuestPages, gfn: number, slot: number): void {
    pages.swapSlots[gfn] = slot;
    pages.swapped++;
  }

  /** Forgets the slot of a page, which is another host's from now on; what it holds stays in the store. */
  leaveTo(pages: GuestPages, gfn: number): void {
    pages.swapSlots[gfn] = NO_SLOT;
    pages.swapped--;
  }

  /** Drops what the store has of a page whose contents nobody needs any more. */
  forget(pages: GuestPages, gfn: number): void {
    const slot = pages.swapSlots[gfn]!;
    if (slot !== NO_SLOT) this.#drop(pages, gfn, slot);
  }

  /** Gives every absent page the bytes that the guest would read there, as its proof needs them. */
  restore(pages: GuestPages): void {
    for (let gfn = 0; gfn < pages.memory.pages; gfn++) {
      if (pages.isResident(gfn)) continue;
      const slot = pages.swapSlots[gfn]!;
      const bytes = pages.bytesOf(gfn);
      if (slot === NO_SLOT) {
        bytes.fill(0);
        continue;
      }
      bytes.set(this.#parts.store.at(slot));
      this.#drop(pages, gfn, slot);
    }
  }

  #drop(pages: GuestPages, gfn: number, slot: number): void {
    this.#parts.store.drop(slot);
    pages.swapSlots[gfn] = NO_SLOT;
    pages.swapped--;
  }
}
