import type { GateLayer } from '../memory/gate/gate-layer.ts';
import { gateBytes } from '../memory/gate/page-gate.ts';
import { slotOf } from '../memory/guest-memory.ts';
import type { Memslot } from '../memory/memslot.ts';
import { gfnIsZero } from '../memory/zero-page.ts';
import type { GuestPages } from './guest-pages.ts';

export interface BootParts {
  readonly pages: GuestPages;
  /** How many pages the guest zeroes in a second. */
  readonly pagesPerSecond: number;
  /** The layers of the gate of its vCPUs. */
  readonly layers: readonly GateLayer[];
  /** Zeroes a page in the guest, unless it is one that the guest keeps. */
  readonly clear: (slot: Memslot, page: number) => void;
}

/**
 * The boot of a guest that zeroes all its memory before it does anything else, as Windows does (Waldspurger, OSDI 2002,
 * section 6.4). Each page is written, so the host must give it a machine page of its own; a page that is zero already
 * then stays as it is.
 */
export class Boot {
  readonly #parts: BootParts;
  #gfn = 0;
  /** The time up to which the boot has come, which is later than the present while it waits for a page. */
  #atNs: number;

  constructor(parts: BootParts, atNs: number) {
    this.#parts = parts;
    this.#atNs = atNs;
  }

  get isOver(): boolean {
    return this.#gfn >= this.#parts.pages.memory.pages;
  }

  /** Zeroes what the guest gets done up to `toNs`. */
  advance(toNs: number): void {
    const pageNs = 1e9 / this.#parts.pagesPerSecond;
    while (this.#atNs + pageNs <= toNs && !this.isOver) {
      this.#atNs += pageNs;
      this.#touch(this.#gfn++);
    }
  }

  /** Lets time pass in which the guest stands still. */
  skip(toNs: number): void {
    this.#atNs = Math.max(this.#atNs, toNs);
  }

  #touch(gfn: number): void {
    const { pages, layers, clear } = this.#parts;
    const slot = slotOf(pages.memory, gfn);
    const page = gfn - slot.layout.firstGfn;
    const gates = gateBytes(slot);
    for (const layer of layers) {
      if ((Atomics.load(gates, page) & layer.bits) === 0) continue;
      this.#atNs += layer.resolve(slot, page, true, this.#atNs);
    }
    if (!gfnIsZero(pages.memory, gfn)) clear(slot, page);
  }
}
