import { hashWords } from '../../random/generator.ts';
import { fillDuplicate, fillMixed, fillRandom, fillText } from './generators.ts';

export type ContentsKind = 'zero' | 'random' | 'text' | 'duplicate' | 'mixed';

/** What a stretch of guest memory holds before the guest starts. */
export interface Contents {
  readonly firstGfn: number;
  readonly pages: number;
  readonly kind: ContentsKind;
  /** Share of the pages that are zero instead, 0 to 1. */
  readonly zeroShare: number;
}

/** A page's initial content as 32-bit words: a pure function of (seed, entry, gfn). */
type Fill = (page: Uint32Array, seed: number, entry: number, gfn: number) => void;

const FILLS: Readonly<Record<ContentsKind, Fill>> = {
  zero: (page) => page.fill(0),
  random: fillRandom,
  text: fillText,
  duplicate: fillDuplicate,
  mixed: fillMixed,
};

/**
 * Writes the initial bytes of pages [firstGfn, firstGfn + pages) to `ram` (the slot's RAM, page 0
 * first). Of several entries over a page the last one wins; a page that none covers is zero. Every
 * page is written, so this prefaults the RAM too.
 */
export function fillPages(
  ram: Uint8Array,
  pageSize: number,
  contents: readonly Contents[],
  seed: number,
  firstGfn: number,
  pages: number,
): void {
  for (let gfn = firstGfn; gfn < firstGfn + pages; gfn++) {
    const page = new Uint32Array(ram.buffer, ram.byteOffset + gfn * pageSize, pageSize / 4);
    const entry = contents.findLastIndex((c) => gfn >= c.firstGfn && gfn < c.firstGfn + c.pages);
    const found = contents[entry];
    if (!found || isZeroPage(found, seed, entry, gfn)) page.fill(0);
    else FILLS[found.kind](page, seed, entry, gfn);
  }
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
