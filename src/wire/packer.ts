import { type CompressorName, openCompressor } from './compressors/registry.ts';
import { ENCODING } from './encodings.ts';
import { batchPages } from './limits.ts';
import type { EncodingMeter } from './meter.ts';
import { type StagedPages, stagedAt } from './staged-pages.ts';

/** How the pages of a migration are compressed. */
export interface Compression {
  readonly method: CompressorName;
  /** The level of a method that has some; absent for its usual one. */
  readonly level?: number;
  /** How many pages are compressed together, at most a frame's. */
  readonly blockPages: number;
  /** Whether pages may also come as their words (word-coder.ts). */
  readonly words?: true | undefined;
}

/** What compression did. The first two are QEMU's `pages` and `compressed-size` (qapi/migration.json, CompressionStats). */
export interface CompressionCounts {
  /** Pages that were sent compressed. */
  readonly pages: number;
  /** The bytes of their blocks. */
  readonly compressedBytes: number;
  /** Pages that were compressed in vain, and so sent raw. */
  readonly incompressiblePages: number;
  /** Pages that were sent raw untried, after such pages. */
  readonly skippedPages: number;
}

/** A block must save this share of its bytes, else its pages are sent raw, which is cheaper for both sides. */
const LEAST_SAVED = 1 / 16;
/** After pages that were compressed in vain, so many at most are sent untried. */
const MOST_SKIPPED = 1024;

/**
 * Compresses the pages of a frame that are still raw, several of them as one block. What does not compress often lies
 * together, such as pages of encrypted or compressed files. So pages that were compressed in vain let as many after them
 * go untried; each time that the next try is in vain as well, twice as many.
 */
export class Packer {
  readonly compression: Compression;
  readonly counts: { -readonly [Key in keyof CompressionCounts]: number } = {
    pages: 0,
    compressedBytes: 0,
    incompressiblePages: 0,
    skippedPages: 0,
  };
  readonly #compressor;
  readonly #encoding: number;
  readonly #pageSize: number;
  readonly #meter: EncodingMeter | undefined;
  /** The pages of one block, one behind the other. */
  readonly #block: Buffer;
  /** The indices of these pages among the staged ones. */
  readonly #indices: Uint32Array;
  #gathered = 0;
  /** How many pages are still to be sent untried, and how many after the next failure. */
  #toSkip = 0;
  #nextSkip = 0;

  constructor(compression: Compression, pageSize: number, meter?: EncodingMeter) {
    const { method, level, blockPages } = compression;
    const most = Math.min(blockPages, batchPages(pageSize));
    this.compression = { ...compression, blockPages: most };
    this.#compressor = openCompressor(method, level);
    this.#encoding = ENCODING[method];
    this.#pageSize = pageSize;
    this.#meter = meter;
    this.#block = Buffer.alloc(most * pageSize);
    this.#indices = new Uint32Array(most);
  }

  /** Compresses pages of a frame, in its order; only the frame's last block may have fewer pages than the others. */
  pack(staged: StagedPages): void {
    for (let index = 0; index < staged.count; index++) {
      if (staged.kinds[index] !== ENCODING.raw) continue;
      const at = this.#gathered * this.#pageSize;
      this.#block.set(stagedAt(staged, index, this.#pageSize), at);
      this.#indices[this.#gathered++] = index;
      if (this.#gathered === this.#indices.length) this.#close(staged);
    }
    if (this.#gathered > 0) this.#close(staged);
    this.#meter?.end(this.#encoding);
  }

  #close(staged: StagedPages): void {
    const pages = this.#gathered;
    this.#gathered = 0;
    const { counts } = this;
    if (this.#toSkip > 0) {
      this.#toSkip = Math.max(0, this.#toSkip - pages);
      counts.skippedPages += pages;
      return;
    }
    const bytes = pages * this.#pageSize;
    const packed = this.#compressor.compress(this.#block.subarray(0, bytes));
    this.#meter?.tried(pages);
    if (!staged.packed.add(packed, bytes * (1 - LEAST_SAVED))) {
      counts.incompressiblePages += pages;
      this.#nextSkip = Math.min(MOST_SKIPPED, Math.max(pages, 2 * this.#nextSkip));
      this.#toSkip = this.#nextSkip;
      return;
    }
    this.#nextSkip = 0;
    counts.pages += pages;
    counts.compressedBytes += packed.length;
    for (let i = 0; i < pages; i++) staged.kinds[this.#indices[i]!] = this.#encoding;
  }
}
