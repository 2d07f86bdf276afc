import { accessListAt, streamAt } from '../../src/memory/layout.ts';
import {
  MARK_NONE,
  STREAM_PAGE_SHIFT,
  STREAM_PAGES,
  STREAM_RAM,
  STREAM_WORDS,
} from '../../src/memory/kernels/abi.ts';
import type { WriterMarks } from '../../src/memory/dirty-logs/dirty-log.ts';
import { type GuestMemory, slotOf } from '../../src/memory/guest-memory.ts';
import type { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import type { Memslot } from '../../src/memory/memslot.ts';

/** Writes one word of a page through the kernel, as a writer's stream would. */
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

/** Writes one page of a guest and marks it as a vCPU would. */
export function markedWrite(
  memory: GuestMemory,
  { local }: WriterHandshake,
  marks: WriterMarks,
  gfn: number,
): void {
  const slot = slotOf(memory, gfn);
  const { layout } = slot;
  const map = marks.mapOf(layout, local.writer, local.epoch);
  const mark = local.mode === 0 ? MARK_NONE : marks.mark;
  writerAccess(slot, local.writer, gfn - layout.firstGfn, mark, map);
  if (local.mode === 0 || !marks.ring) return;
  const list = accessListAt(layout, local.writer);
  const fresh = slot.kernels.markFresh(list, 1, map);
  marks.ring.push(slot.words, list >>> 2, fresh, layout.firstGfn, local.epoch);
}
