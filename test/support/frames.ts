import type { FrameKind, Link } from '../../src/link/link.ts';
import { FRAME, HEADER_BYTES, sealFrame } from '../../src/wire/frame.ts';

/** Posts a frame that holds a number and has `bytes` bytes beside its header; false while there is no room. */
export function postNumber(
  link: Link,
  value: number,
  bytes = 64,
  kind: FrameKind = 'control',
): boolean {
  const length = HEADER_BYTES + bytes;
  const room = link.room(length, kind);
  if (!room) return false;
  room.memory.view.setUint32(room.at + HEADER_BYTES, value, true);
  const { sequence } = room;
  const header = { type: FRAME.end, sequence, controlBytes: bytes, payloadOffset: length, length };
  sealFrame(room.memory, room.at, header);
  link.post(length);
  return true;
}

/** The number in the next frame that has arrived, undefined when there is none. */
export function pollNumber(link: Link): number | undefined {
  const frame = link.poll();
  return frame?.memory.view.getUint32(frame.controlAt, true);
}
