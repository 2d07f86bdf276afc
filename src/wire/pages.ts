import { ENCODING } from './encodings.ts';
import { type Frame, type FrameMemory, HEADER_BYTES } from './frame.ts';
import { batchPages } from './limits.ts';
import { sumPages } from './sums.ts';

/**
 * A page frame has a control part of these fields (u32 each, little-endian):
 *
 *   slot · page size · runs · sums · runs × (first gfn, encoding << 28 | pages) · sums × 8 bytes · blocks × length
 *
 * It is padded so that the payload begins at a multiple of 64 bytes. The payload is the raw pages, in the
 * order of the runs, then the blocks of differences of the pages with encoding `xbzrle`, then those of compressed pages,
 * of which so many come in one block as HELLO has said. With integrity `full` there is one sum (the page hash) for each
 * raw page, and behind them one for each other page that is not zero; with `header` there is none. The checks that a frame must pass are in decoder.ts.
 */
export type Integrity = 'full' | 'header';

/** The second word of a run holds the encoding above this bit and the number of pages below it. */
export const ENCODING_SHIFT = 28;
export const COUNT_MASK = 0x0fffffff;
/** The number of bytes of the control part before its runs. */
export const FIXED_BYTES = 16;
/** The payload begins at a multiple of this many bytes from the frame's start. */
export const PAYLOAD_ALIGNMENT = 64;

/** Returns the least multiple of that which is not less than so many bytes. */
export const padded = (bytes: number): number =>
  Math.ceil(bytes / PAYLOAD_ALIGNMENT) * PAYLOAD_ALIGNMENT;

/** Returns the largest number of bytes that a frame of `pages` pages may need. */
export function pageFrameRoom(pages: number, pageSize: number, hasBlocks = false): number {
  const control = FIXED_BYTES + pages * 8 + pages * 8 + (hasBlocks ? pages * 4 : 0);
  return HEADER_BYTES + control + PAYLOAD_ALIGNMENT + pages * pageSize;
}

/**
 * Calls `take` for each run of the page frame at byte `at`, which this side has built or checked.
 * `first` is a page of the memslot with the index `slot`.
 */
export function eachPageRun(
  { view }: FrameMemory,
  at: number,
  take: (slot: number, first: number, pages: number, encoding: number) => void,
): void {
  const slot = view.getUint32(at + HEADER_BYTES, true);
  const runs = view.getUint32(at + HEADER_BYTES + 8, true);
  for (let i = 0; i < runs; i++) {
    const run = at + HEADER_BYTES + FIXED_BYTES + 8 * i;
    const word = view.getUint32(run + 4, true);
    take(slot, view.getUint32(run, true), word & COUNT_MASK, word >>> ENCODING_SHIFT);
  }
}

/**
 * Adds to `pages`, by encoding, how many pages a page frame brings as blocks. The frame may have any control part, since
 * a receiver asks before it has checked the frame: of one that will be refused, it counts at most what a frame may carry.
 */
export function countBlockPages(
  { memory, controlAt, controlEnd }: Frame,
  pageSize: number,
  pages: number[],
): void {
  if (controlEnd - controlAt < FIXED_BYTES) return;
  const named = memory.view.getUint32(controlAt + 8, true);
  const runs = Math.min(named, Math.floor((controlEnd - controlAt - FIXED_BYTES) / 8));
  let left = batchPages(pageSize);
  for (let i = 0; i < runs && left > 0; i++) {
    const word = memory.view.getUint32(controlAt + FIXED_BYTES + 8 * i + 4, true);
    const encoding = word >>> ENCODING_SHIFT;
    const isPlain = encoding === ENCODING.raw || encoding === ENCODING.zero;
    if (isPlain || encoding >= pages.length) continue;
    const count = Math.min(left, word & COUNT_MASK);
    pages[encoding]! += count;
    left -= count;
  }
}

/**
 * Calls `take` with the sum of each page of the page frame at byte `at`, which this side has built, but for zero pages:
 * the sum that the frame carries, else that of the raw page in the frame. A frame without sums says nothing of pages in
 * blocks. `page` counts within the memslot.
 */
export function eachSentSum(
  memory: FrameMemory,
  at: number,
  storedBytes: number,
  take: (page: number, low: number, high: number) => void,
): void {
  const { view, scratch } = memory;
  const hasSums = view.getUint32(at + HEADER_BYTES + 12, true) > 0;
  const runs = view.getUint32(at + HEADER_BYTES + 8, true);
  const sumsAt = at + HEADER_BYTES + FIXED_BYTES + 8 * runs;
  const payloadAt = at + view.getUint32(at + 20, true);
  let raw = 0;
  let blockSumAt = sumsAt;
  eachPageRun(memory, at, (_, _first, pages, encoding) => {
    if (encoding === ENCODING.raw) blockSumAt += 8 * pages;
  });
  eachPageRun(memory, at, (_, first, pages, encoding) => {
    if (encoding === ENCODING.zero) return;
    if (encoding !== ENCODING.raw) {
      if (!hasSums) return;
      for (let page = first; page < first + pages; page++, blockSumAt += 8) {
        take(page, view.getUint32(blockSumAt, true), view.getUint32(blockSumAt + 4, true));
      }
      return;
    }
    for (let page = first; page < first + pages; page++, raw++) {
      const sum = hasSums ? sumsAt + 8 * raw : scratch;
      if (!hasSums) sumPages(memory, payloadAt + raw * storedBytes, storedBytes, 1, sum);
      take(page, view.getUint32(sum, true), view.getUint32(sum + 4, true));
    }
  });
}
