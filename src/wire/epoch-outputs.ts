import { EPOCH_FRAME } from './epochs.ts';
import { type Frame, type FrameMemory, HEADER_BYTES, sealFrame, WireError } from './frame.ts';

/**
 * A frame with sums of the packets that a secondary has sent has a control part of these fields (u32 each,
 * little-endian), and no payload:
 *
 *   epoch · stream · number of the first packet, low word · high word · packets · for each: its sum, low word · high word
 */
const FIXED_WORDS = 5;

/** The largest number of packets in one frame. */
export const MAX_OUTPUTS = 4096;

/** Sums of packets of one stream, which follow one another; two words a packet. */
export interface EpochOutputs {
  readonly epoch: number;
  readonly stream: number;
  readonly from: number;
  readonly sums: readonly number[];
}

/** Returns the length in bytes of a frame with so many packets. */
export const epochOutputsBytes = (packets: number): number =>
  HEADER_BYTES + 4 * (FIXED_WORDS + 2 * packets);

/** Builds a frame at byte `at` of the memory; returns its length in bytes. */
export function encodeEpochOutputs(
  memory: FrameMemory,
  at: number,
  { epoch, stream, from, sums }: EpochOutputs,
  sequence: number,
): number {
  const high = Math.floor(from / 4294967296);
  const words = [epoch, stream, from >>> 0, high, sums.length / 2, ...sums];
  words.forEach((word, i) => memory.view.setUint32(at + HEADER_BYTES + 4 * i, word, true));
  const length = epochOutputsBytes(sums.length / 2);
  const controlBytes = 4 * words.length;
  const type = EPOCH_FRAME.outputs;
  sealFrame(memory, at, { type, sequence, controlBytes, payloadOffset: length, length });
  return length;
}

/** Checks a frame and returns what is in it. Throws WireError; `streams` is the guest's number of streams. */
export function decodeEpochOutputs(frame: Frame, streams: number): EpochOutputs {
  const { view } = frame.memory;
  const words = (frame.controlEnd - frame.controlAt) / 4;
  const word = (i: number): number => view.getUint32(frame.controlAt + 4 * i, true);
  const isLongEnough = Number.isInteger(words) && words >= FIXED_WORDS;
  const packets = isLongEnough ? word(4) : 0;
  const isPossible =
    packets > 0 &&
    packets <= MAX_OUTPUTS &&
    words === FIXED_WORDS + 2 * packets &&
    frame.payloadEnd === frame.payloadAt;
  if (!isPossible) {
    throw new WireError(`frame ${frame.sequence}: the frame of outputs has impossible lengths`);
  }
  const [epoch, stream, low, high] = [word(0), word(1), word(2), word(3)];
  if (stream >= streams || high >= 2 ** 21) {
    throw new WireError(`frame ${frame.sequence}: the guest has no such packet`);
  }
  const sums = Array.from({ length: 2 * packets }, (_, i) => word(FIXED_WORDS + i));
  return { epoch, stream, from: high * 4294967296 + low, sums };
}
