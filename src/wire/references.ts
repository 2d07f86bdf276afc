import {
  type Frame,
  FRAME,
  type FrameMemory,
  HEADER_BYTES,
  sealFrame,
  WireError,
} from './frame.ts';
import { MAX_REFERENCES } from './limits.ts';

/**
 * A reference frame sends pages of one guest by naming equal pages that the destination has: of this guest, or of
 * another one that has moved, or moves, to the same host. Its control part is a list of entries of six u32 each,
 * little-endian:
 *
 *   gfn · the other guest's number · the gfn there · page hash, low word · page hash, high word · CRC-32C of the page
 *
 * Both sums are of the copy of the page that would have gone into a page frame. There is no payload.
 */
export const REFERENCE_WORDS = 6;
const REFERENCE_BYTES = 4 * REFERENCE_WORDS;

/** A page that is sent as a reference to an equal page of some guest. */
export interface Reference {
  readonly gfn: number;
  /** The number of the guest that has the equal page, and the page's gfn there. */
  readonly guest: number;
  readonly there: number;
  /** The page hash, and the CRC-32C over all bytes of the page. */
  readonly low: number;
  readonly high: number;
  readonly crc: number;
}

/** Returns the length in bytes of a frame with that many references. */
export const referenceFrameBytes = (references: number): number =>
  HEADER_BYTES + REFERENCE_BYTES * references;

/** Builds a frame at byte `at` of the memory, and returns its length in bytes. */
export function encodeReferences(
  memory: FrameMemory,
  at: number,
  references: readonly Reference[],
  sequence: number,
): number {
  const { view } = memory;
  let to = at + HEADER_BYTES;
  for (const { gfn, guest, there, low, high, crc } of references) {
    view.setUint32(to, gfn, true);
    view.setUint32(to + 4, guest, true);
    view.setUint32(to + 8, there, true);
    view.setUint32(to + 12, low, true);
    view.setUint32(to + 16, high, true);
    view.setUint32(to + 20, crc, true);
    to += REFERENCE_BYTES;
  }
  const length = to - at;
  const controlBytes = length - HEADER_BYTES;
  const header = { type: FRAME.reference, sequence, controlBytes, payloadOffset: length, length };
  sealFrame(memory, at, header);
  return length;
}

/** Returns how many references the frame at byte `at` has, which this side has built or checked. */
export const referencesAt = ({ view }: FrameMemory, at: number): number =>
  view.getUint32(at + 16, true) / REFERENCE_BYTES;

/**
 * Returns the references of a frame, after all of them have been checked against a guest of `pages` pages. Throws
 * WireError.
 */
export function decodeReferences(frame: Frame, pages: number): Reference[] {
  const { view } = frame.memory;
  const count = (frame.controlEnd - frame.controlAt) / REFERENCE_BYTES;
  const isPossible = Number.isInteger(count) && count > 0 && count <= MAX_REFERENCES;
  if (!isPossible || frame.payloadEnd !== frame.payloadAt) {
    throw new WireError(`frame ${frame.sequence}: its references have impossible lengths`);
  }
  return Array.from({ length: count }, (_, i) => {
    const word = (index: number): number =>
      view.getUint32(frame.controlAt + REFERENCE_BYTES * i + 4 * index, true);
    const gfn = word(0);
    if (gfn >= pages) {
      throw new WireError(`frame ${frame.sequence}: page ${gfn} lies outside memory`);
    }
    return { gfn, guest: word(1), there: word(2), low: word(3), high: word(4), crc: word(5) };
  });
}
