import { gateBytes } from '../memory/gate/page-gate.ts';
import { GATE_PRESENCE } from '../memory/handshake/words.ts';
import {
  ACCESS_READ_BIT,
  PAGE_FREE,
  PAGE_PAGED,
  PAGE_RELEASED,
  PAGE_USED,
} from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import { type FreeRun, FreeRuns } from './free-runs.ts';
import { GuestDisk } from './guest-disk.ts';
import { ManagedPages } from './managed-pages.ts';
import { FREE_OF_CHARGE, type ManagerCosts } from './manager-costs.ts';
import { multipleAfter } from './intervals.ts';
import type { ManagerParts } from './manager-parts.ts';
import type { ManagedRange } from './managed-ranges.ts';
import { ZeroedPages } from './zeroed-pages.ts';
import type { ZeroLog } from './zeroing.ts';
import {
  BALLOON_CALLBACKS,
  BALLOON_DEFLATED,
  BALLOON_EXCHANGE,
  BALLOON_HOLD_NS,
  BALLOON_INFLATED,
  BALLOON_OWED,
  CACHE_DROPPED,
  CACHE_MISSES,
  MANAGER_SEEN_NS,
  vcpuAreaAt,
} from './vcpu-state.ts';

/**
 * One vCPU's part of the guest's memory manager: it manages the pages of the vCPU's own streams, and on vCPU 0 also
 * those that no stream accesses. A page is in use, in the free list, or given back to the host through the balloon,
 * which zeroes it. The first access takes a page out of the free list. When a workload's first access falls on a page
 * that was given back, a real guest would have taken any other free page; so while others are free, the balloon takes
 * one of those in exchange. When none is free, that is memory pressure: the balloon deflates by some pages (Hines et
 * al., OSR 2009, section 3.4: a shrinker's callback asks for 128), and some page cache is dropped. At intervals the
 * balloon inflates by a share of what is free (dynamic self-ballooning), and by all of it when the engine asks for that
 * before a migration. All of the manager's state moves with the guest.
 */
export class MemoryManager {
  readonly #parts: ManagerParts;
  readonly pages: ManagedPages;
  /** It zeroes the pages that the balloon takes. */
  readonly zeroed: ZeroedPages;
  readonly #gates: readonly Uint8Array[];
  readonly #at: number;
  readonly #costs: ManagerCosts;
  readonly #freeRuns: FreeRuns;
  /** What the guest has on its own disk; absent unless a host drives its balloon. */
  readonly disk: GuestDisk | undefined;
  /** Pages that the guest may use though they have no number: what its balloon has given up for paged pages. */
  #spare = 0;
  /** The page of which a part is zeroed; the rest is zeroed after the vCPU's next polls. */
  #begun: FreeRun | undefined;
  /** The release that the engine has asked for and that is under way: 0 none, 1 free pages, 2 page cache as well. */
  #releaseKind = 0;
  /** The last result of `nextNs`, and the time for which it holds. */
  #next = { seenNs: -1, ns: 0 };

  constructor(parts: ManagerParts) {
    const { vcpu, plan, memory } = parts;
    this.#parts = parts;
    this.zeroed = new ZeroedPages(parts);
    this.pages = new ManagedPages(plan, memory, vcpu);
    this.#gates = memory.slots.map(gateBytes);
    this.#at = vcpuAreaAt(plan, vcpu);
    this.#costs = parts.costs ?? FREE_OF_CHARGE;
    this.#freeRuns = new FreeRuns(this.pages, this.#gates);
    if (parts.host) this.disk = new GuestDisk(parts.host, memory, plan, this.pages, vcpu);
  }

  /** Counts a callback of memory pressure that another part of the guest has answered; returns the time of one. */
  notePressure(): number {
    this.#add(BALLOON_CALLBACKS, 1);
    return this.#costs.pressureNs;
  }

  /** What has been zeroed on this side. */
  get log(): ZeroLog {
    return this.zeroed.log;
  }

  /** Whether it has yet to give pages back and may do so now. */
  get owes(): boolean {
    const pages = this.#get(BALLOON_OWED) + this.#get(BALLOON_EXCHANGE);
    return pages > 0 && !this.#parts.handshake.isGated(GATE_PRESENCE);
  }

  /** Returns the guest time of the next thing that it does by itself; Infinity when there is none. */
  nextNs(): number {
    const seenNs = this.#get(MANAGER_SEEN_NS);
    if (this.#next.seenNs === seenNs) return this.#next.ns;
    const { manager, workloads, streams } = this.#parts.plan;
    let nextNs = multipleAfter(seenNs, manager?.ballooning?.intervalNs);
    for (const { vcpu, workload } of streams) {
      if (vcpu !== this.#parts.vcpu) continue;
      const { freesNs, untilNs } = workloads[workload]!;
      nextNs = Math.min(
        nextNs,
        multipleAfter(seenNs, freesNs),
        untilNs > seenNs ? untilNs : Infinity,
      );
    }
    this.#next = { seenNs, ns: nextNs };
    return nextNs;
  }

  /** Does what is due up to a guest time. The pages that an inflation takes are given back later, by `step`. */
  tick(guestNs: number): void {
    const seenNs = this.#get(MANAGER_SEEN_NS);
    const { plan, vcpu, handshake } = this.#parts;
    this.#set(MANAGER_SEEN_NS, guestNs);
    plan.workloads.forEach(({ freesNs, untilNs }, workload) => {
      const ends = untilNs > seenNs && untilNs <= guestNs;
      if (!ends && multipleAfter(seenNs, freesNs) > guestNs) return;
      for (const range of this.pages.ranges) {
        const stream = range.stream < 0 ? undefined : plan.streams[range.stream]!;
        if (stream?.vcpu === vcpu && stream.workload === workload) this.pages.freeAll(range);
      }
    });
    const { ballooning } = plan.manager!;
    if (!ballooning || multipleAfter(seenNs, ballooning.intervalNs) > guestNs) return;
    // When the engine has asked for the free pages, all of them are on their way to the host already.
    if (this.#releaseKind !== 0) return;
    // Pages can't be given back before all of them are there, and for a while after memory pressure they are not.
    if (handshake.isGated(GATE_PRESENCE) || guestNs < this.#get(BALLOON_HOLD_NS)) return;
    this.#owe(Math.floor(this.pages.free * ballooning.share));
  }

  /** Checks whether the engine has asked for free pages, and begins to give them back. */
  attend(): void {
    const wanted = this.#parts.handshake.wantedRelease();
    if (wanted === 0) return;
    if (wanted !== this.#releaseKind) {
      this.#releaseKind = wanted;
      if (wanted === 2) {
        for (const range of this.pages.ranges) if (range.isCache) this.#drop(range, range.pages);
      }
      this.#owe(this.pages.free);
    }
    if (!this.owes) this.#answer();
  }

  /**
   * Gives back up to `most` pages out of one run of free pages; returns the time that it takes. When `most` is a fraction,
   * that part of a page is zeroed, and the page is given back by the step that zeroes its last part. A part is a write
   * like any other, with its data first and its mark after, so the vCPU may poll, and even be parked and moved, between
   * two parts: the page is free then and has the contents that it has.
   */
  step(most: number): number {
    const exchangePages = this.#get(BALLOON_EXCHANGE);
    const owedPages = exchangePages > 0 ? exchangePages : this.#get(BALLOON_OWED);
    const run = this.#unfinished() ?? this.#nextFree(Math.min(Math.max(1, most), owedPages));
    if (!run || owedPages === 0) {
      this.#owe(0);
      this.#forgive(exchangePages);
      this.#answer();
      return 0;
    }
    const { range, page, pages, zeroedPages } = run;
    const now = Math.min(most, pages - zeroedPages);
    this.zeroed.give(range, page, zeroedPages, now);
    if (zeroedPages + now < pages) {
      this.#begun = { ...run, zeroedPages: zeroedPages + now };
      return 0;
    }
    this.#begun = undefined;
    // The state may come last: it is only a hint until the vCPU is parked.
    this.pages.release(range.slot, page, pages);
    this.#add(exchangePages > 0 ? BALLOON_EXCHANGE : BALLOON_OWED, -pages);
    if (exchangePages === 0) this.#add(BALLOON_INFLATED, pages);
    if (!this.owes) this.#answer();
    return exchangePages > 0 ? 0 : pages * this.#costs.balloonPageNs;
  }

  /** Returns the page that is zeroed in part, unless a layer of the page gate stops accesses to it by now. */
  #unfinished(): FreeRun | undefined {
    const run = this.#begun;
    const gates = run && this.#gates[run.range.slot]!;
    return gates && Atomics.load(gates, run.page) !== 0 ? undefined : run;
  }

  /**
   * Makes sure that every page of an access list is in use: takes those that are not out of the free list or out of the
   * balloon. Returns the time that it takes.
   */
  admit(slot: Memslot, list: number, count: number, guestNs: number): number {
    const states = this.pages.states[slot.layout.index]!;
    let ns = 0;
    let from = slot.kernels.countPlain(list, count, slot.layout.states);
    for (; from < count; from++) {
      const page = slot.words[(list >>> 2) + from]! & ~ACCESS_READ_BIT;
      if (states[page] === PAGE_USED) continue;
      const isShort = this.pages.free <= this.#get(BALLOON_EXCHANGE);
      if (this.disk) ns += this.#makeRoom(this.disk, slot, page, isShort && !this.#dropSome());
      else if (isShort) ns += this.#deflate(slot, page, guestNs);
      else if (states[page] === PAGE_RELEASED) this.#add(BALLOON_EXCHANGE, 1);
      if (this.pages.rangeOf(slot, page).isCache) this.#add(CACHE_MISSES, 1);
      this.pages.set(slot.layout.index, page, PAGE_USED);
      // The page may be the one that is zeroed in part, which the access is about to write to.
      this.#begun = undefined;
    }
    return ns;
  }

  /**
   * Makes room for a page that becomes the guest's, while a host keeps the rest in its balloon: another free page goes
   * there in exchange, or a page that the guest pages out. A page that was paged out is read. Returns the time.
   */
  #makeRoom(disk: GuestDisk, slot: Memslot, page: number, isShort: boolean): number {
    const states = this.pages.states[slot.layout.index]!;
    const isFree = states[page] === PAGE_FREE;
    const isPaged = states[page] === PAGE_PAGED;
    // The page is read first, since to make room the host may take it again, or have it share a page.
    if (isPaged) this.#pageIn(disk, slot, page);
    const isOwed = isFree && isShort && this.#get(BALLOON_EXCHANGE) > 0;
    if (!isFree && !isShort) this.#add(BALLOON_EXCHANGE, 1);
    else if (!isFree && this.#spare > 0) this.#spare--;
    else if (!isFree || isOwed) disk.pageOut(slot, page);
    if (isOwed) this.#add(BALLOON_EXCHANGE, -1);
    // The guest needs the room now, so it waits until its host has brought in what goes to the disk.
    return disk.takeHostNs() + (isPaged ? (this.#costs.guestDiskNs ?? 0) : 0);
  }

  /** Reads a page from the guest's disk, which is a write to memory: a migration may have sent what lay there before. */
  #pageIn(disk: GuestDisk, slot: Memslot, page: number): void {
    disk.pageIn(slot, page);
    this.zeroed.markRead(slot, page);
  }

  /** How many pages are in the balloon, those included whose contents are on the guest's disk. */
  get balloonPages(): number {
    const given = this.pages.count(PAGE_RELEASED) + this.#get(BALLOON_EXCHANGE);
    return given + this.pages.count(PAGE_PAGED) - this.#spare;
  }

  /**
   * Returns how many accesses of a list may be made at once: while a host drives the balloon, a page that becomes the
   * guest's may have another one paged out, so it is accessed alone.
   */
  together(slot: Memslot, list: number, count: number): number {
    if (!this.disk) return count;
    return Math.max(1, slot.kernels.countPlain(list, count, slot.layout.states));
  }

  /** How many pages it manages, which is what its balloon can take at most. */
  get managedPages(): number {
    return this.pages.pages;
  }

  /** Drops up to `most` pages of page cache; returns how many. */
  #dropCache(most: number): number {
    let left = most;
    for (const range of this.pages.ranges) {
      if (range.isCache && left > 0) left -= this.#drop(range, left);
    }
    return most - left;
  }

  /** Frees some page cache because no page is free; returns whether there was any. */
  #dropSome(): boolean {
    return this.#dropCache(this.#parts.plan.manager!.deflatePages) > 0;
  }

  /** Inflates the balloon: takes free pages first, then page cache, and then pages that the guest pages out. */
  inflate(most: number): void {
    let missing = most - (this.pages.free - this.#get(BALLOON_OWED) - this.#get(BALLOON_EXCHANGE));
    if (missing > 0) missing -= this.#dropCache(missing);
    let paged = 0;
    while (paged < missing && this.disk!.pageOut()) paged++;
    // Nobody in the guest waits for that: the driver takes pages in the background, and the disk writes by itself.
    this.disk!.takeHostNs();
    this.#add(BALLOON_INFLATED, paged);
    this.#owe(this.#get(BALLOON_OWED) + most - Math.max(0, missing));
  }

  /** Deflates the balloon: pages without contents become free, and for those on its disk the guest may use others. */
  deflate(most: number): void {
    let left = most;
    const regain = this.#parts.host?.regain;
    for (const range of this.pages.ranges)
      left -= this.pages.deflate(range, range.first, left, regain);
    // Pages may have left the disk for free ones while others were spare already.
    const spare = Math.max(0, Math.min(left, this.pages.count(PAGE_PAGED) - this.#spare));
    this.#spare += spare;
    this.#add(BALLOON_DEFLATED, most - left + spare);
  }

  /** Takes over what its part had at the place that the guest comes from, besides the state that moves with a vCPU. */
  takeOver(other: MemoryManager): void {
    this.#spare = other.#spare;
    if (other.disk) this.disk?.takeOver(other.disk);
  }

  /**
   * Boots anew: all its pages are free, and it knows neither of its balloon nor of what it has paged out, whose contents
   * are lost. Others keep theirs until they are zeroed or written. `makeRoom` is called before a page is marked.
   */
  reset(makeRoom: () => void): void {
    this.disk?.forget((slot, page) => {
      makeRoom();
      this.zeroed.note(this.pages.rangeOf(slot, page), page, 0, 1);
    });
    for (const range of this.pages.ranges) this.pages.forget(range);
    this.#owe(0);
    this.#set(BALLOON_EXCHANGE, 0);
    this.#spare = 0;
    this.#begun = undefined;
  }

  /** Zeroes a page because the guest boots. A page that this part does not manage is left as it is. */
  clear(slot: Memslot, page: number): void {
    this.zeroed.zero(this.pages.findRange(slot, page), page);
  }

  /**
   * Handles a callback of memory pressure. A share of the pages that it asks for is page cache, which is dropped. The
   * rest comes out of the balloon, from the page `wanted` on, if that is there; else out of the free pages that the
   * balloon was to get in exchange. Returns the time that it takes.
   */
  #deflate(slot: Memslot, wanted: number, guestNs: number): number {
    const { deflatePages, cacheReclaimShare, ballooning } = this.#parts.plan.manager!;
    let most = deflatePages;
    const cachePages = Math.round(cacheReclaimShare * deflatePages);
    for (const range of this.pages.ranges) {
      if (range.isCache) most -= this.#drop(range, cachePages - (deflatePages - most));
    }
    this.#add(BALLOON_CALLBACKS, 1);
    if (ballooning) {
      this.#set(BALLOON_HOLD_NS, guestNs + ballooning.holdOff * ballooning.intervalNs);
    }
    const isReleased = this.pages.states[slot.layout.index]![wanted] === PAGE_RELEASED;
    if (most === 0 && isReleased) this.#add(BALLOON_EXCHANGE, 1);
    const pages = isReleased ? this.#deflateFrom(slot, wanted, most) : this.#forgive(most);
    const { balloonPageNs, pressureNs } = this.#costs;
    return pressureNs + pages * balloonPageNs;
  }

  /** Takes up to `most` pages out of the balloon, from `wanted` to the end of its range; returns how many. */
  #deflateFrom(slot: Memslot, wanted: number, most: number): number {
    const pages = this.pages.deflate(this.pages.rangeOf(slot, wanted), wanted, most);
    this.#add(BALLOON_DEFLATED, pages);
    return pages;
  }

  /** Drops up to `most` pages of a range of page cache; returns how many. */
  #drop(range: ManagedRange, most: number): number {
    const pages = this.pages.drop(range, most);
    this.#add(CACHE_DROPPED, pages);
    return pages;
  }

  /** Has the balloon go without at most so many of the pages that it was to get in exchange; returns how many. */
  #forgive(most: number): number {
    const pages = Math.min(most, this.#get(BALLOON_EXCHANGE));
    this.#add(BALLOON_EXCHANGE, -pages);
    this.#add(BALLOON_DEFLATED, pages);
    return pages;
  }

  /**
   * Returns the next run of at most `most` free pages. A page that a layer of the page gate protects, shares or has
   * swapped out stays where it is, since to zero it is a write; but a host that takes pages itself clears the way.
   */
  #nextFree(most: number): FreeRun | undefined {
    return this.#freeRuns.next(most, !this.#parts.host && this.#parts.handshake.isGated());
  }

  #owe(pages: number): void {
    this.#set(BALLOON_OWED, pages);
  }

  /** Tells the engine that all has been given back that was to be. */
  #answer(): void {
    const { handshake } = this.#parts;
    handshake.reportBallooning();
    if (this.#releaseKind === 0) return;
    handshake.reportReleased(this.#releaseKind);
    this.#releaseKind = 0;
  }

  #get(field: number): number {
    return this.#parts.area[this.#at + field]!;
  }

  #set(field: number, value: number): void {
    this.#parts.area[this.#at + field] = value;
  }

  #add(field: number, value: number): void {
    this.#parts.area[this.#at + field]! += value;
  }
}
