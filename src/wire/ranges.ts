import { EPOCH_FRAME } from './epochs.ts';
import {
  type Frame,
  FRAME,
  type FrameMemory,
  HEADER_BYTES,
  sealFrame,
  WireError,
} from './frame.ts';

/**
 * The frames that name ranges of pages. DISCARD names pages that the destination lacks, or has in a
 * stale version; RELEASED those that the guest has given back, which read zero; FREE those in the
 * guest's free list; HINTED those that the guest has hinted as free, which read zero and are free; RECEIVED those that
 * the destination has; DIRTY those that a secondary's guest has written (epochs.ts). The control part is a list of pairs
 * (first gfn, number of pages), u32 each, little-endian. There is no payload.
 */
export type RangesName = 'discard' | 'released' | 'free' | 'hinted' | 'received';

/** The largest number of ranges in one frame. */
export const MAX_RANGES = 4096;
const RANGE_BYTES = 8;

/** Returns the length in bytes of a frame with that many ranges. */
export const rangesFrameBytes = (ranges: number): number => HEADER_BYTES + RANGE_BYTES * ranges;

/**
 * Builds a frame at byte `at` of the memory and returns its length in bytes. `list` holds pairs of (first
 * gfn, number of pages); the frame gets `ranges` of them, from pair `from` on.
 */
export function encodeRanges(
  memory: FrameMemory,
  at: number,
  name: RangesName | 'dirty',
  list: readonly number[],
  from: number,
  ranges: number,
  sequence: number,
): number {
  const controlBytes = RANGE_BYTES * ranges;
  for (let i = 0; i < 2 * ranges; i++) {
    memory.view.setUint32(at + HEADER_BYTES + 4 * i, list[2 * from + i]!, true);
  }
  const length = rangesFrameBytes(ranges);
  sealFrame(memory, at, {
    type: name === 'dirty' ? EPOCH_FRAME.dirty : FRAME[name],
    sequence,
    controlBytes,
    payloadOffset: length,
    length,
  });
  return length;
}

/**
 * Calls `take` for each range, after all of them have been checked against a guest of `pages` pages.
 * Throws WireError if one is empty or lies outside the guest.
 */
export function decodeRanges(
  frame: Frame,
  pages: number,
  take: (gfn: number, pages: number) => void,
): void {
  const { view } = frame.memory;
  const bytes = frame.controlEnd - frame.controlAt;
  const ranges = bytes / RANGE_BYTES;
  const isPossible = Number.isInteger(ranges) && ranges > 0 && ranges <= MAX_RANGES;
  if (!isPossible || frame.payloadEnd !== frame.payloadAt) {
    throw new WireError(`frame ${frame.sequence}: its ranges have impossible lengths`);
  }
  const at = (i: number): number => view.getUint32(frame.controlAt + 4 * i, true);
  for (let i = 0; i < ranges; i++) {
    if (at(2 * i + 1) > 0 && at(2 * i) + at(2 * i + 1) <= pages) continue;
    throw new WireError(
      `frame ${frame.sequence}: pages ${at(2 * i)} + ${at(2 * i + 1)} lie outside memory`,
    );
  }
  for (let i = 0; i < ranges; i++) take(at(2 * i), at(2 * i + 1));
}
