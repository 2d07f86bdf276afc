import { fillBytes } from './copy.ts';
import { type Kernels } from './kernels/kernels.ts';
import { loadKernels } from './kernels/load.ts';
import { twinKernels } from './kernels/twin/twin.ts';
import { MAX_SLOT_BYTES, slotLayout, type SlotGeometry, type SlotLayout } from './layout.ts';
import { type MemoryPool, memoryPool, type TakenMemory, WASM_PAGE } from './memory-pool.ts';

/** What another thread needs to open the same slot; it can be sent through a message port. */
export interface SharedSlot {
  readonly memory: WebAssembly.Memory;
  readonly geometry: SlotGeometry;
  /** True when nobody has written its RAM, which is zero then; else the RAM holds anything until it is filled. */
  readonly isFresh: boolean;
}

/** A memslot as one thread sees it: a range of guest physical memory together with its control area. */
export interface Memslot {
  readonly layout: SlotLayout;
  readonly buffer: SharedArrayBuffer;
  readonly kernels: Kernels;
  /** The slot's guest RAM, from its first page on. */
  readonly ram: Uint8Array;
  /** The whole memory, control area and RAM, as words and as doubles. */
  readonly words: Int32Array;
  readonly doubles: Float64Array;
}

/** A slot would need more bytes than a WASM memory can have. */
export class SlotTooLargeError extends Error {
  override readonly name = 'SlotTooLargeError';
}

/**
 * Creates a slot that is all zero. The operating system gives it machine memory page by page at the first touch, so
 * prefault it before you time anything. Throws SlotTooLargeError.
 */
export function createSlot(geometry: SlotGeometry): SharedSlot {
  const wasmPages = checkedBytes(geometry) / WASM_PAGE;
  const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true });
  return { memory, geometry, isFresh: true };
}

/**
 * Makes a slot in a memory of the pool, to which `giveBackSlot` returns it. The control area is zero; the RAM is zero
 * only when the slot is fresh. Throws SlotTooLargeError.
 */
export function takeSlot(
  geometry: SlotGeometry,
  pool: Pick<MemoryPool, 'take'> = memoryPool,
): SharedSlot {
  const { memory, isFresh }: TakenMemory = pool.take(checkedBytes(geometry));
  if (!isFresh) fillBytes(new Uint8Array(memory.buffer, 0, slotLayout(geometry).ramOffset), 0);
  return { memory, geometry, isFresh };
}

/** Returns a slot's memory to the pool. From then on no thread may read or write it. */
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
      `a memslot of ${geometry.pages} pages needs ${totalBytes} bytes, but a WASM memory has ${MAX_SLOT_BYTES}`,
    );
  }
  return totalBytes;
}

/** Opens a slot in this thread, with the WASM kernels or, for the proof, with their TypeScript twin. */
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
