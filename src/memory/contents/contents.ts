import { fillBytes } from '../copy.ts';
import type { Backing } from '../layout.ts';
import type { Memslot } from '../memslot.ts';
import { hashOn, hashSeed } from '../../random/generator.ts';
import {
  type Draw,
  drawDuplicate,
  drawMixed,
  drawRandom,
  drawText,
  MADE_ZERO,
  makePage,
  type MixedShares,
  type Recipe,
  RECIPE_WORDS,
} from './generators.ts';

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

/** How each kind is drawn. Pages of a kind that is not here are zeroed; a file's bytes are read into them later. */
const DRAWS: Readonly<Partial<Record<ContentsKind, Draw>>> = {
  random: drawRandom,
  text: drawText,
  duplicate: drawDuplicate,
  mixed: drawMixed,
};

/** The version of a page that holds what it was filled with: no count of writes since it was zero comes near it. */
export const FILLED_VERSION = 0x80000000;

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
      fill(slot, found, ...originOf(found, entry, seed), gfn, end);
    } else zeroStretch(slot, gfn - firstGfn, end - gfn, zeros);
  });
}

/** Returns the entry's number and the seed of what is drawn. With a seed of its own an entry is the same anywhere. */
function originOf(found: Contents, entry: number, seed: number): readonly [number, number] {
  return found.seed === undefined ? [entry, seed] : [0, found.seed];
}

/** Whether pages of a kind are zeroed here. Where versions stand for pages, those of a file are not. */
function isZeroKind({ kind }: Contents, backing: Backing): boolean {
  return backing === 'versions' ? kind === 'zero' : DRAWS[kind] === undefined;
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
  const draw = DRAWS[found.kind]!;
  const threshold = zeroThreshold(found);
  const recipe: Recipe = new Int32Array(RECIPE_WORDS);
  for (let gfn = from; gfn < to; gfn++) {
    const at = ram.byteOffset + (gfn - firstGfn) * pageSize;
    const page = new Uint32Array(ram.buffer, at, pageSize / 4);
    if (isZeroDraw(threshold, seed, entry, gfn)) page.fill(0);
    else {
      draw(recipe, seed, entry, gfn, found.mixed);
      makePage(page, recipe);
    }
  }
}

/**
 * Writes the recipe of a page's initial contents to `recipe`, without making them. Throws an Error for a page of an image,
 * which has no recipe.
 */
export function recipeOf(
  contents: readonly Contents[],
  seed: number,
  gfn: number,
  recipe: Recipe,
): void {
  const entry = entryOf(contents, gfn);
  const found = contents[entry];
  if (found?.kind === 'file') throw new Error(`page ${gfn} is of an image, which has no recipe`);
  if (found && found.kind !== 'zero') {
    const [number, origin] = originOf(found, entry, seed);
    if (!isZeroDraw(zeroThreshold(found), origin, number, gfn)) {
      DRAWS[found.kind]!(recipe, origin, number, gfn, found.mixed);
      return;
    }
  }
  recipe.fill(0);
  recipe[0] = MADE_ZERO;
}

/** Writes versions: 0 for a page that is to be zero, FILLED_VERSION for any other. */
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
    versions.fill(FILLED_VERSION, from - firstGfn, to - firstGfn);
    return;
  }
  const threshold = zeroThreshold(found);
  for (let gfn = from; gfn < to; gfn++) {
    versions[gfn - firstGfn] = isZeroDraw(threshold, seed, entry, gfn) ? 0 : FILLED_VERSION;
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
  return threshold > 0 && hashOn(hashOn(hashOn(hashSeed(seed), entry), gfn), 0x2e70) < threshold;
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
