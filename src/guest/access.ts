import type { WriterMarks } from '../memory/dirty-logs/dirty-log.ts';
import type { WriterLocal } from '../memory/handshake/steps.ts';
import { ACCESS_BATCH, MARK_NONE } from '../memory/kernels/abi.ts';
import { markFresh } from './fresh.ts';
import type { Stream } from './groups.ts';

/** Returns how many accesses a writer may make now: the room in its ring, or a whole batch if it needs no ring. */
export function roomFor({ ring }: WriterMarks, { mode }: WriterLocal): number {
  return mode !== 0 && ring ? ring.room() : ACCESS_BATCH;
}

/**
 * Makes the first `count` accesses of a stream's list, between two polls of the writer: the data first, then the
 * marks. Returns the number of write faults, that is of pages that were not marked before. They are counted only while
 * the log is on, and only if `isCounted` is true or the log has rings; else the result is 0.
 */
export function access(
  { slot, record, list }: Stream,
  count: number,
  marks: WriterMarks,
  { epoch, mode, writer }: WriterLocal,
  isCounted: boolean,
): number {
  const { kernels, layout } = slot;
  const map = marks.mapOf(layout, writer, epoch);
  const marksLater = mode === 0 || isCounted;
  kernels.touch(record, count, list, marksLater ? MARK_NONE : marks.mark, map);
  if (mode === 0 || (!marks.ring && !isCounted)) return 0;
  const fresh = markFresh(slot, marks.mark, list, count, map);
  marks.ring?.push(slot.words, list >>> 2, fresh, layout.firstGfn, epoch);
  return fresh;
}
