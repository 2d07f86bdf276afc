import type { Kernels } from '../memory/kernels/kernels.ts';
import { loadKernels } from '../memory/kernels/load.ts';
import { WASM_PAGE } from '../memory/memory-pool.ts';

/*
 * Pages on their way to the file lie in slabs, in the memory of one lane, which it shares with the thread that writes
 * them. A slab has a list of extents, each a piece of the slab and its place in the file.
 *
 *   0       64 KiB                                                       256 KiB
 *   ┌───────┬────────────────────────────────────────────────────────────┬────────┬────────┬───┬─────────────┐
 *   │ words │ extents of each slab: count, then place, address and bytes │ slab 0 │ slab 1 │ … │ compared    │
 *   │ sums  │ of each, f64                                               │        │        │   │ page        │
 *   └───────┴────────────────────────────────────────────────────────────┴────────┴────────┴───┴─────────────┘
 */

/** The size of a slab, bytes: the largest page that is saved, and a size at which a write costs little besides its bytes. */
export const SLAB_BYTES = 2 * 1024 * 1024;
/** The bytes of a list of extents; a slab full of single pages of 4 KiB needs three quarters of them. */
const LIST_BYTES = 16 * 1024;
const LISTS_AT = WASM_PAGE;
const SLABS_AT = 4 * WASM_PAGE;
const SUMS_AT = 4096;

/** The words of a lane, each an i32 at this index. */
export const WORD = { head: 0, tail: 16, closed: 32, failed: 48, direct: 64, code: 80 } as const;

/** What a lane and its writer share; it can be sent through a message port. */
export interface SharedSlabs {
  readonly memory: WebAssembly.Memory;
  readonly slabs: number;
}

/** Takes memory for so many slabs, at most 12. */
export function createSlabs(slabs: number): SharedSlabs {
  const pages = (SLABS_AT + (slabs + 1) * SLAB_BYTES) / WASM_PAGE;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  return { memory, slabs };
}

/** A piece of a slab, and where it goes in the file. */
export interface Extent {
  readonly position: number;
  readonly at: number;
  readonly bytes: number;
}

/** Slabs as one thread sees them. Addresses are in `bytes`, on which the kernels work. */
export class Slabs {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly kernels: Kernels;
  readonly slabs: number;
  /** The address of the page of the base with which a page is compared. */
  readonly comparedAt: number;
  /** The address at which the sums of a slab's pages have room. */
  readonly sumsAt = SUMS_AT;
  readonly #doubles: Float64Array;

  constructor({ memory, slabs }: SharedSlabs) {
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.#doubles = new Float64Array(memory.buffer);
    this.kernels = loadKernels(memory);
    this.slabs = slabs;
    this.comparedAt = SLABS_AT + slabs * SLAB_BYTES;
  }

  slabAt(slab: number): number {
    return SLABS_AT + slab * SLAB_BYTES;
  }

  clear(slab: number): void {
    this.#doubles[this.#listAt(slab)] = 0;
  }

  /** Adds an extent to a slab; one that goes on where the last one ends, in both places, makes that one longer. */
  add(slab: number, { position, at, bytes }: Extent): void {
    const list = this.#listAt(slab);
    const count = this.#doubles[list]!;
    const last = list + 1 + 3 * (count - 1);
    const [place = 0, from = 0, length = 0] = this.#doubles.subarray(last, last + 3);
    if (count > 0 && place + length === position && from + length === at) {
      this.#doubles[last + 2]! += bytes;
      return;
    }
    this.#doubles.set([position, at, bytes], last + 3);
    this.#doubles[list] = count + 1;
  }

  extents(slab: number): Extent[] {
    const list = this.#listAt(slab);
    return Array.from({ length: this.#doubles[list]! }, (_, i) => {
      const [position, at, bytes] = this.#doubles.subarray(list + 1 + 3 * i, list + 4 + 3 * i);
      return { position: position!, at: at!, bytes: bytes! };
    });
  }

  #listAt(slab: number): number {
    return (LISTS_AT + slab * LIST_BYTES) / 8;
  }
}
