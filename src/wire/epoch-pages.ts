import { inflateRawSync } from 'node:zlib';
import { crc32c } from './crc32c.ts';
import { EPOCH_FRAME } from './epochs.ts';
import { type Frame, type FrameMemory, HEADER_BYTES, sealFrame, WireError } from './frame.ts';
import { batchPages } from './limits.ts';
import { type Integrity, padded, PAYLOAD_ALIGNMENT } from './pages.ts';
import { applyWordRuns, mostWordRunsBytes } from './word-runs.ts';
import { applyXorRuns } from './xor-runs.ts';

/**
 * A frame with pages of an epoch has a control part of these fields (u32 each, little-endian):
 *
 *   epoch · slot · page size · pages · CRC-32C of the payload (0 with integrity `header`) ·
 *   pages × (gfn in the slot, encoding << 28 | bytes)
 *
 * It is padded so that the payload begins at a multiple of 64 bytes. The payload is the encoded pages, one behind the
 * other. Encodings of differences apply to the page of the last complete epoch.
 */
const FIXED_BYTES = 20;
const ENCODING_SHIFT = 28;
const BYTES_MASK = 0x0fffffff;

/** The encodings of a page of an epoch, in the order of the numbers that stand for them. */
export const PAGE_CODES = ['raw', 'xor', 'deflate', 'words'] as const;
export type PageCode = (typeof PAGE_CODES)[number];

/** Pages of one memslot that go into a frame: the page numbers within the slot, and their bytes. */
export interface EpochPages {
  readonly slot: number;
  readonly pages: readonly number[];
  readonly contents: readonly Uint8Array[];
}

/** Encodes one page into `out` from byte `at` on. */
export interface PageEncoder {
  /** Returns the number of bytes written; `code` then says in which encoding. */
  encode(slot: number, page: number, content: Uint8Array, out: Uint8Array, at: number): number;
  readonly code: PageCode;
}

/** Returns the largest number of bytes that a frame with so many pages may need. */
export const epochPagesRoom = (pages: number, pageSize: number): number =>
  HEADER_BYTES + FIXED_BYTES + 8 * pages + PAYLOAD_ALIGNMENT + pages * mostWordRunsBytes(pageSize);

/** Builds a frame with pages of an epoch at byte `at` of the memory; returns its length in bytes. */
export function encodeEpochPages(
  memory: FrameMemory,
  at: number,
  batch: EpochPages,
  options: {
    readonly epoch: number;
    readonly pageSize: number;
    readonly integrity: Integrity;
    readonly encoder: PageEncoder;
  },
  sequence: number,
): number {
  const { view, bytes } = memory;
  const { epoch, pageSize, integrity, encoder } = options;
  const control = at + HEADER_BYTES;
  const controlBytes = FIXED_BYTES + 8 * batch.pages.length;
  const payloadOffset = padded(HEADER_BYTES + controlBytes);
  let to = at + payloadOffset;
  for (const [i, page] of batch.pages.entries()) {
    const length = encoder.encode(batch.slot, page, batch.contents[i]!, bytes, to);
    const entry = control + FIXED_BYTES + 8 * i;
    view.setUint32(entry, page, true);
    const code = PAGE_CODES.indexOf(encoder.code);
    view.setUint32(entry + 4, ((code << ENCODING_SHIFT) | length) >>> 0, true);
    to += length;
  }
  const crc = integrity === 'full' ? crc32c(bytes, at + payloadOffset, to) : 0;
  const fields = [epoch, batch.slot, pageSize, batch.pages.length, crc];
  for (const [i, field] of fields.entries()) view.setUint32(control + 4 * i, field, true);
  const length = to - at;
  sealFrame(memory, at, {
    type: EPOCH_FRAME.delta,
    sequence,
    controlBytes,
    payloadOffset,
    length,
  });
  return length;
}

/** The guest into which pages of an epoch are to go, as a decoder has to know it. */
export interface EpochTarget {
  readonly pageSize: number;
  /** The number of pages of each slot. */
  readonly slotPages: readonly number[];
  /** Returns a page of the last complete epoch. */
  page(slot: number, page: number): Uint8Array;
}

/**
 * Checks a frame with pages of an epoch, decodes them and calls `take` with each page, in memory that is the taker's. Returns
 * the frame's epoch. Throws WireError if anything is wrong; some pages may have been taken by then.
 */
export function decodeEpochPages(
  frame: Frame,
  target: EpochTarget,
  integrity: Integrity,
  take: (slot: number, page: number, content: Uint8Array) => void,
): number {
  const { view, bytes } = frame.memory;
  const fail = (why: string): never => {
    throw new WireError(`frame ${frame.sequence}: ${why}`);
  };
  const controlBytes = frame.controlEnd - frame.controlAt;
  if (controlBytes < FIXED_BYTES) fail('the frame of pages is cut off');
  const field = (i: number): number => view.getUint32(frame.controlAt + 4 * i, true);
  const [epoch, slot, pageSize, pages, crc] = [field(0), field(1), field(2), field(3), field(4)];
  const slotPages = target.slotPages[slot] ?? fail('the guest does not have this memslot');
  if (pageSize !== target.pageSize) fail(`the guest's pages are of ${target.pageSize} bytes`);
  if (pages > batchPages(pageSize)) fail('the frame has more pages than a batch may have');
  if (controlBytes !== FIXED_BYTES + 8 * pages) fail('the frame of pages has impossible lengths');
  const expected = integrity === 'full' ? crc32c(bytes, frame.payloadAt, frame.payloadEnd) : 0;
  if (crc !== expected) fail('the CRC of its pages differs: they were damaged on the way');
  // The pages of a frame lie in one array, as one for each would take longer to create than to fill.
  const contents = new Uint8Array(pages * pageSize);
  let from = frame.payloadAt;
  for (let i = 0; i < pages; i++) {
    const entry = frame.controlAt + FIXED_BYTES + 8 * i;
    const page = view.getUint32(entry, true);
    const word = view.getUint32(entry + 4, true);
    const end = from + (word & BYTES_MASK);
    if (page >= slotPages) fail(`page ${page} lies outside memory`);
    if (end > frame.payloadEnd) fail('the payload has a wrong length');
    const code = PAGE_CODES[word >>> ENCODING_SHIFT] ?? fail('a page encoding is unknown here');
    const content = contents.subarray(i * pageSize, (i + 1) * pageSize);
    const isSound = decodePage(code, target.page(slot, page), bytes.subarray(from, end), content);
    if (!isSound) fail(`page ${page}, in encoding ${code}, is damaged`);
    take(slot, page, content);
    from = end;
  }
  if (from !== frame.payloadEnd) fail('the payload has a wrong length');
  return epoch;
}

/** Writes a page to `content`, given its last complete state; returns false if its encoded bytes are damaged. */
function decodePage(
  code: PageCode,
  old: Uint8Array,
  encoded: Uint8Array,
  content: Uint8Array,
): boolean {
  if (code === 'raw') {
    if (encoded.length !== content.length) return false;
    content.set(encoded);
    return true;
  }
  if (code === 'deflate') return inflate(encoded, content);
  content.set(old);
  const apply = code === 'xor' ? applyXorRuns : applyWordRuns;
  return apply(content, encoded, 0, encoded.length);
}

function inflate(encoded: Uint8Array, content: Uint8Array): boolean {
  try {
    // The copy keeps zlib away from memory that is shared.
    const inflated = inflateRawSync(encoded.slice(), { maxOutputLength: content.length });
    if (inflated.length !== content.length) return false;
    content.set(inflated);
    return true;
  } catch {
    return false;
  }
}
