import { type GuestMemory, slotOf } from '../guest-memory.ts';
import { GATE } from '../handshake/words.ts';
import type { Memslot } from '../memslot.ts';

/** The gate bytes of a slot; only ever touched with atomics once its guest runs. */
export function gateBytes({ buffer, layout }: Memslot): Uint8Array {
  return new Uint8Array(buffer, layout.gates, layout.pages);
}

/** The gates of a guest's pages on one side, as an engine sees them (gate-layer.ts). Gfns are the guest's. */
export class PageGate {
  readonly #memory: GuestMemory;
  readonly #words: Int32Array;
  readonly #maps: readonly Uint8Array[];

  constructor(memory: GuestMemory, words: Int32Array) {
    this.#memory = memory;
    this.#words = words;
    this.#maps = memory.slots.map(gateBytes);
  }

  /** From now on vCPUs look before they touch; `layer` is one of the GATE bits of the handshake. */
  turnOn(layer: number): void {
    Atomics.or(this.#words, GATE, layer);
  }

  /** A layer that has no mark on any page any more; vCPUs need not look when it was the last one. */
  turnOff(layer: number): void {
    Atomics.and(this.#words, GATE, ~layer);
  }

  /** Puts a layer's bits on a range of pages, beside those of others. */
  mark(firstGfn: number, pages: number, bits: number): void {
    for (let gfn = firstGfn; gfn < firstGfn + pages; gfn++) {
      const { layout } = slotOf(this.#memory, gfn);
      Atomics.or(this.#maps[layout.index]!, gfn - layout.firstGfn, bits);
    }
  }

  /** Takes bits off a page of a slot; false: none of them was on it, somebody else has been faster. */
  unmark({ layout }: Memslot, page: number, bits: number): boolean {
    return (Atomics.and(this.#maps[layout.index]!, page, ~bits & 0xff) & bits) !== 0;
  }
}
