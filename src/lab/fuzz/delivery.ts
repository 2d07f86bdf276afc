import { crc32c } from '../../wire/crc32c.ts';
import { type Frame, type FrameMemory, HEADER_BYTES, openFrame } from '../../wire/frame.ts';

/** A frame as it is delivered in place of one that has arrived. */
export interface Delivery {
  readonly bytes: Uint8Array;
  /** Whether its header gets the number that is due and a CRC that fits; otherwise it is delivered as it is. */
  readonly isSealed: boolean;
}

const SEQUENCE_AT = 12;
const CONTROL_LENGTH_AT = 16;
const CRC_AT = 28;

/** Puts a frame at byte `at` of the memory and passes it through the checks of every link. Throws WireError. */
export function deliver(
  memory: FrameMemory,
  at: number,
  { bytes, isSealed }: Delivery,
  sequence: number,
): Frame {
  const { view } = memory;
  memory.bytes.set(bytes, at);
  if (isSealed && bytes.length >= HEADER_BYTES) {
    view.setUint32(at + SEQUENCE_AT, sequence, true);
    // A length that is too long does not get past the checks, whatever the CRC says.
    const control = Math.min(
      view.getUint32(at + CONTROL_LENGTH_AT, true),
      bytes.length - HEADER_BYTES,
    );
    const from = at + HEADER_BYTES;
    const crc = crc32c(memory.bytes, at, at + CRC_AT);
    view.setUint32(at + CRC_AT, crc32c(memory.bytes, from, from + control, crc), true);
  }
  return openFrame(memory, at, bytes.length, sequence);
}
