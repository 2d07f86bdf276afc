import {
  type Frame,
  FRAME,
  type FrameMemory,
  HEADER_BYTES,
  sealFrame,
  WireError,
} from './frame.ts';

/**
 * The frame SLOTS names pages that the source's host has swapped out to a store which the destination's host uses as
 * well, so that they stay where they are. The control part is a list of pairs (gfn, slot of the store), u32 each,
 * little-endian, in ascending order of gfns. There is no payload.
 */

/** The largest number of pages in one frame. */
export const MAX_SLOTS = 4096;
const PAIR_BYTES = 8;

/** Returns the length in bytes of a frame with that many pages. */
export const slotsFrameBytes = (pages: number): number => HEADER_BYTES + PAIR_BYTES * pages;

/**
 * Builds a frame at byte `at` of the memory and returns its length in bytes. `list` holds pairs of (gfn, slot); the
 * frame gets `pages` of them, from pair `from` on.
 */
export function encodeSlots(
  memory: FrameMemory,
  at: number,
  list: readonly number[],
  from: number,
  pages: number,
  sequence: number,
): number {
  for (let i = 0; i < 2 * pages; i++) {
    memory.view.setUint32(at + HEADER_BYTES + 4 * i, list[2 * from + i]!, true);
  }
  const length = slotsFrameBytes(pages);
  sealFrame(memory, at, {
    type: FRAME.slots,
    sequence,
    controlBytes: PAIR_BYTES * pages,
    payloadOffset: length,
    length,
  });
  return length;
}

/**
 * Calls `take` for each page with its slot, after all gfns have been checked against a guest of `pages` pages. Throws
 * WireError if one lies outside the guest or they are not in ascending order.
 */
export function decodeSlots(
  frame: Frame,
  pages: number,
  take: (gfn: number, slot: number) => void,
): void {
  const { view } = frame.memory;
  const count = (frame.controlEnd - frame.controlAt) / PAIR_BYTES;
  const isPossible = Number.isInteger(count) && count > 0 && count <= MAX_SLOTS;
  if (!isPossible || frame.payloadEnd !== frame.payloadAt) {
    throw new WireError(`frame ${frame.sequence}: its slots have impossible lengths`);
  }
  const at = (i: number): number => view.getUint32(frame.controlAt + 4 * i, true);
  for (let i = 0; i < count; i++) {
    if (at(2 * i) >= pages) {
      throw new WireError(`frame ${frame.sequence}: page ${at(2 * i)} lies outside memory`);
    }
    if (i > 0 && at(2 * i) <= at(2 * i - 2)) {
      throw new WireError(`frame ${frame.sequence}: pages are not in ascending order`);
    }
  }
  for (let i = 0; i < count; i++) take(at(2 * i), at(2 * i + 1));
}
