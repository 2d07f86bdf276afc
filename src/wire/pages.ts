import { ENCODING } from './encodings.ts';
import { type FrameMemory, HEADER_BYTES } from './frame.ts';

/**
 * A page frame. Control part (u32 each, little-endian):
 *
 *   slot · page size · runs · sums · runs × (first gfn, encoding << 28 | pages) · sums × 8 bytes
 *
 * padded to 64 bytes; then the payload: the raw pages in the order of the runs. There is one sum
 * (page hash) a raw page with integrity `full`, none with `header`. What may be wrong with a frame
 * stands in decoder.ts.
 */
export type Integrity = 'full' | 'header';

export const ENCODING_SHIFT = 28;
export const COUNT_MASK = 0x0fffffff;
/** Bytes of the control part before its runs. */
export const FIXED_BYTES = 16;
export const PAYLOAD_ALIGNMENT = 64;

/** Room that a frame of `pages` pages may need. */
export function pageFrameRoom(pages: number, pageSize: number): number {
  const control = FIXED_BYTES + pages * 8 + pages * 8;
  return HEADER_BYTES + control + PAYLOAD_ALIGNMENT + pages * pageSize;
}

/** Lists the runs of a page frame that was built, or has been checked, at `at`. */
export function eachPageRun(
  { view }: FrameMemory,
  at: number,
  take: (slot: number, first: number, pages: number, isRaw: boolean) => void,
): void {
  const slot = view.getUint32(at + HEADER_BYTES, true);
  const runs = view.getUint32(at + HEADER_BYTES + 8, true);
  for (let i = 0; i < runs; i++) {
    const run = at + HEADER_BYTES + FIXED_BYTES + 8 * i;
    const word = view.getUint32(run + 4, true);
    const isRaw = word >>> ENCODING_SHIFT === ENCODING.raw;
    take(slot, view.getUint32(run, true), word & COUNT_MASK, isRaw);
  }
}

/** The sum of a page that only a version stands for: its low word; the high one is the version's complement. */
export const versionSum = (version: number): number => Math.imul(version, 0x9e3779b1) >>> 0;
