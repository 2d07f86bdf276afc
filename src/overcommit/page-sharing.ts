import { PAGE_PROTECTED } from '../memory/kernels/abi.ts';
import { type GuestPages, NONE } from './guest-pages.ts';
import type { MachineMemory } from './machine-memory.ts';
import { CONTENTS_BYTES } from './page-contents.ts';
import { NO_SLOT, PageStore } from '../memory/page-store.ts';
import { ShareTable } from './share-table.ts';

/** What a look at a page has come to: it was shared with an equal one, or not; `skipped` has nothing to share. */
export type ScanOutcome = 'shared' | 'alone' | 'skipped';

/** What sharing has done so far, as counts of pages. */
export interface SharingCounts {
  scanned: number;
  shared: number;
  /** Shared pages of which a write has made a private copy, and those whose last sharer took the page over. */
  copied: number;
  takenOver: number;
  /** Hints whose page had changed since. */
  staleHints: number;
  /** Pages with equal hashes and different bytes. */
  falseMatches: number;
}

/**
 * Content-based page sharing (Waldspurger, OSDI 2002, section 4). A scan hashes a page and looks for another with the
 * same hash; when all bytes are equal too, both use one machine page, copy on write, and the other one is free.
 *
 * An emulated guest can't map the memory of another. So a shared machine page has bytes of its own here, every sharer
 * has a copy of them in its memory, and a write that forgot to make a private copy first would leave a sharer with
 * other bytes than its machine page has; `firstWrongSharer` finds that.
 */
export class PageSharing {
  readonly counts: SharingCounts = {
    scanned: 0,
    shared: 0,
    copied: 0,
    takenOver: 0,
    staleHints: 0,
    falseMatches: 0,
  };
  readonly table: ShareTable;
  readonly #machine: MachineMemory;
  readonly #guests: readonly GuestPages[];
  readonly #store: PageStore;
  /** The slot with the contents of each shared machine page; NO_SLOT for those that are not shared. */
  readonly #slots: Int32Array;
  /** The machine page of zeros that is shared, with its hash; undefined while there is none. */
  #zero: { readonly machinePage: number; readonly low: number; readonly high: number } | undefined;
  readonly #hash = new Int32Array(2);
  readonly #other = new Int32Array(2);
  readonly #scratch = new Uint8Array(CONTENTS_BYTES);
  readonly #otherScratch = new Uint8Array(CONTENTS_BYTES);

  /** `guests` may grow, but a guest's number stays its index. `contentsBytes` is what stands for a page's contents. */
  constructor(machine: MachineMemory, guests: readonly GuestPages[], contentsBytes: number) {
    this.#machine = machine;
    this.#guests = guests;
    this.table = new ShareTable(machine.pages);
    this.#slots = new Int32Array(machine.pages);
    this.#store = new PageStore(contentsBytes);
  }

  /** How many machine pages sharing saves: those that its sharers would have besides. */
  get savedPages(): number {
    return this.#guests.reduce((sum, { shared }) => sum + shared, 0) - this.table.sharedFrames;
  }

  /** How many pages share the machine page of zeros. */
  get zeroSharers(): number {
    if (!this.#zero) return 0;
    const { machinePage, low, high } = this.#zero;
    return this.table.sharers(this.table.frameOf(low, high, machinePage));
  }

  /**
   * Returns the machine page of the first shared page of a guest from `start` on, going round; NONE when there is none. That
   * of zeros does not count, because many pages share it, and neither does `kept`.
   */
  findShared(pages: GuestPages, start: number, kept: number): number {
    const { machinePages, memory } = pages;
    for (let i = 0; i < memory.pages; i++) {
      const gfn = (start + i) % memory.pages;
      const machinePage = machinePages[gfn]!;
      if (machinePage === kept || machinePage === this.#zero?.machinePage) continue;
      if (pages.pinned.has(gfn)) continue;
      if (pages.isShared(gfn)) return machinePage;
    }
    return NONE;
  }

  /** Tries to share a page of a guest, which is held. The guest must have been advanced to the present. */
  scan(pages: GuestPages, gfn: number): ScanOutcome {
    if (!pages.isResident(gfn) || pages.isShared(gfn)) return 'skipped';
    const { table, counts } = this;
    counts.scanned++;
    pages.identify(gfn, this.#hash);
    const [low, high] = [this.#hash[0]!, this.#hash[1]!];
    let frame = table.find(low, high);
    while (frame >= 0) {
      const next = table.next(frame);
      if (table.isShared(frame)) {
        if (this.#isEqual(this.#read(pages, gfn), this.#contentsOf(table.machinePage(frame)))) {
          this.#join(pages, gfn, frame);
          return 'shared';
        }
        counts.falseMatches++;
      } else if (this.#isHintOf(frame, pages, gfn)) {
        return 'alone';
      } else if (!this.#isFresh(frame, low, high)) {
        counts.staleHints++;
        table.remove(frame, low);
      } else if (this.#meet(frame, pages, gfn, low, high)) {
        return 'shared';
      }
      frame = next;
    }
    table.addHint(low, high, pages.guest, gfn);
    return 'alone';
  }

  #isHintOf(frame: number, pages: GuestPages, gfn: number): boolean {
    return this.table.hintGuest(frame) === pages.guest && this.table.hintGfn(frame) === gfn;
  }

  /** Whether a hint's page still has the hash under which it was noted, and could be shared. */
  #isFresh(frame: number, low: number, high: number): boolean {
    const gfn = this.table.hintGfn(frame);
    const pages = this.#guests[this.table.hintGuest(frame)];
    if (!pages?.isResident(gfn) || pages.isShared(gfn)) return false;
    pages.identify(gfn, this.#other);
    return this.#other[0] === low && this.#other[1] === high;
  }

  /**
   * Has a page and a hint's page share the latter's machine page, if they are equal; returns whether they are. The guest
   * of the hint's page is kept from writing it meanwhile.
   */
  #meet(frame: number, pages: GuestPages, gfn: number, low: number, high: number): boolean {
    const otherGfn = this.table.hintGfn(frame);
    const other = this.#guests[this.table.hintGuest(frame)]!;
    // A page that can't be held is held already, or is on its way in: nobody writes it.
    const isHeld = other.hold(otherGfn, PAGE_PROTECTED);
    if (isHeld) other.settle();
    const isShared = this.#meetHeld(frame, pages, gfn, low, high);
    if (isHeld) other.release(otherGfn);
    return isShared;
  }

  #meetHeld(frame: number, pages: GuestPages, gfn: number, low: number, high: number): boolean {
    const otherGfn = this.table.hintGfn(frame);
    const other = this.#guests[this.table.hintGuest(frame)]!;
    const contents = other.contents.read(otherGfn, this.#otherScratch);
    if (!this.#isEqual(this.#read(pages, gfn), contents)) {
      this.counts.falseMatches++;
      return false;
    }
    this.table.remove(frame, low);
    const machinePage = other.machinePages[otherGfn]!;
    const shared = this.table.addShared(low, high, machinePage);
    this.#keep(machinePage, contents);
    if (isZero(contents)) this.#zero = { machinePage, low, high };
    other.share(otherGfn, machinePage);
    this.#join(pages, gfn, shared);
    return true;
  }

  /**
   * Has a page of zeros hold the machine page that other pages of zeros will share, if there is none yet; returns whether
   * it does now. Without it a host that needs memory at once would write all zeros to its store: each page would be
   * gone before the next one could be compared with it.
   */
  keepZero(pages: GuestPages, gfn: number): boolean {
    if (this.#zero) return false;
    const contents = this.#read(pages, gfn);
    if (!isZero(contents)) return false;
    pages.identify(gfn, this.#hash);
    const [low, high] = [this.#hash[0]!, this.#hash[1]!];
    const machinePage = pages.machinePages[gfn]!;
    this.table.addShared(low, high, machinePage);
    this.#keep(machinePage, contents);
    this.#zero = { machinePage, low, high };
    pages.share(gfn, machinePage);
    return true;
  }

  /** Has a page use a shared frame's machine page; its own one is free. */
  #join(pages: GuestPages, gfn: number, frame: number): void {
    const machinePage = this.table.machinePage(frame);
    this.#machine.giveBack(pages.machinePages[gfn]!);
    pages.contents.write(gfn, this.#contentsOf(machinePage));
    pages.share(gfn, machinePage);
    this.table.countSharer(frame, 1);
    this.counts.shared++;
  }

  /**
   * Ends a page's sharing before it is written. The last sharer takes the machine page over. Any other gets a copy in
   * the machine page that `take` gives; if `take` throws, the page goes on to share.
   */
  breakSharing(pages: GuestPages, gfn: number, take: () => number): void {
    if (this.table.sharers(this.#frameOf(pages, gfn)) === 1) {
      pages.unshare(gfn, this.#leave(pages, gfn));
      this.counts.takenOver++;
      return;
    }
    const copy = take();
    this.#leave(pages, gfn);
    pages.unshare(gfn, copy);
    this.counts.copied++;
  }

  /**
   * Ends a page's sharing because it leaves memory; returns its machine page if it was the last sharer, else NONE, and
   * then the page has none any more.
   */
  forsake(pages: GuestPages, gfn: number): number {
    const machinePage = this.#leave(pages, gfn);
    pages.unshare(gfn, machinePage);
    if (machinePage === NONE) pages.unmap(gfn);
    return machinePage;
  }

  /** Counts one sharer less; returns the machine page when nobody is left to share it, else NONE. */
  #leave(pages: GuestPages, gfn: number): number {
    const frame = this.#frameOf(pages, gfn);
    const machinePage = pages.machinePages[gfn]!;
    pages.contents.write(gfn, this.#contentsOf(machinePage));
    if (this.table.sharers(frame) > 1) {
      this.table.countSharer(frame, -1);
      return NONE;
    }
    this.table.remove(frame, this.#hash[0]!);
    this.#store.drop(this.#slots[machinePage]!);
    this.#slots[machinePage] = NO_SLOT;
    if (this.#zero?.machinePage === machinePage) this.#zero = undefined;
    return machinePage;
  }

  /** Returns the frame of a shared page, and leaves its hash in `#hash`. */
  #frameOf(pages: GuestPages, gfn: number): number {
    pages.identify(gfn, this.#hash);
    const frame = this.table.frameOf(this.#hash[0]!, this.#hash[1]!, pages.machinePages[gfn]!);
    if (frame < 0) {
      throw new Error(
        `page ${gfn} of guest ${pages.guest} shares a machine page of which the sharing table knows nothing`,
      );
    }
    return frame;
  }

  /** Returns the first shared page whose bytes are not those of its machine page, if there is any. */
  firstWrongSharer(): { readonly guest: number; readonly gfn: number } | undefined {
    for (const pages of this.#guests) {
      for (let gfn = 0; gfn < pages.memory.pages; gfn++) {
        if (!pages.isShared(gfn)) continue;
        const slot = this.#slots[pages.machinePages[gfn]!] ?? NO_SLOT;
        const isRight =
          slot !== NO_SLOT && this.#isEqual(this.#read(pages, gfn), this.#store.at(slot));
        if (!isRight) return { guest: pages.guest, gfn };
      }
    }
    return undefined;
  }

  /** Returns what stands for the contents of a shared machine page. */
  #contentsOf(machinePage: number): Uint8Array {
    return this.#store.at(this.#slots[machinePage]!);
  }

  #keep(machinePage: number, contents: Uint8Array): void {
    this.#slots[machinePage] = this.#store.put(contents);
  }

  /** Returns what stands for a page's contents, until the next call. */
  #read(pages: GuestPages, gfn: number): Uint8Array {
    return pages.contents.read(gfn, this.#scratch);
  }

  #isEqual(a: Uint8Array, b: Uint8Array): boolean {
    if (a.length > CONTENTS_BYTES) return Buffer.compare(a, b) === 0;
    // A recipe is so short that a call of Buffer's would take longer than the comparison.
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
    return true;
  }
}

const isZero = (contents: Uint8Array): boolean => contents.every((byte) => byte === 0);
