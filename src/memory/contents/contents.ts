import { fillBytes } from '../copy.ts';
import type { Backing } from '../layout.ts';
import type { Memslot } from '../memslot.ts';
import { hashWords } from '../../random/generator.ts';
import { fillDuplicate, fillMixed, fillRandom, fillText, type MixedShares } from './generators.ts';

export type ContentsKind = 'zero' | 'random' | 'text' | 'duplicate' | 'mixed' | 'file';

/** A memory image: raw (sparse or not), or one compressed with gzip or brotli. */
export interface ImageFile {
  /** Absolute. */
  readonly path: string;
  /** Bytes of the image, uncompressed, before its first page here. */
  readonly offset: number;
}

/** Whether an image is compressed, by its name. */
export function isCompressed(path: string): boolean {
  return /\.(?:gz|br)$/.test(path);
}

/** What a stretch of guest memory holds before the guest starts. */
export interface Contents {
  readonly firstGfn: number;
  readonly pages: number;
  readonly kind: ContentsKind;
  /** Share of the pages that are zero instead, 0 to 1. */
  readonly zeroShare: number;
  /** Of kind mixed. */
  readonly mixed?: MixedShares;
  /** Of kind file. */
  readonly image?: ImageFile;
}

/** A page's initial content as 32-bit words: a pure function of (seed, entry, gfn). */
type Fill = (
  page: Uint32Array,
  seed: number,
  entry: number,
  gfn: number,
  contents: Contents,
) => void;

/** A kind without one is zero at first: the bytes of a file are read in one go later. */
const FILLS: Readonly<Partial<Record<ContentsKind, Fill>>> = {
  random: fillRandom,
  text: fillText,
  duplicate: fillDuplicate,
  mixed: (page, seed, entry, gfn, { mixed }) => fillMixed(page, seed, entry, gfn, mixed),
};

/**
 * What a fill does with stretches of memory that are to be zero: `write` writes them, which prefaults
 * them too; `clear` writes only what is not zero; `leave` knows that they are zero, and touches nothing.
 */
export type ZeroFill = 'write' | 'clear' | 'leave';

/**
 * Writes the initial bytes of pages [firstPage, firstPage + pages) of a slot. Of several entries over
 * a page the last one wins; a page that none covers is zero. With `write` every page is written, so
 * this prefaults the RAM too.
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
    if (found && !isZeroKind(found, backing)) fill(slot, found, entry, seed, gfn, end);
    else zeroStretch(slot, gfn - firstGfn, end - gfn, zeros);
  });
}

/** The pages of a file count as written where versions stand for them. */
function isZeroKind({ kind }: Contents, backing: Backing): boolean {
  return backing === 'versions' ? kind === 'zero' : FILLS[kind] === undefined;
}

/** Calls `take` for every stretch of [from, to) that the same entry decides on; entry -1: none does. */
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
  // A kernel's addresses have 32 bits, and the end of the last page of a slot may lie at 2^32.
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

/** A page that is not zero has been written once. */
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

/** The entry that says what a page holds, -1 when none does. */
export function entryOf(contents: readonly Contents[], gfn: number): number {
  return contents.findLastIndex((c) => gfn >= c.firstGfn && gfn < c.firstGfn + c.pages);
}

/** Of the draws of an entry's pages those below are zero. */
function zeroThreshold({ zeroShare }: Contents): number {
  return Math.max(0, zeroShare * 4294967296);
}

function isZeroDraw(threshold: number, seed: number, entry: number, gfn: number): boolean {
  return threshold > 0 && hashWords(seed, entry, gfn, 0x2e70) < threshold;
}

/** What a destination's memory holds before anything has come. */
export const DESTINATION_FILLER = 0xa5;

/**
 * Prefaults a destination's RAM and fills it with a pattern: no first touch lands in a measurement,
 * and a page that never comes, a zero page too, shows in the proof.
 */
export function fillDestination(ram: Uint8Array): void {
  fillBytes(ram, DESTINATION_FILLER);
}
