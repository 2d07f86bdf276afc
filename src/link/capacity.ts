import { BATCH_BYTES, MAX_FRAME_BYTES } from '../wire/limits.ts';

/** The largest ring, in bytes. A link has one ring for each direction; usually they are far smaller. */
export const MAX_RING_BYTES = 64 * 1024 * 1024;
/** The rate for which a link without a limit gets a ring. Memory can't be copied any faster. */
export const UNLIMITED_BYTES_PER_SECOND = 10e9;
/** How far a sender may be ahead of the link (its horizon) and behind it (its lag), in seconds. */
const SLACK_SECONDS = 0.012;
/** The same on a virtual clock, where no scheduler delays a sender, so that only the horizon counts. */
const VIRTUAL_SLACK_SECONDS = 0.0012;
/** More bytes than a page frame needs besides its pages. */
const FRAME_EXTRA = 8192;
const SMALLEST_RING_BYTES = 4 * 1024 * 1024;
/** On one thread a frame is read right after it was written, so a small ring stays in the CPU's cache. */
const SMALLEST_VIRTUAL_RING_BYTES = 512 * 1024;

/**
 * Returns the capacity in bytes of a ring that holds all that a link has in flight: bandwidth × latency,
 * some slack for scheduling, and two frames. Returns undefined if no ring may be that large.
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
