import { BATCH_BYTES, MAX_FRAME_BYTES, MAX_WHOLE_PAGE } from '../wire/limits.ts';

/**
 * The largest ring in bytes of a link in real time, where all of it is touched before a run. A link has one ring for
 * each direction; usually they are far smaller.
 */
export const MAX_RING_BYTES = 256 * 1024 * 1024;
/** The same on a virtual clock, where only the part that frames have lain in takes memory. */
export const MAX_VIRTUAL_RING_BYTES = 1024 * 1024 * 1024;
/** The rate for which a link without a limit gets a ring. Memory can hardly be copied any faster. */
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
  const rate = bytesPerSecond === Infinity ? UNLIMITED_BYTES_PER_SECOND : bytesPerSecond;
  const need = rate * secondsHeld(bytesPerSecond, latencyNs, isVirtual) + framesHeld(pageSize);
  let bytes = isVirtual ? SMALLEST_VIRTUAL_RING_BYTES : SMALLEST_RING_BYTES;
  if (need > mostBytes(isVirtual)) return undefined;
  while (bytes < need) bytes *= 2;
  return bytes;
}

/** Returns the highest rate, in bytes a second, of a limited link of this latency for which there is a ring. */
export function mostBytesPerSecond(
  latencyNs: number,
  pageSize: number,
  isVirtual: boolean,
): number {
  return (mostBytes(isVirtual) - framesHeld(pageSize)) / secondsHeld(0, latencyNs, isVirtual);
}

/** Returns the highest latency, in nanoseconds, of a link without a limit for which there is a ring. */
export function mostUnlimitedLatencyNs(pageSize: number, isVirtual: boolean): number {
  return ((mostBytes(isVirtual) - framesHeld(pageSize)) / UNLIMITED_BYTES_PER_SECOND) * 1e9;
}

/** Returns the seconds of the link's time whose bytes a ring holds. */
function secondsHeld(bytesPerSecond: number, latencyNs: number, isVirtual: boolean): number {
  const slack = isVirtual ? VIRTUAL_SLACK_SECONDS : SLACK_SECONDS;
  return latencyNs / 1e9 + (bytesPerSecond === Infinity ? 0 : slack);
}

/** Returns the bytes of the two frames of which one is being built while the other is being read. */
function framesHeld(pageSize: number): number {
  const isLong = pageSize > BATCH_BYTES && pageSize <= MAX_WHOLE_PAGE;
  return isLong ? 2 * MAX_FRAME_BYTES : 2 * (BATCH_BYTES + FRAME_EXTRA);
}

function mostBytes(isVirtual: boolean): number {
  return isVirtual ? MAX_VIRTUAL_RING_BYTES : MAX_RING_BYTES;
}
