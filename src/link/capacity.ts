import { BATCH_BYTES, MAX_FRAME_BYTES } from '../wire/limits.ts';

/** The largest ring; two of them (one a direction) stay far below 64 MiB a side in the usual case. */
export const MAX_RING_BYTES = 64 * 1024 * 1024;
/** A link without a limit is taken to need room for this rate: beyond what memory allows to copy. */
export const UNLIMITED_BYTES_PER_SECOND = 10e9;
/** What a sender may be ahead (horizon) and make up (lag), in seconds. */
const SLACK_SECONDS = 0.012;
/** Without a scheduler nobody lags; only the horizon is left. */
const VIRTUAL_SLACK_SECONDS = 0.0012;
/** Of a frame of pages beside its pages, generously. */
const FRAME_EXTRA = 8192;
const SMALLEST_RING_BYTES = 4 * 1024 * 1024;
/** On one thread a frame is read just after it was written: a small ring stays in the cache. */
const SMALLEST_VIRTUAL_RING_BYTES = 512 * 1024;

/**
 * Bytes of a ring that holds what a link has under way: bandwidth × latency, some slack for
 * scheduling, and two frames. Undefined when that is more than a ring may have.
 */
export function ringBytes(
  bytesPerSecond: number,
  latencyNs: number,
  pageSize: number,
  isVirtual = false,
): number | undefined {
  const isUnlimited = bytesPerSecond === Infinity;
  const rate = isUnlimited ? UNLIMITED_BYTES_PER_SECOND : bytesPerSecond;
  const seconds =
    latencyNs / 1e9 + (isUnlimited ? 0 : isVirtual ? VIRTUAL_SLACK_SECONDS : SLACK_SECONDS);
  const frames = pageSize > BATCH_BYTES ? 2 * MAX_FRAME_BYTES : 2 * (BATCH_BYTES + FRAME_EXTRA);
  let bytes = isVirtual ? SMALLEST_VIRTUAL_RING_BYTES : SMALLEST_RING_BYTES;
  while (bytes < rate * seconds + frames) bytes *= 2;
  return bytes <= MAX_RING_BYTES ? bytes : undefined;
}
