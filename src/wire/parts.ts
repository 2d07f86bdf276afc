import { copyBytes } from '../memory/copy.ts';
import type { Memslot } from '../memory/memslot.ts';
import { type ChosenEncoding, ENCODING } from './encodings.ts';
import { FRAME, type FrameMemory, HEADER_BYTES, sealFrame } from './frame.ts';
import { type Integrity, padded } from './pages.ts';
import { sumPages } from './sums.ts';

/**
 * A part frame carries a part of one page that is too large for a frame. Its control part has these fields, u32 each,
 * little-endian:
 *
 *   slot · page size · page · encoding · offset · bytes · sums · sums × 8 bytes
 *
 * `page` counts within the slot and `offset` within the page. The control part is padded so that the payload begins at a
 * multiple of 64 bytes. The payload is the part's bytes, or the version that stands for the page; a part of zeros has
 * none. With integrity `full` a raw part has one sum (the page hash of the copy in the frame), with `header` none. The
 * checks that a frame must pass are in part-reader.ts.
 */
export const PART_FIXED_BYTES = 28;
const SUM_BYTES = 8;

/** A part of a page, of `bytes` bytes from `offset` on; both are multiples of PART_UNIT. */
export interface PagePart {
  readonly slot: Memslot;
  /** It counts within the slot. */
  readonly page: number;
  readonly offset: number;
  readonly bytes: number;
}

/** How parts are encoded. */
export interface PartOptions {
  readonly integrity: Integrity;
  readonly encodings: readonly ChosenEncoding[];
}

/** What a part frame holds; lengths are in bytes, on the link and in memory. */
export interface EncodedPart {
  readonly length: number;
  readonly storedLength: number;
  /** Whether it carries bytes; otherwise all of them are 0. */
  readonly isRaw: boolean;
}

const payloadOffsetOf = (sums: number): number =>
  padded(HEADER_BYTES + PART_FIXED_BYTES + sums * SUM_BYTES);

/** Returns the largest number of bytes that a frame with a part of `bytes` bytes may need. */
export const partFrameRoom = (bytes: number): number => payloadOffsetOf(1) + bytes;

/** Returns the bytes of a part that lie in memory, from byte `at` of the slot's RAM on. */
export function storedPart({ slot, page, offset, bytes }: PagePart): { at: number; bytes: number } {
  const { storedBytes, backing } = slot.layout;
  // A version stands for the whole page, so that each part brings it.
  if (backing === 'versions') return { at: page * storedBytes, bytes: storedBytes };
  return { at: page * storedBytes + offset, bytes };
}

/**
 * Builds a frame with a part at byte `at` of the memory. The part is read once: if a scan sees only zeros, it is sent
 * without its bytes; otherwise it is copied into the frame, and its sum is computed from that copy. A vCPU may be writing
 * the original meanwhile; then the page is dirty, and all of it is sent again.
 */
export function encodePart(
  part: PagePart,
  memory: FrameMemory,
  at: number,
  { integrity, encodings }: PartOptions,
  sequence: number,
): EncodedPart {
  const { slot, page, offset, bytes } = part;
  const { view } = memory;
  const isRaw = !(encodings.includes('zero') && isZero(part));
  const sums = isRaw && integrity === 'full' ? 1 : 0;
  const payloadOffset = payloadOffsetOf(sums);
  const stored = isRaw ? storedPart(part) : { at: 0, bytes: 0 };
  const control = at + HEADER_BYTES;
  if (isRaw) {
    const from = slot.ram.subarray(stored.at, stored.at + stored.bytes);
    copyBytes(memory.bytes, at + payloadOffset, from);
  }
  sumPages(memory, at + payloadOffset, stored.bytes, sums, control + PART_FIXED_BYTES);
  const encoding = isRaw ? ENCODING.raw : ENCODING.zero;
  const fields = [slot.layout.index, slot.layout.pageSize, page, encoding, offset, bytes, sums];
  for (const [i, field] of fields.entries()) view.setUint32(control + 4 * i, field, true);
  const controlBytes = PART_FIXED_BYTES + sums * SUM_BYTES;
  const storedLength = payloadOffset + stored.bytes;
  const header = { sequence, controlBytes, payloadOffset, length: storedLength };
  sealFrame(memory, at, { type: FRAME.part, ...header });
  return { length: payloadOffset + (isRaw ? bytes : 0), storedLength, isRaw };
}

function isZero(part: PagePart): boolean {
  const { layout, kernels, words } = part.slot;
  const { at, bytes } = storedPart(part);
  if (layout.backing === 'versions') return words[(layout.ramOffset + at) >>> 2] === 0;
  return kernels.zeroMask(layout.ramOffset + at, bytes, 1) === 1;
}

/** Returns which part of which page the part frame at byte `at` carries, which this side has built or checked. */
export function partAt({ view }: FrameMemory, at: number) {
  const field = (i: number): number => view.getUint32(at + HEADER_BYTES + 4 * i, true);
  return {
    slot: field(0),
    page: field(2),
    isRaw: field(3) === ENCODING.raw,
    offset: field(4),
    bytes: field(5),
  };
}
