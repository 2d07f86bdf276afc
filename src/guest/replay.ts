import { ACCESS_BATCH, MARK_NONE } from '../memory/kernels/abi.ts';
import { accessListAt, streamAt } from '../memory/layout.ts';
import type { Memslot } from '../memory/memslot.ts';
import { readAccesses } from './stream-record.ts';

/**
 * Makes the accesses of a stream that its vCPU would have made, until it has made `targetN` in all; neither a clock nor
 * a rate nor a dirty log is needed. Each stream has its own lane, so streams replay in any order and in parallel.
 * `list` is the number of the access list that this replay may use.
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
