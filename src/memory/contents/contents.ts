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

const FILLS: Readonly<Record<ContentsKind, Fill>> = {
  zero: (page) => page.fill(0),
  random: fillRandom,
  text: fillText,
  duplicate: fillDuplicate,
  mixed: (page, seed, entry, gfn, { mixed }) => fillMixed(page, seed, entry, gfn, mixed),
  // The image is read in one go once all pages have been touched.
  file: (page) => page.fill(0),
};

/**
 * Writes the initial bytes of pages [firstPage, firstPage + pages) of a slot. Of several entries over
 * a page the last one wins; a page that none covers is zero. Every page is written, so this prefaults
 * the RAM too.
 */
export function fillPages(
  { ram, layout }: Pick<Memslot, 'ram' | 'layout'>,
  contents: readonly Contents[],
  seed: number,
  firstPage: number,
  pages: number,
): void {
  if (layout.backing === 'versions') {
    fillVersions({ ram, layout }, contents, seed, firstPage, pages);
    return;
  }
  const { pageSize } = layout;
  for (let index = firstPage; index < firstPage + pages; index++) {
    const gfn = layout.firstGfn + index;
    const page = new Uint32Array(ram.buffer, ram.byteOffset + index * pageSize, pageSize / 4);
    const entry = entryOf(contents, gfn);
    const found = contents[entry];
    if (!found || isZeroPage(found, seed, entry, gfn)) page.fill(0);
    else FILLS[found.kind](page, seed, entry, gfn, found);
  }
}

/** A page that is not zero has been written once. */
function fillVersions(
  { ram, layout }: Pick<Memslot, 'ram' | 'layout'>,
  contents: readonly Contents[],
  seed: number,
  firstPage: number,
  pages: number,
): void {
  const versions = new Uint32Array(ram.buffer, ram.byteOffset, layout.pages);
  for (let page = firstPage; page < firstPage + pages; page++) {
    const gfn = layout.firstGfn + page;
    const entry = contents.length === 1 && covers(contents[0]!, gfn) ? 0 : entryOf(contents, gfn);
    const found = contents[entry];
    const isZero = !found || found.kind === 'zero' || isZeroPage(found, seed, entry, gfn);
    versions[page] = isZero ? 0 : 1;
  }
}

function covers({ firstGfn, pages }: Contents, gfn: number): boolean {
  return gfn >= firstGfn && gfn < firstGfn + pages;
}

/** The entry that says what a page holds, -1 when none does. */
export function entryOf(contents: readonly Contents[], gfn: number): number {
  return contents.findLastIndex((c) => gfn >= c.firstGfn && gfn < c.firstGfn + c.pages);
}

function isZeroPage(contents: Contents, seed: number, entry: number, gfn: number): boolean {
  if (contents.zeroShare <= 0) return false;
  return hashWords(seed, entry, gfn, 0x2e70) < contents.zeroShare * 4294967296;
}

/** What a destination's memory holds before anything has come. */
export const DESTINATION_FILLER = 0xa5;

/**
 * Prefaults a destination's RAM and fills it with a pattern: no first touch lands in a measurement,
 * and a page that never comes, a zero page too, shows in the proof.
 */
export function fillDestination(ram: Uint8Array): void {
  ram.fill(DESTINATION_FILLER);
}
