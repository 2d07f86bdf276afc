import { monotonicClock } from '../../clock/monotonic.ts';
import { createRing, RingConsumer, RingProducer } from '../../link/ring.ts';
import { MARK_NONE, PATTERN_UNIFORM, STREAM_PAGES, STREAM_PATTERN } from '../../memory/kernels/abi.ts';
import { accessListAt, scratchAreas, streamAt } from '../../memory/layout.ts';
import type { Memslot } from '../../memory/memslot.ts';
import { batchPages } from '../../wire/limits.ts';
import { openFrame } from '../../wire/frame.ts';
import { encodePages, installPages, pageFrameRoom } from '../../wire/pages.ts';

/** Long enough for V8 to have compiled the loops with its optimising compilers. */
const WARM_UP_NS = 60e6;

/**
 * Runs the code of an engine on its own guest, whose vCPUs are parked: frames are built from pages
 * and installed onto the same pages, so nothing changes. Without it the first frames, or the whole
 * downtime of a short run, would measure the compiler.
 */
export function warmUpEngine(slot: Memslot): void {
  const clock = monotonicClock();
  const { pageSize, pages, mapBytes } = slot.layout;
  const count = Math.min(pages, batchPages(pageSize));
  const ring = createRing(pageSize > 65536 ? 8 * 1024 * 1024 : 512 * 1024);
  const producer = new RingProducer(ring);
  const consumer = new RingConsumer(ring);
  const list = Uint32Array.of(0, count);
  const taken = { runs: 1, list, pages: count, skipped: 0, cursor: count };
  const { compare, hash } = scratchAreas(slot.layout);
  for (let sequence = 0; clock.now() < WARM_UP_NS; sequence++) {
    const options = { integrity: sequence & 1 ? 'full' : 'header', zeroPages: (sequence & 2) > 0 };
    const encode = options as { integrity: 'full' | 'header'; zeroPages: boolean };
    const at = producer.reserve(pageFrameRoom(count, pageSize));
    const frame = encodePages(slot, taken, producer.memory, at, sequence, encode);
    producer.commit(frame.length, 0);
    const record = consumer.peek()!;
    const opened = openFrame(consumer.memory, record.at, record.bytes, sequence);
    installPages(opened, slot, encode.integrity);
    consumer.release(record.bytes);
    slot.kernels.isZero(slot.layout.ramOffset, pageSize);
    slot.kernels.popcount(slot.layout.pageSet, Math.min(mapBytes, 4096));
    slot.kernels.mergeAndClear(compare, hash, 64);
    slot.kernels.mergeAndClearAtomic(compare, hash, 64);
  }
}

/** Runs the access kernels of a vCPU on a spare stream record whose accesses write no words. */
export function warmUpVcpu(slot: Memslot, writer: number, spareStream: number): void {
  const clock = monotonicClock();
  const record = streamAt(slot.layout, spareStream);
  const list = accessListAt(slot.layout, writer);
  slot.words[(record + STREAM_PAGES) >>> 2] = slot.layout.pages;
  for (let i = 0; clock.now() < WARM_UP_NS / 2; i++) {
    slot.words[(record + STREAM_PATTERN) >>> 2] = i % 2 === 0 ? PATTERN_UNIFORM : 0;
    slot.kernels.nextGfns(record, 1024, list);
    slot.kernels.touch(record, 1024, list, MARK_NONE, 0);
  }
}
