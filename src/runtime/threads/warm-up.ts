import { monotonicClock } from '../../clock/monotonic.ts';
import {
  ACCESS_BATCH,
  MARK_NONE,
  PATTERN_SEQUENTIAL,
  PATTERN_UNIFORM,
  STREAM_PAGES,
  STREAM_PATTERN,
} from '../../memory/kernels/abi.ts';
import { accessListAt, streamAt } from '../../memory/layout.ts';
import type { Memslot } from '../../memory/memslot.ts';

/** The kernels are called for this long. The calls are short, as V8 replaces a WASM function only between calls. */
const WARM_UP_NS = 30e6;

let isWarm = false;

/**
 * Runs the access kernels of a vCPU on a spare stream record whose accesses write no words, so that
 * its first accesses are as fast as its last ones. Each thread of a pool warms up once.
 */
export function warmUpVcpu(slot: Memslot, writer: number, spareStream: number): void {
  if (isWarm) return;
  isWarm = true;
  const clock = monotonicClock();
  const record = streamAt(slot.layout, spareStream);
  const list = accessListAt(slot.layout, writer);
  slot.words[(record + STREAM_PAGES) >>> 2] = slot.layout.pages;
  for (let i = 0; clock.now() < WARM_UP_NS; i++) {
    slot.words[(record + STREAM_PATTERN) >>> 2] = i & 1 ? PATTERN_UNIFORM : PATTERN_SEQUENTIAL;
    slot.kernels.nextGfns(record, ACCESS_BATCH, list);
    slot.kernels.touch(record, ACCESS_BATCH, list, MARK_NONE, 0);
  }
}
