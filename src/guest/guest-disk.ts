import type { GuestMemory } from '../memory/guest-memory.ts';
import { gateBytes } from '../memory/gate/page-gate.ts';
import { PAGE_PAGED, PAGE_PRESENCE, PAGE_USED } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import { PageStore } from '../memory/page-store.ts';
import { Generator } from '../random/generator.ts';
import type { ManagedPages } from './managed-pages.ts';
import type { ManagedRange } from './managed-ranges.ts';
import type { GuestPlan } from './stream-plan.ts';

/** A host that drives a guest's balloon and takes the machine pages of what is in it. */
export interface BalloonHost {
  /** Takes the machine pages of some pages of a slot, whose contents nobody needs any more. */
  surrender(slot: Memslot, page: number, pages: number): void;
  /** Notes that a page has left the balloon. */
  readonly regain: (slot: Memslot, page: number) => void;
  /** Brings a page in, because the guest is about to read it. */
  fetch(slot: Memslot, page: number): Fetched;
  /** Gives a page a machine page of its own, because the guest's disk is about to write it; returns how long that takes. */
  own(slot: Memslot, page: number): number;
}

/** A page that a host has brought in: whether it had been swapped out, and how long it took, in nanoseconds. */
export interface Fetched {
  readonly isSwapped: boolean;
  readonly ns: number;
}

/** How many random pages the guest's replacement looks at to page out the one that was referenced longest ago. */
const CANDIDATES = 8;
/** So many random pages are tried before the guest counts as having nothing that it could page out. */
const MOST_TRIES = 4096;

/**
 * The disk to which a guest pages by itself, because its balloon leaves it too little memory. A page there keeps its
 * number; its frame is in the balloon, and its bytes are on the disk until the guest touches it.
 */
export class GuestDisk {
  /** How many pages were written and read; and how many of those written the host had to swap in first. */
  counts = { out: 0, in: 0, doublePaged: 0 };
  readonly #host: BalloonHost;
  readonly #memory: GuestMemory;
  readonly #plan: GuestPlan;
  readonly #managed: ManagedPages;
  readonly #ranges: readonly ManagedRange[];
  readonly #pages: number;
  #store: PageStore;
  /** The slot of the store of each page, by slot and page. */
  #places: readonly Map<number, number>[];
  readonly #random: Generator;
  readonly #gates: readonly Uint8Array[];
  #hostNs = 0;

  constructor(
    host: BalloonHost,
    memory: GuestMemory,
    plan: GuestPlan,
    managed: ManagedPages,
    vcpu: number,
  ) {
    this.#host = host;
    this.#memory = memory;
    this.#plan = plan;
    this.#managed = managed;
    this.#ranges = managed.ranges.filter(({ isCache }) => !isCache);
    this.#pages = this.#ranges.reduce((sum, { pages }) => sum + pages, 0);
    this.#store = new PageStore(memory.slots[0]!.layout.storedBytes);
    this.#places = memory.slots.map(() => new Map());
    this.#gates = memory.slots.map(gateBytes);
    this.#random = new Generator(memory.pages, vcpu, 11);
  }

  /**
   * Pages out a page that is in use, but not the page `but` of slot `of`. Returns false when no page is found.
   */
  pageOut(of?: Memslot, but = -1): boolean {
    const victim = this.#victim(of?.layout.index ?? -1, but);
    if (!victim) return false;
    const slot = this.#memory.slots[victim.slot]!;
    const { isSwapped, ns } = this.#host.fetch(slot, victim.page);
    if (isSwapped) this.counts.doublePaged++;
    this.#hostNs += ns;
    const { storedBytes } = slot.layout;
    const from = victim.page * storedBytes;
    const place = this.#store.put(slot.ram.subarray(from, from + storedBytes));
    this.#places[victim.slot]!.set(victim.page, place);
    this.#managed.set(victim.slot, victim.page, PAGE_PAGED);
    this.#host.surrender(slot, victim.page, 1);
    this.counts.out++;
    return true;
  }

  /** Reads a page back into memory. */
  pageIn(slot: Memslot, page: number): void {
    const { layout, ram } = slot;
    this.#hostNs += this.#host.own(slot, page);
    const places = this.#places[layout.index]!;
    const place = places.get(page)!;
    ram.set(this.#store.at(place), page * layout.storedBytes);
    this.#store.drop(place);
    places.delete(page);
    this.counts.in++;
  }

  /** Takes over what a guest that moves here has on its disk, which both of its hosts reach. */
  takeOver(other: GuestDisk): void {
    this.counts = { ...other.counts };
    this.#store = other.#store;
    this.#places = other.#places;
    other.#places = other.#places.map(() => new Map());
    for (const [slot, places] of this.#places.entries()) {
      for (const page of places.keys()) this.#managed.set(slot, page, PAGE_PAGED);
    }
  }

  /** Forgets everything, calling `each` for every page that was there, because the guest has reset. */
  forget(each: (slot: Memslot, page: number) => void): void {
    for (const [index, places] of this.#places.entries()) {
      for (const [page, place] of places) {
        this.#store.drop(place);
        each(this.#memory.slots[index]!, page);
      }
      places.clear();
    }
  }

  /** Returns how long its host has taken for the pages that went in and out since the last call, in nanoseconds. */
  takeHostNs(): number {
    const ns = this.#hostNs;
    this.#hostNs = 0;
    return ns;
  }

  /** Reads everything back, without a count. */
  restore(): void {
    for (const [index, places] of this.#places.entries()) {
      const { ram, layout } = this.#memory.slots[index]!;
      for (const [page, place] of places) {
        ram.set(this.#store.at(place), page * layout.storedBytes);
        this.#managed.set(index, page, PAGE_USED);
      }
      places.clear();
    }
  }

  /** Returns a page to page out: of some random ones that are in use, the one that was referenced longest ago. */
  #victim(
    slotOfBut: number,
    but: number,
  ): { readonly slot: number; readonly page: number } | undefined {
    let best: { slot: number; page: number } | undefined;
    let oldest = Infinity;
    let found = 0;
    for (let i = 0; i < MOST_TRIES && found < CANDIDATES; i++) {
      const picked = this.#pick();
      if (!picked) return undefined;
      const { slot, page } = picked;
      if (this.#managed.states[slot]![page] !== PAGE_USED || (slot === slotOfBut && page === but))
        continue;
      // A page that is on its way to a guest that has moved can't be written to its disk.
      if ((Atomics.load(this.#gates[slot]!, page) & PAGE_PRESENCE) !== 0) continue;
      found++;
      const referenced = this.#referenced(slot, page);
      if (referenced < oldest) [best, oldest] = [picked, referenced];
    }
    return best;
  }

  #pick(): { slot: number; page: number } | undefined {
    let at = this.#random.below(this.#pages);
    for (const { slot, first, pages } of this.#ranges) {
      if (at < pages) return { slot, page: first + at };
      at -= pages;
    }
    return undefined;
  }

  /** The scan in which the page was last referenced; 0 for all of a guest that does not scan. */
  #referenced(slot: number, page: number): number {
    if (this.#plan.lruScanNs === undefined) return 0;
    const { words, layout } = this.#memory.slots[slot]!;
    return words[(layout.references >>> 2) + page]!;
  }
}
