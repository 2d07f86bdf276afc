import type { FrameKind, Link } from '../../src/link/link.ts';
import { FRAME, HEADER_BYTES, sealFrame } from '../../src/wire/frame.ts';

/** The number's offset in the control part; the zeros before it say that the frame has no runs of pages. */
const NUMBER_AT = 16;
const CONTROL_BYTES = 32;
/** The least number of bytes of such a frame. */
export const LEAST_FRAME = HEADER_BYTES + CONTROL_BYTES;

/** Posts a frame of `length` bytes that holds a number. Returns false when the link has no room for it. */
export function postNumber(
  link: Link,
  value: number,
  length = LEAST_FRAME,
  kind: FrameKind = 'control',
): boolean {
  const room = link.room(length, kind);
  if (!room) return false;
  const control = room.at + HEADER_BYTES;
  room.memory.bytes.fill(0, control, control + CONTROL_BYTES);
  room.memory.view.setUint32(control + NUMBER_AT, value, true);
  const { sequence } = room;
  const header = { type: FRAME.end, sequence, controlBytes: CONTROL_BYTES, length };
  sealFrame(room.memory, room.at, { ...header, payloadOffset: LEAST_FRAME });
  link.post(length);
  return true;
}

/** Returns the number in the next frame that has arrived; undefined when none has. */
export function pollNumber(link: Link): number | undefined {
  const frame = link.poll();
  return frame?.memory.view.getUint32(frame.controlAt + NUMBER_AT, true);
}
