import { fillBytes } from '../copy.ts';
import type { Backing } from '../layout.ts';
import type { Memslot } from '../memslot.ts';
import { hashWords } from '../../random/generator.ts';
import { fillDuplicate, fillMixed, fillRandom, fillText, type MixedShares } from './generators.ts';

export type ContentsKind = 'zero' | 'random' | 'text' | 'duplicate' | 'mixed' | 'file';

/** A memory image: a raw file (sparse or not), or one that gzip or brotli has compressed. */
export interface ImageFile {
  /** The file's absolute path. */
  readonly path: string;
  /** The number of bytes of the uncompressed image that come before the first page used here. */
  readonly offset: number;
}

/** Whether an image is compressed, which the end of its name (.gz or .br) says. */
export function isCompressed(path: string): boolean {
  return /\.(?:gz|br)$/.test(path);
}

/** What a stretch of guest memory holds before the guest starts. */
export interface Contents {
  readonly firstGfn: number;
  readonly pages: number;
  readonly kind: ContentsKind;
  /** The share of the pages that are zero instead, 0 to 1. */
  readonly zeroShare: number;
  /** Its own seed in place of the guest's: guests with the same seed have equal pages at equal gfns. */
  readonly seed?: number;
  /** The shares of kind `mixed`; the measured ones when absent. */
  readonly mixed?: MixedShares;
  /** The image of kind `file`. */
  readonly image?: ImageFile;
}

/** Writes a page's initial contents, 32-bit words that depend on nothing but (seed, entry, gfn) and `contents`. */
type Fill = (
  page: Uint32Array,
  seed: number,
  entry: number,
  gfn: number,
  contents: Contents,
) => void;

/** The fill of each kind. Pages of a kind without one are zeroed here; a file's bytes are read into them later. */
const FILLS: Readonly<Partial<Record<ContentsKind, Fill>>> = {
  random: fillRandom,
  text: fillText,
  duplicate: fillDuplicate,
  mixed: (page, seed, entry, gfn, { mixed }) => fillMixed(page, seed, entry, gfn, mixed),
};

/**
 * What a fill does with ranges of memory that are to be zero: `write` writes zeros, which prefaults them too; `clear`
 * writes only pages that are not zero yet; `leave` touches nothing, because the caller knows that they are zero.
 */
export type ZeroFill = 'write' | 'clear' | 'leave';

/**
 * Writes the initial contents of the pages [firstPage, firstPage + pages) of a slot, which count from its first page.
 * Where several entries cover a page the last one holds; a page that none covers is zero. With `write` every page is
 * written, so that this prefaults the RAM too.
 */
export function fillPages(
  slot: Memslot,
  contents: readonly Contents[],
  seed: number,
  firstPage: number,
  pages: number,
  zeros: ZeroFill = 'write',
): void {
  const { firstGfn, backing } = slot.layout;
  const fill = backing === 'versions' ? fillVersions : fillContents;
  const [from, to] = [firstGfn + firstPage, firstGfn + firstPage + pages];
  eachStretch(contents, from, to, (entry, gfn, end) => {
    const found = contents[entry];
    if (found && !isZeroKind(found, backing)) {
      // Contents with a seed of their own are the same wherever they stand in the list.
      const origin =
        found.seed === undefined ? ([entry, seed] as const) : ([0, found.seed] as const);
      fill(slot, found, ...origin, gfn, end);
    } else zeroStretch(slot, gfn - firstGfn, end - gfn, zeros);
  });
}

/** Whether pages of a kind are zeroed here. Where versions stand for pages, those of a file count as written once. */
function isZeroKind({ kind }: Contents, backing: Backing): boolean {
  return backing === 'versions' ? kind === 'zero' : FILLS[kind] === undefined;
}

/** Calls `take` for every part of [from, to) that one entry decides on; `entry` is -1 where none covers it. */
function eachStretch(
  contents: readonly Contents[],
  from: number,
  to: number,
  take: (entry: number, from: number, to: number) => void,
): void {
  const borders = contents.flatMap(({ firstGfn, pages }) => [firstGfn, firstGfn + pages]);
  const inside = borders.filter((gfn) => gfn > from && gfn < to);
  let at = from;
  for (const end of [...new Set(inside), to].toSorted((a, b) => a - b)) {
    if (end > at) take(entryOf(contents, at), at, end);
    at = end;
  }
}

function zeroStretch(slot: Memslot, firstPage: number, pages: number, zeros: ZeroFill): void {
  if (zeros === 'leave') return;
  const { storedBytes, ramOffset, backing } = slot.layout;
  const at = firstPage * storedBytes;
  // A kernel's addresses have 32 bits, but a slot's last page may end at 2^32, so it is not left to the kernel.
  const scanned = zeros === 'clear' && backing === 'bytes' ? pages - 1 : 0;
  if (scanned > 0) slot.kernels.clearPages(ramOffset + at, storedBytes, scanned);
  fillBytes(slot.ram.subarray(at + scanned * storedBytes, at + pages * storedBytes), 0);
}

function fillContents(
  { ram, layout }: Memslot,
  found: Contents,
  entry: number,
  seed: number,
  from: number,
  to: number,
): void {
  const { pageSize, firstGfn } = layout;
  const fill = FILLS[found.kind]!;
  const threshold = zeroThreshold(found);
  for (let gfn = from; gfn < to; gfn++) {
    const at = ram.byteOffset + (gfn - firstGfn) * pageSize;
    const page = new Uint32Array(ram.buffer, at, pageSize / 4);
    if (isZeroDraw(threshold, seed, entry, gfn)) page.fill(0);
    else fill(page, seed, entry, gfn, found);
  }
}

/** Writes versions: 0 for a page that is to be zero, 1 for any other, which counts as written once. */
function fillVersions(
  { ram, layout }: Memslot,
  found: Contents,
  entry: number,
  seed: number,
  from: number,
  to: number,
): void {
  const { firstGfn } = layout;
  const versions = new Uint32Array(ram.buffer, ram.byteOffset, layout.pages);
  if (found.zeroShare <= 0) {
    versions.fill(1, from - firstGfn, to - firstGfn);
    return;
  }
  const threshold = zeroThreshold(found);
  for (let gfn = from; gfn < to; gfn++) {
    versions[gfn - firstGfn] = isZeroDraw(threshold, seed, entry, gfn) ? 0 : 1;
  }
}

/** Returns the index of the entry that says what a page holds, -1 when none covers it. */
export function entryOf(contents: readonly Contents[], gfn: number): number {
  return contents.findLastIndex((c) => gfn >= c.firstGfn && gfn < c.firstGfn + c.pages);
}

/** Returns the threshold below which a page's 32-bit draw makes it a zero page. */
function zeroThreshold({ zeroShare }: Contents): number {
  return Math.max(0, zeroShare * 4294967296);
}

function isZeroDraw(threshold: number, seed: number, entry: number, gfn: number): boolean {
  return threshold > 0 && hashWords(seed, entry, gfn, 0x2e70) < threshold;
}

/** The byte that fills a destination's memory before anything has arrived. */
export const DESTINATION_FILLER = 0xa5;

/**
 * Fills a destination's RAM with DESTINATION_FILLER. That prefaults it, so that no first touch falls into a
 * measurement; and the proof notices a page that never arrives, even a zero page.
 */
export function fillDestination(ram: Uint8Array): void {
  fillBytes(ram, DESTINATION_FILLER);
}
