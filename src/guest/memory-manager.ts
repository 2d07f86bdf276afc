import type { WriterMarks } from '../memory/dirty-logs/dirty-log.ts';
import { gateBytes } from '../memory/gate/page-gate.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { GATE_PRESENCE } from '../memory/handshake/words.ts';
import type { WriterHandshake } from '../memory/handshake/writer.ts';
import { ACCESS_READ_BIT, PAGE_FREE, PAGE_RELEASED, PAGE_USED } from '../memory/kernels/abi.ts';
import { accessListAt } from '../memory/layout.ts';
import type { Memslot } from '../memory/memslot.ts';
import { pageStates } from '../memory/page-states.ts';
import { type FreeRun, isToGive } from './free-runs.ts';
import { type ManagedRange, managedRanges } from './managed-ranges.ts';
import { markPages, zeroPages, type ZeroLog } from './zeroing.ts';
import type { GuestPlan } from './stream-plan.ts';
import { readAccesses } from './stream-record.ts';
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

export interface ManagerParts {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly memory: GuestMemory;
  readonly area: Float64Array;
  readonly handshake: WriterHandshake;
  readonly marks: WriterMarks;
  /** How long its actions take on a virtual clock; on a real clock they take their own time. */
  readonly costs?: ManagerCosts;
}

/** How long the actions of a memory manager take, in nanoseconds. */
export interface ManagerCosts {
  /** The time to give a page to the balloon or to take it out again. */
  readonly balloonPageNs: number;
  /** The time of a callback of memory pressure. */
  readonly pressureNs: number;
}

const FREE_OF_CHARGE: ManagerCosts = { balloonPageNs: 0, pressureNs: 0 };

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
  readonly #ranges: readonly ManagedRange[];
  readonly #states: readonly Uint8Array[];
  readonly #gates: readonly Uint8Array[];
  readonly #at: number;
  readonly #costs: ManagerCosts;
  /** The zeroings of this side, which the proof replays at the same numbers of accesses. */
  readonly #log: number[] = [];
  /** The index of the range and the page in it at which the search for free pages goes on. */
  #range = 0;
  #page = 0;
  /** The page of which a part is zeroed; the rest is zeroed after the vCPU's next polls. */
  #begun: FreeRun | undefined;
  /** The release that the engine has asked for and that is under way: 0 none, 1 free pages, 2 page cache as well. */
  #releaseKind = 0;
  /** The number of its pages that are free, -1 when they have to be counted. */
  #freePages = -1;
  /** The last result of `nextNs`, and the time for which it holds. */
  #next = { seenNs: -1, ns: 0 };

  constructor(parts: ManagerParts) {
    const { vcpu, plan, memory } = parts;
    this.#parts = parts;
    this.#ranges = managedRanges(plan, memory.slots).filter(({ owner }) => owner === vcpu);
    this.#states = memory.slots.map(pageStates);
    this.#gates = memory.slots.map(gateBytes);
    this.#at = vcpuAreaAt(plan, vcpu);
    this.#costs = parts.costs ?? FREE_OF_CHARGE;
  }

  /** What it has zeroed on this side. */
  get log(): ZeroLog {
    return this.#log;
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
    let nextNs = after(seenNs, manager?.ballooning?.intervalNs);
    for (const { vcpu, workload } of streams) {
      if (vcpu !== this.#parts.vcpu) continue;
      const { freesNs, untilNs } = workloads[workload]!;
      nextNs = Math.min(nextNs, after(seenNs, freesNs), untilNs > seenNs ? untilNs : Infinity);
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
      if (!ends && after(seenNs, freesNs) > guestNs) return;
      for (const range of this.#ranges) {
        const stream = range.stream < 0 ? undefined : plan.streams[range.stream]!;
        if (stream?.vcpu === vcpu && stream.workload === workload) this.#freeAll(range);
      }
    });
    const { ballooning } = plan.manager!;
    if (!ballooning || after(seenNs, ballooning.intervalNs) > guestNs) return;
    // When the engine has asked for the free pages, all of them are on their way to the host already.
    if (this.#releaseKind !== 0) return;
    // Pages can't be given back before all of them are there, and for a while after memory pressure they are not.
    if (handshake.isGated(GATE_PRESENCE) || guestNs < this.#get(BALLOON_HOLD_NS)) return;
    this.#owe(Math.floor(this.#free() * ballooning.share));
  }

  /** Checks whether the engine has asked for free pages, and begins to give them back. */
  attend(): void {
    const wanted = this.#parts.handshake.wantedRelease();
    if (wanted === 0) return;
    if (wanted !== this.#releaseKind) {
      this.#releaseKind = wanted;
      if (wanted === 2) {
        for (const range of this.#ranges) if (range.isCache) this.#drop(range, range.pages);
      }
      this.#owe(this.#free());
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
    this.#zero(run, now);
    if (zeroedPages + now < pages) {
      this.#begun = { ...run, zeroedPages: zeroedPages + now };
      return 0;
    }
    this.#begun = undefined;
    // The state may come last: it is only a hint until the vCPU is parked.
    const free = this.#free();
    this.#states[range.slot]!.fill(PAGE_RELEASED, page, page + pages);
    this.#freePages = free - pages;
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

  /** Zeroes the next `pages` pages of a run, or the next part of its one page, marks them and logs it. */
  #zero({ range, page, zeroedPages }: FreeRun, pages: number): void {
    const { handshake, marks, plan, memory } = this.#parts;
    const slot = memory.slots[range.slot]!;
    // The data come first, then the marks.
    zeroPages(slot, page + zeroedPages, pages);
    const { local } = handshake;
    if (local.mode !== 0) {
      // The vCPU's access list is free between two batches.
      const list = accessListAt(slot.layout, local.writer);
      markPages(slot, marks, local, list, page, Math.ceil(pages));
    }
    const { stream } = range;
    const n = stream < 0 ? 0 : readAccesses(memory.slots[plan.streams[stream]!.slot]!, stream);
    this.#log.push(stream, n, range.slot, page + zeroedPages, pages);
  }

  /**
   * Makes sure that every page of an access list is in use: takes those that are not out of the free list or out of the
   * balloon. Returns the time that it takes.
   */
  admit(slot: Memslot, list: number, count: number, guestNs: number): number {
    const states = this.#states[slot.layout.index]!;
    let ns = 0;
    let from = slot.kernels.countPlain(list, count, slot.layout.states);
    for (; from < count; from++) {
      const page = slot.words[(list >>> 2) + from]! & ~ACCESS_READ_BIT;
      if (states[page] === PAGE_USED) continue;
      const isShort = this.#free() <= this.#get(BALLOON_EXCHANGE);
      if (isShort) ns += this.#deflate(slot, page, guestNs);
      else if (states[page] === PAGE_RELEASED) this.#add(BALLOON_EXCHANGE, 1);
      if (states[page] === PAGE_FREE) this.#freePages = this.#free() - 1;
      if (this.#isCache(slot, page)) this.#add(CACHE_MISSES, 1);
      states[page] = PAGE_USED;
      // The page may be the one that is zeroed in part, which the access is about to write to.
      this.#begun = undefined;
    }
    return ns;
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
    for (const range of this.#ranges) {
      if (range.isCache) most -= this.#drop(range, cachePages - (deflatePages - most));
    }
    this.#add(BALLOON_CALLBACKS, 1);
    if (ballooning) {
      this.#set(BALLOON_HOLD_NS, guestNs + ballooning.holdOff * ballooning.intervalNs);
    }
    const isReleased = this.#states[slot.layout.index]![wanted] === PAGE_RELEASED;
    if (most === 0 && isReleased) this.#add(BALLOON_EXCHANGE, 1);
    const pages = isReleased ? this.#deflateFrom(slot, wanted, most) : this.#forgive(most);
    const { balloonPageNs, pressureNs } = this.#costs;
    return pressureNs + pages * balloonPageNs;
  }

  /** Has the balloon go without at most so many of the pages that it was to get in exchange; returns how many. */
  #forgive(most: number): number {
    const pages = Math.min(most, this.#get(BALLOON_EXCHANGE));
    this.#add(BALLOON_EXCHANGE, -pages);
    this.#add(BALLOON_DEFLATED, pages);
    return pages;
  }

  /** Takes up to `most` pages out of the balloon, from `wanted` to the end of its range; returns how many. */
  #deflateFrom(slot: Memslot, wanted: number, most: number): number {
    const range = this.#rangeOf(slot, wanted);
    const states = this.#states[slot.layout.index]!;
    const free = this.#free();
    let pages = 0;
    for (let page = wanted; page < range.first + range.pages && pages < most; page++) {
      if (states[page] !== PAGE_RELEASED) continue;
      states[page] = PAGE_FREE;
      pages++;
    }
    this.#freePages = free + pages;
    this.#add(BALLOON_DEFLATED, pages);
    return pages;
  }

  /** Drops up to `most` pages of a range of page cache, which become free; returns how many. */
  #drop({ slot, first, pages }: ManagedRange, most: number): number {
    const states = this.#states[slot]!;
    const free = this.#free();
    let droppedPages = 0;
    for (let page = first; page < first + pages && droppedPages < most; page++) {
      if (states[page] !== PAGE_USED) continue;
      states[page] = PAGE_FREE;
      droppedPages++;
    }
    this.#freePages = free + droppedPages;
    this.#add(CACHE_DROPPED, droppedPages);
    return droppedPages;
  }

  /** Frees all pages of a range that are in use. */
  #freeAll({ slot, first, pages }: ManagedRange): void {
    const states = this.#states[slot]!;
    for (let page = first; page < first + pages; page++) {
      if (states[page] === PAGE_USED) states[page] = PAGE_FREE;
    }
    this.#freePages = -1;
  }

  /** Returns how many of its pages are free. */
  #free(): number {
    if (this.#freePages < 0) this.#freePages = this.#count(PAGE_FREE);
    return this.#freePages;
  }

  /**
   * Returns the next run of at most `most` free pages after the last one; undefined when no page is free. A page that a
   * layer of the page gate protects, shares or has swapped out stays where it is, since to zero it is a write.
   */
  #nextFree(most: number): FreeRun | undefined {
    if (most <= 0) return undefined;
    const isGated = this.#parts.handshake.isGated();
    for (let turn = 0; turn <= this.#ranges.length; turn++) {
      const range = this.#ranges[this.#range];
      if (!range) return undefined;
      const states = this.#states[range.slot]!;
      const gates = isGated ? this.#gates[range.slot]! : undefined;
      const end = range.first + range.pages;
      let page = Math.max(this.#page, range.first);
      while (page < end && !isToGive(states, gates, page)) page++;
      if (page < end) {
        let to = page + 1;
        while (to < end && to - page < most && isToGive(states, gates, to)) to++;
        this.#page = to;
        return { range, page, pages: to - page, zeroedPages: 0 };
      }
      this.#range = (this.#range + 1) % this.#ranges.length;
      this.#page = 0;
    }
    return undefined;
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

  #count(state: number): number {
    return this.#ranges.reduce((sum, range) => sum + this.#countIn(range, state), 0);
  }

  #countIn({ slot, first, pages }: ManagedRange, state: number): number {
    const states = this.#states[slot]!;
    let count = 0;
    for (let page = first; page < first + pages; page++) if (states[page] === state) count++;
    return count;
  }

  #isCache(slot: Memslot, page: number): boolean {
    return this.#rangeOf(slot, page).isCache;
  }

  /** Returns the range of a page that is or was free; all such pages lie in its ranges. */
  #rangeOf({ layout }: Memslot, page: number): ManagedRange {
    return this.#ranges.find(
      ({ slot, first, pages }) => slot === layout.index && page >= first && page < first + pages,
    )!;
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

/** Returns the first multiple of a period after a time; Infinity without a period. */
function after(ns: number, periodNs: number | undefined): number {
  return periodNs === undefined ? Infinity : (Math.floor(ns / periodNs) + 1) * periodNs;
}
