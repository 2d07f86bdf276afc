import { Generator } from '../random/generator.ts';
import {
  type Frame,
  FRAME,
  type FrameMemory,
  HEADER_BYTES,
  sealFrame,
  WireError,
} from './frame.ts';
import { BATCH_BYTES } from './limits.ts';
import { type Integrity, padded, PAYLOAD_ALIGNMENT } from './pages.ts';

/**
 * A device frame carries a piece of a device's state. Its control part has these fields, u32 each,
 * little-endian:
 *
 *   device · part · offset (low word, high word) · bytes · number of sums · sums × 8 bytes
 *
 * It is padded so that the payload begins at a multiple of 64 bytes; the payload is padded with zeros to a
 * multiple of 64 as well. With integrity `full` there is one sum (the page hash of the whole payload).
 */
const FIXED_BYTES = 24;
const SUM_BYTES = 8;

/** The parts of a device's state, by their number in a frame. */
export const DEVICE_PARTS = ['initial', 'precopy', 'state'] as const;
export type DevicePart = (typeof DEVICE_PARTS)[number];

/** A piece of a device's state: `bytes` bytes from `offset` on, counted within its part. */
export interface DevicePiece {
  /** The index of the device. */
  readonly device: number;
  readonly part: DevicePart;
  readonly offset: number;
  readonly bytes: number;
}

/** The most bytes of state in a frame. */
export const MAX_DEVICE_BYTES = BATCH_BYTES;

/** Returns the length in bytes of a frame with so many bytes of state, at most. */
export const deviceFrameBytes = (bytes: number): number =>
  padded(HEADER_BYTES + FIXED_BYTES + SUM_BYTES) + padded(bytes);

/** The bytes that stand for the state of any device; a stamp tells the pieces apart. */
const NOISE = noise();
const STAMP_BYTES = 16;

function noise(): Uint8Array {
  const random = new Generator(0xde71ce);
  const words = Uint32Array.from({ length: MAX_DEVICE_BYTES / 4 }, () => random.next());
  return new Uint8Array(words.buffer);
}

function stampOf({ device, part, offset }: DevicePiece): Uint8Array {
  const { low, high } = wordsOf(offset);
  const words = Uint32Array.of(device, DEVICE_PARTS.indexOf(part), low, high);
  return new Uint8Array(words.buffer);
}

const wordsOf = (value: number): { low: number; high: number } => ({
  low: value % 0x1_0000_0000,
  high: Math.floor(value / 0x1_0000_0000),
});

/** Builds a frame with a piece of state at byte `at` of the memory; returns its length in bytes. */
export function encodeDevice(
  memory: FrameMemory,
  at: number,
  piece: DevicePiece,
  integrity: Integrity,
  sequence: number,
): number {
  const { view, bytes, kernels } = memory;
  const control = at + HEADER_BYTES;
  const sums = integrity === 'full' ? 1 : 0;
  const controlBytes = FIXED_BYTES + sums * SUM_BYTES;
  const payloadOffset = padded(HEADER_BYTES + controlBytes);
  const payload = at + payloadOffset;
  const payloadBytes = padded(piece.bytes);
  bytes.set(NOISE.subarray(0, piece.bytes), payload);
  bytes.set(stampOf(piece).subarray(0, piece.bytes), payload);
  bytes.fill(0, payload + piece.bytes, payload + payloadBytes);
  const { low, high } = wordsOf(piece.offset);
  const fields = [piece.device, DEVICE_PARTS.indexOf(piece.part), low, high, piece.bytes, sums];
  for (const [i, field] of fields.entries()) view.setUint32(control + 4 * i, field, true);
  if (sums > 0) kernels.pageHash(payload, payloadBytes, control + FIXED_BYTES);
  const length = payloadOffset + payloadBytes;
  sealFrame(memory, at, { type: FRAME.device, sequence, controlBytes, payloadOffset, length });
  return length;
}

/**
 * Returns which piece of state a frame has brought. Throws WireError if its lengths, its sum or its bytes
 * are wrong; whether the piece is due is for the caller to check.
 */
export function decodeDevice(frame: Frame, integrity: Integrity): DevicePiece {
  const { view } = frame.memory;
  const fail = (why: string): never => {
    throw new WireError(`frame ${frame.sequence}: ${why}`);
  };
  const sums = integrity === 'full' ? 1 : 0;
  if (frame.controlEnd - frame.controlAt !== FIXED_BYTES + sums * SUM_BYTES)
    fail('the device frame has impossible lengths');
  const field = (i: number): number => view.getUint32(frame.controlAt + 4 * i, true);
  const bytes = field(4);
  const payloadBytes = frame.payloadEnd - frame.payloadAt;
  const isPossible =
    bytes > 0 &&
    bytes <= MAX_DEVICE_BYTES &&
    payloadBytes === padded(bytes) &&
    (frame.payloadAt - frame.controlAt + HEADER_BYTES) % PAYLOAD_ALIGNMENT === 0;
  if (!isPossible || field(5) !== sums) fail('the device frame has impossible lengths');
  const part = DEVICE_PARTS[field(1)] ?? fail(`part ${field(1)} of a device is unknown here`);
  const piece = { device: field(0), part, offset: field(2) + field(3) * 0x1_0000_0000, bytes };
  if (sums > 0 && isDamaged(frame, payloadBytes))
    fail("the sum of a device's state differs: it was damaged on the way");
  return piece;
}

function isDamaged({ memory, controlAt, payloadAt }: Frame, payloadBytes: number): boolean {
  const { kernels, scratch } = memory;
  return kernels.firstWrongHash(payloadAt, payloadBytes, 1, controlAt + FIXED_BYTES, scratch) >= 0;
}

/** Returns whether a frame's payload is what the source's device has there. */
export function holdsState({ memory, payloadAt }: Frame, piece: DevicePiece): boolean {
  const found = memory.bytes.subarray(payloadAt, payloadAt + piece.bytes);
  const stamp = stampOf(piece).subarray(0, piece.bytes);
  const isStamped = stamp.every((byte, i) => found[i] === byte);
  const from = Math.min(STAMP_BYTES, piece.bytes);
  return isStamped && Buffer.compare(found.subarray(from), NOISE.subarray(from, piece.bytes)) === 0;
}
