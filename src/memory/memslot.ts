import { fillBytes } from './copy.ts';
import { type Kernels } from './kernels/kernels.ts';
import { loadKernels } from './kernels/load.ts';
import { twinKernels } from './kernels/twin/twin.ts';
import { MAX_SLOT_BYTES, slotLayout, type SlotGeometry, type SlotLayout } from './layout.ts';
import { type MemoryPool, memoryPool, type TakenMemory, WASM_PAGE } from './memory-pool.ts';

/** What another thread needs to open the same slot; all of it can be sent through a message port. */
export interface SharedSlot {
  readonly memory: WebAssembly.Memory;
  readonly geometry: SlotGeometry;
  /** Nobody has written its RAM yet, so that it is zero; else it holds anything until it is filled. */
  readonly isFresh: boolean;
}

/** A memslot as one thread sees it: a stretch of guest physical memory with its control area. */
export interface Memslot {
  readonly layout: SlotLayout;
  readonly buffer: SharedArrayBuffer;
  readonly kernels: Kernels;
  /** Guest RAM of the slot, page 0 first. */
  readonly ram: Uint8Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
}

export class SlotTooLargeError extends Error {
  override readonly name = 'SlotTooLargeError';
}

/** Reserves a slot that is all zero. Nothing is touched yet: prefault before timing anything. */
export function createSlot(geometry: SlotGeometry): SharedSlot {
  const wasmPages = checkedBytes(geometry) / WASM_PAGE;
  const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true });
  return { memory, geometry, isFresh: true };
}

/**
 * A slot in a memory of the pool, to which `giveBackSlot` returns it. Its control area is zero; its RAM
 * is zero only when the slot is fresh.
 */
export function takeSlot(
  geometry: SlotGeometry,
  pool: Pick<MemoryPool, 'take'> = memoryPool,
): SharedSlot {
  const { memory, isFresh }: TakenMemory = pool.take(checkedBytes(geometry));
  if (!isFresh) fillBytes(new Uint8Array(memory.buffer, 0, slotLayout(geometry).ramOffset), 0);
  return { memory, geometry, isFresh };
}

/** Ends the use of a slot: no thread, no view and no report may look at it from now on. */
export function giveBackSlot(
  { memory }: SharedSlot,
  pool: Pick<MemoryPool, 'giveBack'> = memoryPool,
): void {
  pool.giveBack(memory);
}

function checkedBytes(geometry: SlotGeometry): number {
  const { totalBytes } = slotLayout(geometry);
  if (totalBytes > MAX_SLOT_BYTES) {
    throw new SlotTooLargeError(
      `a memslot of ${geometry.pages} pages needs ${totalBytes} bytes, a WASM memory has ${MAX_SLOT_BYTES}`,
    );
  }
  return totalBytes;
}

/** Opens a slot in this thread, with the WASM kernels or, for the proof, with their twin. */
export function openSlot(shared: SharedSlot, kernels: 'wasm' | 'twin' = 'wasm'): Memslot {
  const layout = slotLayout(shared.geometry);
  const { buffer } = shared.memory;
  return {
    layout,
    buffer,
    kernels: kernels === 'wasm' ? loadKernels(shared.memory) : twinKernels(buffer),
    ram: new Uint8Array(buffer, layout.ramOffset, layout.ramBytes),
    words: new Int32Array(buffer),
    doubles: new Float64Array(buffer),
  };
}
