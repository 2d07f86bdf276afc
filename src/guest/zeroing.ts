import type { WriterMarks } from '../memory/dirty-logs/dirty-log.ts';
import type { WriterLocal } from '../memory/handshake/steps.ts';
import { MARK_ATOMIC } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import { markFresh } from './fresh.ts';

/**
 * The zeroings of a memory manager in order, five numbers each: the stream whose pages they are (-1 when they are no
 * stream's), how many accesses it had made by then (n), the slot, the first page in it, and the number of pages. The
 * last two are fractions when a part of a page was zeroed: page 5.25 and pages 0.25 are the second quarter of page 5.
 */
export type ZeroLog = readonly number[];

const ENTRY = 5;

/**
 * Zeroes `pages` pages of a slot from `page` on. Both may be fractions for a part of one page, except with backing
 * `versions`, whose pages have no parts.
 */
export function zeroPages({ layout, kernels, words }: Memslot, page: number, pages: number): void {
  const { storedBytes, ramOffset, backing } = layout;
  const at = ramOffset + page * storedBytes;
  if (backing === 'versions') words.fill(0, at >>> 2, (at >>> 2) + pages);
  else if (pages < 1) kernels.clearPages(at, pages * storedBytes, 1);
  else kernels.clearPages(at, storedBytes, pages);
}

/**
 * Marks `pages` pages of a slot as written from `page` on, in the way of the writer's log. A ring must have room for
 * them. The access list at `list` is overwritten.
 */
export function markPages(
  slot: Memslot,
  marks: WriterMarks,
  { epoch, writer }: Pick<WriterLocal, 'epoch' | 'writer'>,
  list: number,
  page: number,
  pages: number,
): void {
  const { words, layout } = slot;
  const map = marks.mapOf(layout, writer, epoch);
  if (marks.mark === MARK_ATOMIC) {
    for (let i = page; i < page + pages; i++) {
      Atomics.or(words, (map >>> 2) + (i >>> 5), 1 << (i & 31));
    }
    return;
  }
  for (let i = 0; i < pages; i++) words[(list >>> 2) + i] = page + i;
  const fresh = markFresh(slot, marks.mark, list, pages, map);
  marks.ring?.push(words, list >>> 2, fresh, layout.firstGfn, epoch);
}

/** Returns the zeroings of a stream, or for -1 those of pages without one, in order, as [n, slot, page, pages]. */
export function zeroingsOf(log: ZeroLog, stream: number): number[][] {
  const found: number[][] = [];
  for (let i = 0; i < log.length; i += ENTRY) {
    if (log[i] === stream) found.push(log.slice(i + 1, i + ENTRY));
  }
  return found;
}
