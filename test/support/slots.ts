import { Generator } from '../../src/random/generator.ts';
import { createSlot, type Memslot, openSlot, type SharedSlot } from '../../src/memory/memslot.ts';
import type { SlotGeometry } from '../../src/memory/layout.ts';

const SMALL: SlotGeometry = {
  pages: 256,
  pageSize: 4096,
  writers: 3,
  streams: 8,
  tableBytes: 65536,
  skewPages: 0,
};

export function smallSlot(geometry: Partial<SlotGeometry> = {}): SharedSlot {
  return createSlot({ ...SMALL, ...geometry });
}

/** Makes two equal slots, one for the WASM kernels and one for their TypeScript twin. */
export function slotPair(geometry: Partial<SlotGeometry> = {}): { wasm: Memslot; twin: Memslot } {
  return {
    wasm: openSlot(smallSlot(geometry), 'wasm'),
    twin: openSlot(smallSlot(geometry), 'twin'),
  };
}

/** Returns true when all bytes of two slots are the same. */
export function sameBytes(a: Memslot, b: Memslot): boolean {
  return Buffer.compare(new Uint8Array(a.buffer), new Uint8Array(b.buffer)) === 0;
}

/** Fills a slot's RAM with random words. */
export function fillRandomly(slot: Memslot, seed: number): void {
  const random = new Generator(seed, 77);
  const first = slot.layout.ramOffset >>> 2;
  for (let i = 0; i < slot.layout.ramBytes / 4; i += 1) slot.words[first + i] = random.next();
}
