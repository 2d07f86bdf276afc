import type { Kernels } from '../memory/kernels/kernels.ts';
import { loadKernels } from '../memory/kernels/load.ts';
import { WASM_PAGE } from '../memory/memory-pool.ts';
import type { Compressor } from './compressors/compressor.ts';
import { openCompressor } from './compressors/registry.ts';
import { applyDictionaryWords } from './dictionary-words.ts';
import { ENCODING } from './encodings.ts';
import { batchPages } from './limits.ts';
import type { Compression } from './packer.ts';
import { applyXorRuns } from './xor-runs.ts';

/** What a receiver must know of how pages are compressed. */
export type AgreedCompression = Pick<Compression, 'method' | 'blockPages' | 'words'>;

/**
 * Takes blocks of compressed pages, and of the words of pages, apart, into memory of its own, which has room for the pages
 * of one frame. The compressed pages of a frame come first there, in their order, then those of words.
 */
export class Unpacker {
  readonly encoding: number;
  readonly blockPages: number;
  /** Whether pages may come as their words. */
  readonly takesWords: boolean;
  readonly #compressor: Compressor;
  readonly #pageSize: number;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #kernels: Kernels;
  readonly #hashAt: number;
  #block = Buffer.alloc(0);

  constructor({ method, blockPages, words }: AgreedCompression, pageSize: number) {
    this.encoding = ENCODING[method];
    this.blockPages = blockPages;
    this.takesWords = words === true;
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
    const into = this.#bytes.subarray(first * this.#pageSize, (first + count) * this.#pageSize);
    return this.#compressor.decompress(this.#copy(block), into);
  }

  /** Makes a page, by its index among the pages of the frame that are made here, of its words. */
  unpackWords(block: Uint8Array, index: number, encoding: number): boolean {
    const into = this.pageAt(index);
    const own = this.#copy(block);
    if (encoding === ENCODING.words) return applyDictionaryWords(into, own);
    into.fill(0);
    return applyXorRuns(into, own, 0, own.length);
  }

  /** Copies a block: what is checked must be what is used, so nobody may change it meanwhile. */
  #copy(block: Uint8Array): Buffer {
    if (block.length > this.#block.length) this.#block = Buffer.alloc(block.length);
    this.#block.set(block);
    return this.#block.subarray(0, block.length);
  }

  /** Returns the bytes of a page that has been made here. */
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
