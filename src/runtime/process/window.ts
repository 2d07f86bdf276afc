import { UNLIMITED_BYTES_PER_SECOND } from '../../link/capacity.ts';
import { BATCH_BYTES, MAX_WHOLE_PAGE } from '../../wire/limits.ts';
import type { RunConfig } from '../config.ts';
import { MOST_WINDOW_BYTES } from './messages.ts';

/** A sender and the event loops of two processes may be late by this much without an idle link. */
const SLACK_NS = 2e6;
const LEAST_BYTES = 1024 * 1024;
/** More bytes than a page frame has besides its pages. */
const FRAME_EXTRA = 8192;

/**
 * Returns how many bytes of frames may be under way in each direction: what the link carries in a round trip and some
 * slack, but at least two frames. What is under way is what an urgent page has to wait behind.
 */
export function windowBytesOf(
  { link, guest }: Pick<RunConfig, 'link' | 'guest'>,
  roundTripNs: number,
): number {
  const isLimited = link.bytesPerSecond !== Infinity;
  const rate = isLimited ? link.bytesPerSecond : UNLIMITED_BYTES_PER_SECOND;
  const held = (rate * (roundTripNs + (isLimited ? SLACK_NS : 0))) / 1e9;
  const frames =
    2 * (Math.min(MAX_WHOLE_PAGE, Math.max(BATCH_BYTES, guest.pageSize)) + FRAME_EXTRA);
  const least = Math.max(LEAST_BYTES, frames);
  return Math.ceil(Math.min(MOST_WINDOW_BYTES, least + held));
}

/** Returns the size of a ring that holds what may be under way, and a frame that is being read besides. */
export function ringBytesOf(windowBytes: number): number {
  let bytes = 1024 * 1024;
  while (bytes < 2 * windowBytes) bytes *= 2;
  return bytes;
}
