import type { GuestMemory, GuestPageSet } from '../memory/guest-memory.ts';
import type { Memslot } from '../memory/memslot.ts';

/** Pages of one memslot, by their numbers within it, with the bytes that they had at the checkpoint. */
export interface CapturedPages {
  readonly slot: number;
  readonly pages: readonly number[];
  /** They are valid until the next call. */
  readonly contents: readonly Uint8Array[];
}

/** Keeps the pages of an epoch, as they are at its checkpoint, until they have been sent. */
export interface Capture {
  /** The number of pages that have yet to be sent. */
  readonly left: number;
  /** Takes the pages of a set while the guest is paused, and empties the set. */
  take(pages: GuestPageSet): void;
  /** Returns the next pages, at most so many, all of one memslot. */
  next(most: number): CapturedPages;
  /** Forgets what is left, as nobody will send it. */
  abandon(): void;
  /** How many pages have been saved since the last `take` because the guest wrote them before they were sent. */
  readonly savedPages: number;
}

/** Returns the bytes of a slot's page, not a copy. */
export function pageBytes({ ram, layout: { storedBytes } }: Memslot, page: number): Uint8Array {
  return ram.subarray(page * storedBytes, (page + 1) * storedBytes);
}

/** Copies all pages while the guest is paused, to a buffer that grows to the largest epoch (Remus, section 3.1). */
export class StagingBuffer implements Capture {
  readonly savedPages = 0;
  readonly #memory: GuestMemory;
  #bytes = new Uint8Array(0);
  #gfns: { readonly slot: number; readonly page: number }[] = [];
  #sent = 0;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  get left(): number {
    return this.#gfns.length - this.#sent;
  }

  take(pages: GuestPageSet): void {
    const { pageSize } = this.#memory;
    const need = pages.count * pageSize;
    if (this.#bytes.length < need) this.#bytes = new Uint8Array(Math.max(need, 65536));
    this.#gfns = [];
    this.#sent = 0;
    for (const [slot, part] of pages.parts.entries()) {
      const { ram } = this.#memory.slots[slot]!;
      part.eachRun((first, count) => {
        const at = this.#gfns.length * pageSize;
        this.#bytes.set(ram.subarray(first * pageSize, (first + count) * pageSize), at);
        for (let page = first; page < first + count; page++) this.#gfns.push({ slot, page });
      });
    }
    pages.clear();
  }

  next(most: number): CapturedPages {
    const { pageSize } = this.#memory;
    const { slot } = this.#gfns[this.#sent]!;
    const pages: number[] = [];
    const contents: Uint8Array[] = [];
    while (pages.length < most && this.left > 0 && this.#gfns[this.#sent]!.slot === slot) {
      const at = this.#sent * pageSize;
      contents.push(this.#bytes.subarray(at, at + pageSize));
      pages.push(this.#gfns[this.#sent++]!.page);
    }
    return { slot, pages, contents };
  }

  abandon(): void {
    this.#gfns = [];
    this.#sent = 0;
  }
}

/** Leaves all pages where they are: the guest stands still until they have been sent. */
export class InPlace implements Capture {
  readonly savedPages = 0;
  readonly #memory: GuestMemory;
  #list: { readonly slot: number; readonly page: number }[] = [];
  #sent = 0;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  get left(): number {
    return this.#list.length - this.#sent;
  }

  take(pages: GuestPageSet): void {
    this.abandon();
    for (const [slot, part] of pages.parts.entries()) {
      part.eachRun((first, count) => {
        for (let page = first; page < first + count; page++) this.#list.push({ slot, page });
      });
    }
    pages.clear();
  }

  next(most: number): CapturedPages {
    const { slot } = this.#list[this.#sent]!;
    const memslot = this.#memory.slots[slot]!;
    const pages: number[] = [];
    while (pages.length < most && this.left > 0 && this.#list[this.#sent]!.slot === slot) {
      pages.push(this.#list[this.#sent++]!.page);
    }
    return { slot, pages, contents: pages.map((page) => pageBytes(memslot, page)) };
  }

  abandon(): void {
    this.#list = [];
    this.#sent = 0;
  }
}
