import { copyBytes } from '../memory/copy.ts';
import type { Memslot } from '../memory/memslot.ts';
import type { TakenRuns } from '../memory/page-set.ts';
import { type ChosenEncoding, compressorOf, ENCODING } from './encodings.ts';
import { FRAME, type FrameMemory, HEADER_BYTES, sealFrame } from './frame.ts';
import { BATCH_BYTES } from './limits.ts';
import type { EncodingMeter } from './meter.ts';
import { type Compression, Packer } from './packer.ts';
import { COUNT_MASK, ENCODING_SHIFT, FIXED_BYTES, type Integrity, padded } from './pages.ts';
import { sumPages } from './sums.ts';
import { countStaged, writeStaged } from './staged-frame.ts';
import { clearTally, type OpenTally, openTally, type PageTally, pagesOf } from './tally.ts';
import { Stager } from './stager.ts';
import { WordCoder } from './word-coder.ts';
import { Xbzrle } from './xbzrle.ts';
import { zeroMask } from './zero-mask.ts';

/** The settings of an encoder. */
export interface EncoderOptions {
  /** Whether page frames carry the sums of their raw pages. */
  readonly integrity: Integrity;
  /** The encodings that a page may be sent in, besides raw. */
  readonly encodings: readonly ChosenEncoding[];
  /** The size of the cache that the encoding `xbzrle` looks for pages in; 64 MiB by default. */
  readonly xbzrleCacheBytes?: number;
  /** The level of an encoding that compresses; absent for the method's usual one. */
  readonly compressionLevel?: number;
  /** How many bytes of pages are compressed as one block; a frame's by default. */
  readonly compressionBlockBytes?: number;
  /** Measures what making the frames costs. */
  readonly meter?: EncodingMeter;
}

/** QEMU's default (migration/options.c, DEFAULT_MIGRATE_XBZRLE_CACHE_SIZE). */
export const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024;

/** What one page frame holds. */
export interface EncodedPages {
  /** The number of bytes that the frame takes on the link. */
  readonly length: number;
  /** The number of bytes that it takes in memory, which are fewer if versions stand for its pages. */
  readonly storedLength: number;
  readonly tally: PageTally;
}

/**
 * Builds the page frames of one migration. It is opened once, at the migration's start, and may keep
 * what later frames need, such as a cache of pages or the context of a compressor.
 */
export interface Encoder {
  /**
   * Builds a page frame at byte `at` of the memory, from runs of a page set. Each page is read once: if
   * a scan sees only zeros, it is sent as a zero page; otherwise it is copied into the frame, and its
   * sum is computed from that copy. A vCPU may be writing the original meanwhile; then the page is
   * dirty and is sent again. The returned object is valid until the next call.
   */
  encode(taken: TakenRuns, memory: FrameMemory, at: number, sequence: number): EncodedPages;
  /** What sends the differences of pages, if the encodings have `xbzrle`. */
  readonly xbzrle?: Xbzrle | undefined;
  /** What compresses pages, if one of the encodings does. */
  readonly packer?: Packer | undefined;
}

/** Opens the encoder of one migration. Only encodings that send blocks ask for the size of the guest and of its pages. */
export function openEncoder(
  options: EncoderOptions,
  guest: { readonly pageSize: number; readonly pages: number } = { pageSize: 4096, pages: 0 },
): Encoder {
  return new PageEncoder(options, guest);
}

class PageEncoder implements Encoder {
  readonly #hasSums: boolean;
  readonly #seeksZeros: boolean;
  readonly #tally: OpenTally = openTally();
  readonly #encoded = { length: 0, storedLength: 0, tally: this.#tally };

  readonly #meter: EncodingMeter | undefined;
  readonly #stager: Stager | undefined;
  readonly xbzrle: Xbzrle | undefined;
  readonly packer: Packer | undefined;

  constructor(
    options: EncoderOptions,
    { pageSize, pages }: { readonly pageSize: number; readonly pages: number },
  ) {
    const { integrity, encodings, meter, xbzrleCacheBytes = DEFAULT_CACHE_BYTES } = options;
    this.#hasSums = integrity === 'full';
    this.#seeksZeros = encodings.includes('zero');
    this.#meter = meter;
    if (encodings.includes('xbzrle')) this.xbzrle = new Xbzrle(xbzrleCacheBytes, pageSize, pages);
    const compression = compressionOf(options, pageSize);
    if (compression) this.packer = new Packer(compression, pageSize, meter);
    const { xbzrle, packer } = this;
    if (!xbzrle && !packer) return;
    const coder = encodings.includes('mecom') ? new WordCoder(pageSize, meter) : undefined;
    const seeksZeros = this.#seeksZeros;
    this.#stager = new Stager({ pageSize, seeksZeros, xbzrle, packer, coder, meter });
  }

  encode(taken: TakenRuns, memory: FrameMemory, at: number, sequence: number): EncodedPages {
    const { slot } = taken;
    this.#meter?.begin();
    if (this.#stager?.isOn) {
      const staged = this.#stager.stage(taken);
      const length = writeStaged(slot, staged, { memory, at, sequence }, this.#hasSums);
      countStaged(this.#tally, staged, slot.layout.pageSize);
      this.#encoded.length = length;
      this.#encoded.storedLength = length;
      this.#meter?.end(ENCODING.raw);
      return this.#encoded;
    }
    const { pageSize, storedBytes } = slot.layout;
    const { view } = memory;
    const runsAt = at + HEADER_BYTES + FIXED_BYTES;
    const runs = listRuns(taken, view, runsAt, this.#seeksZeros);
    countRuns(this.#tally, view, runsAt, runs, pageSize);
    const rawPages = pagesOf(this.#tally, 'raw');
    const sums = this.#hasSums ? rawPages : 0;
    const sumsAt = runsAt + 8 * runs;
    const controlBytes = FIXED_BYTES + 8 * runs + 8 * sums;
    const payloadOffset = padded(HEADER_BYTES + controlBytes);
    const length = payloadOffset + rawPages * storedBytes;
    copyRaw(slot, memory, runsAt, runs, at + payloadOffset);
    sumPages(memory, at + payloadOffset, storedBytes, sums, sumsAt);
    view.setUint32(at + HEADER_BYTES, slot.layout.index, true);
    view.setUint32(at + HEADER_BYTES + 4, pageSize, true);
    view.setUint32(at + HEADER_BYTES + 8, runs, true);
    view.setUint32(at + HEADER_BYTES + 12, sums, true);
    sealFrame(memory, at, { type: FRAME.pages, sequence, controlBytes, payloadOffset, length });
    this.#encoded.length = payloadOffset + rawPages * pageSize;
    this.#encoded.storedLength = length;
    this.#meter?.end(ENCODING.raw);
    return this.#encoded;
  }
}

/** Returns how pages are compressed; undefined if they are not. */
function compressionOf(options: EncoderOptions, pageSize: number): Compression | undefined {
  const { encodings, compressionLevel: level, compressionBlockBytes = BATCH_BYTES } = options;
  const method = compressorOf(encodings);
  if (!method) return undefined;
  const blockPages = Math.max(1, Math.floor(compressionBlockBytes / pageSize));
  return {
    method,
    ...(level === undefined ? {} : { level }),
    blockPages,
    ...(encodings.includes('mecom') ? { words: true as const } : {}),
  };
}

/** Counts the pages of the runs by encoding, and the bytes that the raw ones take on the link. */
function countRuns(
  tally: OpenTally,
  view: DataView,
  runsAt: number,
  runs: number,
  pageSize: number,
): void {
  clearTally(tally);
  for (let i = 0; i < runs; i++) {
    const word = view.getUint32(runsAt + 8 * i + 4, true);
    tally.pages[word >>> ENCODING_SHIFT]! += word & COUNT_MASK;
  }
  tally.bytes[ENCODING.raw] = pagesOf(tally, 'raw') * pageSize;
}

/**
 * Writes the frame's runs to byte `out` of the view and returns their number. All pages of a run have
 * one encoding. A run has at most 32 pages if zero pages are looked for; otherwise it is as long as the
 * run of the page set.
 */
function listRuns(taken: TakenRuns, view: DataView, out: number, seeksZeros: boolean): number {
  let at = out;
  for (let i = 0; i < taken.runs; i++) {
    const end = taken.list[2 * i]! + taken.list[2 * i + 1]!;
    let gfn = taken.list[2 * i]!;
    while (gfn < end) {
      const count = seeksZeros ? Math.min(32, end - gfn) : end - gfn;
      let zeros = seeksZeros ? zeroMask(taken.slot, gfn, count) : 0;
      for (let left = count; left > 0;) {
        const isZero = (zeros & 1) === 1;
        // The number of pages up to the next one of the other encoding.
        const alike = Math.min(left, trailingZeros(isZero ? ~zeros : zeros, left));
        const encoding = isZero ? ENCODING.zero : ENCODING.raw;
        view.setUint32(at, gfn, true);
        view.setUint32(at + 4, ((encoding << ENCODING_SHIFT) | alike) >>> 0, true);
        at += 8;
        gfn += alike;
        left -= alike;
        if (left > 0) zeros >>>= alike;
      }
    }
  }
  return (at - out) / 8;
}

/** Returns how many of the pages are not zero, which are those that a frame carries. */
export function countRaw({ slot, runs, list }: TakenRuns): number {
  let raw = 0;
  for (let i = 0; i < runs; i++) {
    const end = list[2 * i]! + list[2 * i + 1]!;
    for (let gfn = list[2 * i]!; gfn < end; gfn += 32) {
      const count = Math.min(32, end - gfn);
      const zeros = zeroMask(slot, gfn, count);
      for (let bit = 0; bit < count; bit++) raw += 1 - ((zeros >>> bit) & 1);
    }
  }
  return raw;
}

/** Returns the number of zero bits below the lowest bit that is set, or `none` if none is set. */
function trailingZeros(word: number, none: number): number {
  return word === 0 ? none : 31 - Math.clz32(word & -word);
}

function copyRaw(slot: Memslot, memory: FrameMemory, runsAt: number, runs: number, to: number) {
  const { storedBytes } = slot.layout;
  let at = to;
  for (let i = 0; i < runs; i++) {
    const word = memory.view.getUint32(runsAt + 8 * i + 4, true);
    if (word >>> ENCODING_SHIFT !== ENCODING.raw) continue;
    const from = memory.view.getUint32(runsAt + 8 * i, true) * storedBytes;
    const bytes = (word & COUNT_MASK) * storedBytes;
    copyBytes(memory.bytes, at, slot.ram.subarray(from, from + bytes));
    at += bytes;
  }
}
