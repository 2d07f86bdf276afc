import { type GuestMemory, slotOf } from '../guest-memory.ts';
import { GATE } from '../handshake/words.ts';
import type { Memslot } from '../memslot.ts';

/** Returns the gates of a slot's pages, a byte a page. Once the guest runs only atomics may access them. */
export function gateBytes({ buffer, layout }: Memslot): Uint8Array {
  return new Uint8Array(buffer, layout.gates, layout.pages);
}

/**
 * Gives the bits `mask` of the gates [from, to) of a slot the value `bits`; the bits of other layers stay. To be called
 * only while every writer is parked and no other thread sets gates.
 */
export function replaceBits(
  gates: Uint8Array,
  from: number,
  to: number,
  mask: number,
  bits: number,
): void {
  if (!holdsOtherBits(gates, from, to, mask)) {
    gates.fill(bits, from, to);
    return;
  }
  for (let page = from; page < to; page++) {
    Atomics.and(gates, page, ~mask & 0xff);
    Atomics.or(gates, page, bits);
  }
}

/** Returns whether a gate of [from, to), or one of the three beside either end, has a bit that is not of `mask`. */
function holdsOtherBits(gates: Uint8Array, from: number, to: number, mask: number): boolean {
  // Four gates at a time, so that the check costs less than the fill that it makes possible. Gates begin at a cache line.
  const words = new Int32Array(gates.buffer, gates.byteOffset, gates.length >>> 2);
  const end = Math.min(words.length, (to + 3) >>> 2);
  let all = 0;
  for (let i = from >>> 2; i < end; i++) all |= words[i]!;
  for (let page = words.length << 2; page < to; page++) all |= gates[page]!;
  return (all & ~(mask * 0x01010101)) !== 0;
}

/** The gates of all pages of a guest on one side, as the engine sets them (gate-layer.ts). Gfns are the guest's. */
export class PageGate {
  readonly #memory: GuestMemory;
  readonly #words: Int32Array;
  readonly #maps: readonly Uint8Array[];

  constructor(memory: GuestMemory, words: Int32Array) {
    this.#memory = memory;
    this.#words = words;
    this.#maps = memory.slots.map(gateBytes);
  }

  /** Has vCPUs read a page's gate before each access from now on. `layer` is a GATE_* bit of the handshake. */
  turnOn(layer: number): void {
    Atomics.or(this.#words, GATE, layer);
  }

  /** Turns off a layer that has no bit set on any page; after the last one vCPUs don't read gates any more. */
  turnOff(layer: number): void {
    Atomics.and(this.#words, GATE, ~layer);
  }

  /** Sets a layer's bits in the gates of a range of pages; the bits of other layers stay. */
  mark(firstGfn: number, pages: number, bits: number): void {
    for (let gfn = firstGfn; gfn < firstGfn + pages; gfn++) {
      const { layout } = slotOf(this.#memory, gfn);
      Atomics.or(this.#maps[layout.index]!, gfn - layout.firstGfn, bits);
    }
  }

  /** Clears bits in the gate of a slot's page; false when none of them was set, as after somebody else cleared them. */
  unmark({ layout }: Memslot, page: number, bits: number): boolean {
    return (Atomics.and(this.#maps[layout.index]!, page, ~bits & 0xff) & bits) !== 0;
  }
}
