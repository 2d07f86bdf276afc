import { ACCESS_BATCH, MARK_NONE } from '../memory/kernels/abi.ts';
import { accessListAt, streamAt } from '../memory/layout.ts';
import type { Memslot } from '../memory/memslot.ts';
import { readAccesses } from './stream-record.ts';

/**
 * Makes a stream's accesses up to its `targetN`-th on the slot, as its vCPU would have, without a
 * clock, a rate or a dirty log. Streams own their lanes, so they replay in any order and in
 * parallel; `list` numbers the access list that this replay may use.
 */
export function replayStream(slot: Memslot, stream: number, targetN: number, list: number): void {
  const record = streamAt(slot.layout, stream);
  const gfns = accessListAt(slot.layout, list);
  for (let n = readAccesses(slot, stream); n < targetN; n += ACCESS_BATCH) {
    const count = Math.min(ACCESS_BATCH, targetN - n);
    slot.kernels.nextGfns(record, count, gfns);
    slot.kernels.touch(record, count, gfns, MARK_NONE, 0);
  }
}
