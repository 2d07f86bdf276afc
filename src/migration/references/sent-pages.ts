import type { Memslot } from '../../memory/memslot.ts';
import { copyBytes } from '../../memory/copy.ts';
import type { Kernels } from '../../memory/kernels/kernels.ts';
import { loadKernels } from '../../memory/kernels/load.ts';
import { WASM_PAGE } from '../../memory/memory-pool.ts';
import { crc32c } from '../../wire/crc32c.ts';
import { batchPages } from '../../wire/limits.ts';
import { SentTable } from './sent-table.ts';

/** The most memory that the table takes: 4 Mi pages, which are 16 GiB of different pages of 4 KiB. */
export const MOST_TABLE_BYTES = 64 * 1024 * 1024;

/**
 * What a host knows of the pages that it has sent to another host, for the guests that move there: the table, and a
 * number for each guest. All of these guests have pages of one size.
 */
export class SentPages {
  readonly table: SentTable;
  readonly copies: PageCopies;
  /** When the last page frame of each guest arrives, on the clock that all of the migrations share. */
  readonly arrivalsNs: number[] = [];

  /** `mostPages` is how many pages all of the guests have together. */
  constructor(pageSize: number, mostBytes: number, mostPages: number) {
    this.table = new SentTable(mostBytes, mostPages);
    this.copies = new PageCopies(pageSize);
  }

  /** Returns the number of a guest that begins to move. */
  join(): number {
    return this.arrivalsNs.push(0) - 1;
  }
}

/** Copies of the pages of a batch, with their sums: what is hashed is never what a vCPU may be writing. */
export class PageCopies {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #kernels: Kernels;
  readonly #pageSize: number;
  readonly #hashes: number;
  readonly #zeroLow: number;
  readonly #zeroHigh: number;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
    const pages = batchPages(pageSize);
    this.#hashes = pages * pageSize;
    const wasmPages = Math.ceil((this.#hashes + 8 * pages) / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true });
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#kernels = loadKernels(memory);
    // The memory is still zero.
    this.#kernels.hashPages(0, pageSize, 1, this.#hashes);
    [this.#zeroLow, this.#zeroHigh] = [this.lowOf(0), this.highOf(0)];
  }

  /** Copies a run of at most a batch of pages, which begins at a page of a slot, and hashes the copies. */
  take({ ram }: Memslot, page: number, pages: number): void {
    const size = this.#pageSize;
    copyBytes(this.#bytes, 0, ram.subarray(page * size, (page + pages) * size));
    this.#kernels.hashPages(0, size, pages, this.#hashes);
  }

  /** The two words of the hash of a copy, which is counted from the run's first page. */
  lowOf(copy: number): number {
    return this.#view.getUint32(this.#hashes + 8 * copy, true);
  }

  highOf(copy: number): number {
    return this.#view.getUint32(this.#hashes + 8 * copy + 4, true);
  }

  /** Whether a copy has the hash of a page of zeros. */
  isZero(copy: number): boolean {
    return this.lowOf(copy) === this.#zeroLow && this.highOf(copy) === this.#zeroHigh;
  }

  /** Returns the CRC-32C of a copy. */
  crcOf(copy: number): number {
    return crc32c(this.#bytes, copy * this.#pageSize, (copy + 1) * this.#pageSize);
  }
}
