import type { Kernels } from '../memory/kernels/kernels.ts';
import { crc32c } from './crc32c.ts';
import { MAX_FRAME_BYTES } from './limits.ts';

/**
 * The header of a frame has these fields, all little-endian (docs/wire.md):
 *
 *   byte  0  u32  magic "PFRY"
 *         4  u16  version
 *         6  u16  type; if bit 15 is set, a receiver that doesn't know the type skips the frame
 *         8  u32  frame length, header included
 *        12  u32  sequence number, counted per direction from 0
 *        16  u32  length of the control part, which follows the header
 *        20  u32  payload offset from the frame's start (the payload ends the frame)
 *        24  u32  reserved, 0
 *        28  u32  CRC-32C of bytes 0 to 27 and of the control part
 */
export const HEADER_BYTES = 32;
export const FRAME_MAGIC = 0x59524650;
export const WIRE_VERSION = 1;
/** The bit of a frame type that lets a receiver skip the frame if it doesn't know the type. */
export const OPTIONAL_TYPE = 0x8000;

/** The number of each frame type; docs/wire.md says which side may send which, and when. */
export const FRAME = {
  hello: 1,
  welcome: 2,
  pages: 3,
  switchover: 4,
  state: 5,
  run: 6,
  running: 7,
  cancel: 8,
  failed: 9,
  discard: 10,
  request: 11,
  end: 12,
  complete: 13,
  released: 14,
  free: 15,
  resume: 16,
  received: 17,
  resumed: 18,
  device: 19,
  ack: 20,
  part: 21,
  slots: 22,
  hinted: 23,
  reference: 24,
  miss: 25,
  flush: 32,
  sync: 33,
} as const;

/** The memory in which frames are built and read. The kernels work on it, so sums need no copy. */
export interface FrameMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly kernels: Kernels;
  /** The byte address of 64 bytes that an encoder or a decoder may overwrite at any time. */
  readonly scratch: number;
}

/** A frame that has arrived and passed the checks of its header. */
export interface Frame {
  readonly memory: FrameMemory;
  readonly type: number;
  readonly sequence: number;
  readonly length: number;
  /** The control part takes bytes [controlAt, controlEnd) of the memory. */
  readonly controlAt: number;
  readonly controlEnd: number;
  /** The payload takes bytes [payloadAt, payloadEnd) of the memory. */
  readonly payloadAt: number;
  readonly payloadEnd: number;
}

/** The error of a stream that is damaged, hostile or of another version; it ends the migration. */
export class WireError extends Error {
  override readonly name: string = 'WireError';
}

/** The fields of a header that a frame's builder chooses; lengths and offsets are in bytes. */
export interface FrameHeader {
  readonly type: number;
  readonly sequence: number;
  readonly controlBytes: number;
  readonly payloadOffset: number;
  readonly length: number;
}

/** Writes the header at `at`. The control part behind it must be complete, since the CRC covers it. */
export function sealFrame(memory: FrameMemory, at: number, header: FrameHeader): void {
  const { view, bytes } = memory;
  view.setUint32(at, FRAME_MAGIC, true);
  view.setUint16(at + 4, WIRE_VERSION, true);
  view.setUint16(at + 6, header.type, true);
  view.setUint32(at + 8, header.length, true);
  view.setUint32(at + 12, header.sequence, true);
  view.setUint32(at + 16, header.controlBytes, true);
  view.setUint32(at + 20, header.payloadOffset, true);
  view.setUint32(at + 24, 0, true);
  const control = at + HEADER_BYTES;
  const crc = crc32c(bytes, at, at + 28);
  view.setUint32(at + 28, crc32c(bytes, control, control + header.controlBytes, crc), true);
}

/**
 * Reads the header of the frame in bytes [at, at + received), which must carry this sequence number.
 * Throws WireError if the magic number, version, lengths, CRC or sequence number is wrong. The caller
 * still has to check the control part and the payload.
 */
export function openFrame(
  memory: FrameMemory,
  at: number,
  received: number,
  sequence: number,
): Frame {
  const { view, bytes } = memory;
  if (received < HEADER_BYTES)
    throw new WireError(`frame ${sequence}: it is cut off in its header`);
  if (view.getUint32(at, true) !== FRAME_MAGIC)
    throw new WireError(`frame ${sequence}: its magic number is wrong`);
  const version = view.getUint16(at + 4, true);
  if (version !== WIRE_VERSION) {
    throw new WireError(
      `frame ${sequence}: it is of wire version ${version}, this side speaks ${WIRE_VERSION}`,
    );
  }
  const length = view.getUint32(at + 8, true);
  const controlBytes = view.getUint32(at + 16, true);
  const payloadOffset = view.getUint32(at + 20, true);
  const isPossible =
    length === received &&
    length <= MAX_FRAME_BYTES &&
    HEADER_BYTES + controlBytes <= payloadOffset &&
    payloadOffset <= length;
  if (!isPossible) throw new WireError(`frame ${sequence}: it has impossible lengths`);
  const control = at + HEADER_BYTES;
  const crc = crc32c(bytes, control, control + controlBytes, crc32c(bytes, at, at + 28));
  if (crc !== view.getUint32(at + 28, true))
    throw new WireError(`frame ${sequence}: its CRC differs`);
  if (view.getUint32(at + 12, true) !== sequence >>> 0) {
    throw new WireError(`frame ${sequence}: it came as number ${view.getUint32(at + 12, true)}`);
  }
  return {
    memory,
    type: view.getUint16(at + 6, true),
    sequence,
    length,
    controlAt: control,
    controlEnd: control + controlBytes,
    payloadAt: at + payloadOffset,
    payloadEnd: at + length,
  };
}

/** Returns the type of the frame that this side has built at byte `at`. */
export function frameTypeAt({ view }: FrameMemory, at: number): number {
  return view.getUint16(at + 6, true);
}

/** Returns whether a frame of this type brings pages, a part of one, or references to pages. */
export const carriesPages = ({ type }: { readonly type: number }): boolean =>
  type === FRAME.pages || type === FRAME.part || type === FRAME.reference;

/** The types of the frames that name pages by what the guest's memory manager has done with them. */
export const STATE_FRAMES: readonly number[] = [
  FRAME.released,
  FRAME.free,
  FRAME.hinted,
  FRAME.slots,
];

/** Returns whether a receiver that doesn't know the frame's type may skip it. */
export function isOptional(frame: Frame): boolean {
  return (frame.type & OPTIONAL_TYPE) !== 0;
}

/** Returns the name of a frame type for messages, such as `HELLO`, or `type 99` if it is unknown. */
export function frameName(type: number): string {
  const entry = Object.entries(FRAME).find(([, number]) => number === type);
  return entry ? entry[0].toUpperCase() : `type ${type}`;
}
