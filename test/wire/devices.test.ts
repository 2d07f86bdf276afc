import { describe, expect, it } from 'vitest';
import {
  decodeDevice,
  deviceFrameBytes,
  DEVICE_PARTS,
  type DevicePiece,
  encodeDevice,
  holdsState,
  MAX_DEVICE_BYTES,
} from '../../src/wire/devices.ts';
import { crc32c } from '../../src/wire/crc32c.ts';
import { HEADER_BYTES, openFrame, WireError } from '../../src/wire/frame.ts';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import {
  DEVICE_PIECE,
  deviceSample,
  type FrameSample,
  SAMPLE_AT,
} from '../support/frame-samples.ts';

const SEQUENCE = 5;
const take = ({ memory, length, take: decode }: FrameSample): unknown =>
  decode(openFrame(memory, SAMPLE_AT, length, SEQUENCE));

/** Changes a field of the control part and makes the CRC right again, as a hostile sender would. */
function forge({ memory }: FrameSample, field: number, value: number): void {
  const { view, bytes } = memory;
  view.setUint32(SAMPLE_AT + HEADER_BYTES + 4 * field, value, true);
  const end = SAMPLE_AT + HEADER_BYTES + view.getUint32(SAMPLE_AT + 16, true);
  const header = crc32c(bytes, SAMPLE_AT, SAMPLE_AT + 28);
  view.setUint32(SAMPLE_AT + 28, crc32c(bytes, SAMPLE_AT + HEADER_BYTES, end, header), true);
}

describe.each(['full', 'header'] as const)('a device frame with integrity %s', (integrity) => {
  it.each<DevicePiece>([
    { device: 0, part: 'initial', offset: 0, bytes: 1 },
    { device: 1023, part: 'precopy', offset: 64, bytes: 63 },
    { device: 2, part: 'state', offset: 2 ** 40 + 1, bytes: 64 },
    { device: 2, part: 'state', offset: 0, bytes: MAX_DEVICE_BYTES },
  ])('brings the piece $part of $bytes bytes', (piece) => {
    const { memory } = new RingProducer(createRing(512 * 1024, false));
    const length = encodeDevice(memory, SAMPLE_AT, piece, integrity, SEQUENCE);
    expect(length).toBeLessThanOrEqual(deviceFrameBytes(piece.bytes));
    const frame = openFrame(memory, SAMPLE_AT, length, SEQUENCE);
    expect(decodeDevice(frame, integrity)).toEqual(piece);
    expect(holdsState(frame, piece)).toBe(true);
    const others = [
      { ...piece, device: piece.device + 1 },
      { ...piece, offset: piece.offset + 256 },
      { ...piece, part: DEVICE_PARTS[(DEVICE_PARTS.indexOf(piece.part) + 1) % 3]! },
    ];
    // A piece of one byte holds only the first byte of its stamp.
    if (piece.bytes > 16)
      expect(others.map((other) => holdsState(frame, other))).not.toContain(true);
  });

  it('is refused with any bit of its header and control part flipped', () => {
    const sample = deviceSample(integrity);
    const { controlEnd } = openFrame(sample.memory, SAMPLE_AT, sample.length, SEQUENCE);
    for (let at = SAMPLE_AT; at < controlEnd; at++) {
      for (let bit = 0; bit < 8; bit++) {
        sample.memory.bytes[at]! ^= 1 << bit;
        expect(() => take(sample)).toThrow(WireError);
        sample.memory.bytes[at]! ^= 1 << bit;
      }
    }
    expect(take(sample)).toEqual(DEVICE_PIECE);
  });

  // Field by field: part, bytes (none, other than there are, far too many), sums.
  it.each([
    [1, 3, 'part 3 of a device is unknown here'],
    [1, 4_294_967_295, 'part 4294967295 of a device is unknown here'],
    [4, 0, 'the device frame has impossible lengths'],
    [4, 129, 'the device frame has impossible lengths'],
    [4, 64, 'the device frame has impossible lengths'],
    [4, 4_294_967_295, 'the device frame has impossible lengths'],
    [5, 2, 'the device frame has impossible lengths'],
  ])('is refused with field %i set to %i', (field, value, sentence) => {
    const sample = deviceSample(integrity);
    forge(sample, field, value);
    expect(() => take(sample)).toThrow(`frame 5: ${sentence}`);
  });

  it('is refused when it was built with the other integrity', () => {
    const other = integrity === 'full' ? 'header' : 'full';
    const { memory, length } = deviceSample(other);
    const frame = openFrame(memory, SAMPLE_AT, length, SEQUENCE);
    expect(() => decodeDevice(frame, integrity)).toThrow('has impossible lengths');
  });
});

it('a device frame is refused by its sum with any byte of its payload flipped', () => {
  const sample = deviceSample('full');
  const { payloadAt, payloadEnd } = openFrame(sample.memory, SAMPLE_AT, sample.length, SEQUENCE);
  expect(payloadEnd - payloadAt).toBe(128);
  for (let at = payloadAt; at < payloadEnd; at++) {
    sample.memory.bytes[at]! ^= 4;
    expect(() => take(sample)).toThrow("the sum of a device's state differs");
    sample.memory.bytes[at]! ^= 4;
  }
});
