import { crc32c } from './crc32c.ts';
import { EPOCH_FRAME } from './epochs.ts';
import { type Frame, type FrameMemory, HEADER_BYTES, sealFrame, WireError } from './frame.ts';
import { BATCH_BYTES } from './limits.ts';
import { type Integrity, padded, PAYLOAD_ALIGNMENT } from './pages.ts';

/**
 * A frame with blocks of the guest's disk has a control part of these fields (u32 each, little-endian):
 *
 *   epoch · block size · blocks · CRC-32C of the payload (0 with integrity `header`) · blocks × number of the block
 *
 * It is padded so that the payload begins at a multiple of 64 bytes. The payload is the blocks, in the order in which
 * the guest wrote them.
 */
const FIXED_BYTES = 16;

/** A write of one block of the disk. */
export interface BlockWrite {
  readonly block: number;
  readonly content: Uint8Array;
}

/** Returns how many blocks a frame carries at most. */
export const mostBlocks = (blockBytes: number): number =>
  Math.max(1, Math.floor(BATCH_BYTES / blockBytes));

/** Returns the number of bytes of a frame with so many blocks, at most. */
export const epochBlocksRoom = (blocks: number, blockBytes: number): number =>
  HEADER_BYTES + FIXED_BYTES + 4 * blocks + PAYLOAD_ALIGNMENT + blocks * blockBytes;

/** Builds a frame with writes of an epoch at byte `at` of the memory; returns its length in bytes. */
export function encodeEpochBlocks(
  memory: FrameMemory,
  at: number,
  writes: readonly BlockWrite[],
  options: { readonly epoch: number; readonly blockBytes: number; readonly integrity: Integrity },
  sequence: number,
): number {
  const { view, bytes } = memory;
  const { epoch, blockBytes, integrity } = options;
  const control = at + HEADER_BYTES;
  const controlBytes = FIXED_BYTES + 4 * writes.length;
  const payloadOffset = padded(HEADER_BYTES + controlBytes);
  const length = payloadOffset + writes.length * blockBytes;
  for (const [i, { block, content }] of writes.entries()) {
    view.setUint32(control + FIXED_BYTES + 4 * i, block, true);
    bytes.set(content, at + payloadOffset + i * blockBytes);
  }
  const crc = integrity === 'full' ? crc32c(bytes, at + payloadOffset, at + length) : 0;
  const fields = [epoch, blockBytes, writes.length, crc];
  for (const [i, field] of fields.entries()) view.setUint32(control + 4 * i, field, true);
  sealFrame(memory, at, {
    type: EPOCH_FRAME.blocks,
    sequence,
    controlBytes,
    payloadOffset,
    length,
  });
  return length;
}

/** Checks a frame of blocks and returns its epoch and its writes, in copies of their own. Throws WireError. */
export function decodeEpochBlocks(
  frame: Frame,
  disk: { readonly blocks: number; readonly blockBytes: number },
  integrity: Integrity,
): { readonly epoch: number; readonly writes: readonly BlockWrite[] } {
  const { view, bytes } = frame.memory;
  const fail = (why: string): never => {
    throw new WireError(`frame ${frame.sequence}: ${why}`);
  };
  const controlBytes = frame.controlEnd - frame.controlAt;
  if (controlBytes < FIXED_BYTES) fail('the frame of blocks is cut off');
  const field = (i: number): number => view.getUint32(frame.controlAt + 4 * i, true);
  const [epoch, blockBytes, count, crc] = [field(0), field(1), field(2), field(3)];
  const isPossible =
    blockBytes === disk.blockBytes &&
    count <= mostBlocks(blockBytes) &&
    controlBytes === FIXED_BYTES + 4 * count &&
    frame.payloadEnd - frame.payloadAt === count * blockBytes;
  if (!isPossible) fail('the frame of blocks has impossible lengths');
  const expected = integrity === 'full' ? crc32c(bytes, frame.payloadAt, frame.payloadEnd) : 0;
  if (crc !== expected) fail('the CRC of its blocks differs: they were damaged on the way');
  const writes = Array.from({ length: count }, (_, i): BlockWrite => {
    const block = field(4 + i);
    if (block >= disk.blocks) fail(`block ${block} lies outside the disk`);
    const from = frame.payloadAt + i * blockBytes;
    return { block, content: bytes.slice(from, from + blockBytes) };
  });
  return { epoch, writes };
}
