import { accessListAt, streamAt } from '../../src/memory/layout.ts';
import {
  STREAM_PAGE_SHIFT,
  STREAM_PAGES,
  STREAM_RAM,
  STREAM_WORDS,
} from '../../src/memory/kernels/abi.ts';
import type { Memslot } from '../../src/memory/memslot.ts';

/** One write of one word to a page, through the kernel, as a writer's stream would make it. */
export function writerAccess(
  slot: Memslot,
  writer: number,
  gfn: number,
  mark: number,
  map: number,
): void {
  const record = streamAt(slot.layout, writer);
  slot.words[(record + STREAM_PAGES) >>> 2] = slot.layout.pages;
  slot.words[(record + STREAM_WORDS) >>> 2] = 1;
  slot.words[(record + STREAM_PAGE_SHIFT) >>> 2] = slot.layout.pageShift;
  slot.words[(record + STREAM_RAM) >>> 2] = slot.layout.ramOffset;
  const list = accessListAt(slot.layout, writer);
  slot.words[list >>> 2] = gfn;
  slot.kernels.touch(record, 1, list, mark, map);
}
