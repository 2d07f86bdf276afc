import type { Kernels } from '../memory/kernels/kernels.ts';
import { loadKernels } from '../memory/kernels/load.ts';
import { WASM_PAGE } from '../memory/memory-pool.ts';
import type { Compressor } from './compressors/compressor.ts';
import { openCompressor } from './compressors/registry.ts';
import { ENCODING } from './encodings.ts';
import { batchPages } from './limits.ts';
import type { Compression } from './packer.ts';

/** What a receiver must know of how pages are compressed. */
export type AgreedCompression = Pick<Compression, 'method' | 'blockPages'>;

/** Takes blocks of compressed pages apart, into memory of its own, which has room for the pages of one frame. */
export class Unpacker {
  readonly encoding: number;
  readonly blockPages: number;
  readonly #compressor: Compressor;
  readonly #pageSize: number;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #kernels: Kernels;
  readonly #hashAt: number;
  #block = Buffer.alloc(0);

  constructor({ method, blockPages }: AgreedCompression, pageSize: number) {
    this.encoding = ENCODING[method];
    this.blockPages = blockPages;
    this.#compressor = openCompressor(method);
    this.#pageSize = pageSize;
    this.#hashAt = batchPages(pageSize) * pageSize;
    const wasmPages = Math.ceil((this.#hashAt + 64) / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true });
    this.#bytes = new Uint8Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.#kernels = loadKernels(memory);
  }

  /** Returns how many blocks so many pages of a frame take. */
  blocksOf(pages: number): number {
    return Math.ceil(pages / this.blockPages);
  }

  /** Takes a block apart, of which `first` is the index of its first page among the frame's `pages` compressed pages. */
  unpack(block: Uint8Array, first: number, pages: number): boolean {
    const count = Math.min(this.blockPages, pages - first);
    if (block.length > this.#block.length) this.#block = Buffer.alloc(block.length);
    // What is checked must be what is used, so that nobody may change the block meanwhile.
    this.#block.set(block);
    const into = this.#bytes.subarray(first * this.#pageSize, (first + count) * this.#pageSize);
    return this.#compressor.decompress(this.#block.subarray(0, block.length), into);
  }

  /** Returns the bytes of a page by its index among the frame's compressed pages. */
  pageAt(index: number): Uint8Array {
    return this.#bytes.subarray(index * this.#pageSize, (index + 1) * this.#pageSize);
  }

  /** Whether a page, by that index, has this sum. */
  hasSum(index: number, low: number, high: number): boolean {
    this.#kernels.hashPages(index * this.#pageSize, this.#pageSize, 1, this.#hashAt);
    const at = this.#hashAt >>> 2;
    return low === this.#words[at] && high === this.#words[at + 1];
  }
}
