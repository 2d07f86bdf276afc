import type { Clock } from '../clock/clock.ts';
import { type GateLayer, WAITS } from '../memory/gate/gate-layer.ts';
import { PageGate } from '../memory/gate/page-gate.ts';
import type { GuestMemory, GuestPageSet } from '../memory/guest-memory.ts';
import { GATE_PROTECTION } from '../memory/handshake/words.ts';
import { PAGE_PROTECTED } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import { type Capture, type CapturedPages, pageBytes } from './capture.ts';

/** What copy-on-write works with. */
export interface CopyOnWriteParts {
  readonly memory: GuestMemory;
  /** The handshake words of the guest's side. */
  readonly words: Int32Array;
  readonly clock: Clock;
  /** How many saved pages the buffer holds. */
  readonly mostPages: number;
  /** What the fault and the copy take. */
  readonly copyNs: number;
}

/**
 * Lets the guest run on at once: its dirty pages are protected, and each is saved before its first write, unless it has
 * been sent by then. A vCPU that finds the buffer full stands still until a saved page has been sent. Remus proposes
 * this (section 6) and falls back to stop-and-copy there.
 */
export class CopyOnWrite implements Capture, GateLayer {
  readonly bits = PAGE_PROTECTED;
  savedPages = 0;
  readonly #parts: CopyOnWriteParts;
  readonly #gate: PageGate;
  readonly #saved = new Map<number, Uint8Array>();
  #left: { readonly slot: number; readonly page: number }[] = [];
  #sent = 0;
  /** When there was room in the buffer again; Infinity while there is none. */
  #roomNs = -Infinity;

  constructor(parts: CopyOnWriteParts) {
    this.#parts = parts;
    this.#gate = new PageGate(parts.memory, parts.words);
  }

  get left(): number {
    return this.#left.length - this.#sent;
  }

  take(pages: GuestPageSet): void {
    const { slots } = this.#parts.memory;
    this.#left = [];
    this.#sent = 0;
    this.savedPages = 0;
    for (const [slot, part] of pages.parts.entries()) {
      part.eachRun((first, count) => {
        this.#gate.mark(slots[slot]!.layout.firstGfn + first, count, PAGE_PROTECTED);
        for (let page = first; page < first + count; page++) this.#left.push({ slot, page });
      });
    }
    if (this.left > 0) this.#gate.turnOn(GATE_PROTECTION);
    pages.clear();
  }

  /** Saves a page that the guest is about to write. */
  resolve(slot: Memslot, page: number): number {
    const gfn = slot.layout.firstGfn + page;
    if (this.#saved.size >= this.#parts.mostPages) {
      this.#roomNs = Infinity;
      return WAITS;
    }
    this.#saved.set(gfn, pageBytes(slot, page).slice());
    this.#gate.unmark(slot, page, PAGE_PROTECTED);
    this.savedPages++;
    return this.#parts.copyNs;
  }

  settle(): number {
    return this.#saved.size < this.#parts.mostPages ? this.#roomNs : Infinity;
  }

  next(most: number): CapturedPages {
    const { slots } = this.#parts.memory;
    const { slot } = this.#left[this.#sent]!;
    const memslot = slots[slot]!;
    const pages: number[] = [];
    const contents: Uint8Array[] = [];
    while (pages.length < most && this.left > 0 && this.#left[this.#sent]!.slot === slot) {
      const { page } = this.#left[this.#sent++]!;
      pages.push(page);
      contents.push(this.#contentOf(memslot, page));
    }
    this.#makeRoom();
    if (this.left === 0) this.#gate.turnOff(GATE_PROTECTION);
    return { slot, pages, contents };
  }

  /** Returns what a page held at the checkpoint; the guest may write it from now on. */
  #contentOf(slot: Memslot, page: number): Uint8Array {
    const gfn = slot.layout.firstGfn + page;
    const saved = this.#saved.get(gfn);
    if (saved) {
      this.#saved.delete(gfn);
      return saved;
    }
    const content = pageBytes(slot, page).slice();
    this.#gate.unmark(slot, page, PAGE_PROTECTED);
    return content;
  }

  #makeRoom(): void {
    if (this.#saved.size < this.#parts.mostPages && this.#roomNs === Infinity) {
      this.#roomNs = this.#parts.clock.now();
    }
  }

  abandon(): void {
    const { slots } = this.#parts.memory;
    for (const { slot, page } of this.#left.slice(this.#sent)) {
      this.#gate.unmark(slots[slot]!, page, PAGE_PROTECTED);
    }
    this.#left = [];
    this.#sent = 0;
    this.#saved.clear();
    this.#makeRoom();
    this.#gate.turnOff(GATE_PROTECTION);
  }
}
