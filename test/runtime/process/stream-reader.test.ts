import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage, ProtocolError } from '../../../src/runtime/process/messages.ts';
import { StreamReader, type StreamSink } from '../../../src/runtime/process/stream-reader.ts';
import { FRAME_MAGIC, HEADER_BYTES, WIRE_VERSION } from '../../../src/wire/frame.ts';
import { MAX_FRAME_BYTES } from '../../../src/wire/limits.ts';

/** Collects what comes, and counts what was asked for. */
function collector(rooms = Infinity) {
  const got: string[] = [];
  const asked: number[] = [];
  let left = rooms;
  let room = new Uint8Array();
  const sink: StreamSink = {
    frameRoom(length) {
      asked.push(length);
      if (left === 0) return undefined;
      left--;
      room = new Uint8Array(length);
      return room;
    },
    frame: (length) => void got.push(`frame ${length} ${room.at(-1)}`),
    admit: (_, length) => void asked.push(length),
    message: (kind) => void got.push(kind),
  };
  return { reader: new StreamReader(sink), got, asked, makeRoom: () => (left = Infinity) };
}

/** A frame of zeros that ends with a byte; the reader looks at its magic, version and length only. */
function frame(length: number, last: number, version = WIRE_VERSION, announced = length): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32LE(FRAME_MAGIC, 0);
  bytes.writeUInt16LE(version, 4);
  bytes.writeUInt32LE(announced, 8);
  bytes[length - 1] = last;
  return bytes;
}

const message = (changes: (bytes: Buffer) => void): Buffer => {
  const bytes = encodeMessage('refuse', { sentence: 'no' });
  changes(bytes);
  return bytes;
};

describe('the reader of a stream', () => {
  it('finds the same frames and messages however the bytes are divided', () => {
    const stream = Buffer.concat([
      encodeMessage('park', {}),
      frame(HEADER_BYTES, 1),
      frame(5000, 2),
      encodeMessage('refuse', { sentence: 'x'.repeat(300) }),
      frame(64, 3),
    ]);
    const whole = collector();
    expect(whole.reader.push(stream)).toBe(stream.length);
    expect(whole.got).toEqual(['park', 'frame 32 1', 'frame 5000 2', 'refuse', 'frame 64 3']);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 20 }),
        (cuts) => {
          const { reader, got } = collector();
          const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
          for (let i = 1; i < places.length; i++) {
            const piece = stream.subarray(places[i - 1], places[i]);
            expect(reader.push(piece)).toBe(piece.length);
          }
          expect(got).toEqual(whole.got);
          expect(reader.isWithin).toBe(false);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('stops before a frame for which there is no room, and goes on later', () => {
    const { reader, got, makeRoom } = collector(1);
    const stream = Buffer.concat([frame(100, 1), frame(200, 2), encodeMessage('park', {})]);
    const taken = reader.push(stream);
    expect(got).toEqual(['frame 100 1']);
    expect(taken).toBe(112);
    makeRoom();
    expect(reader.push(stream.subarray(taken))).toBe(stream.length - taken);
    expect(got).toEqual(['frame 100 1', 'frame 200 2', 'park']);
  });

  it.each([
    ['something else', Buffer.from('GET / HTTP/1.1\r\n'), 'does not speak the protocol'],
    ['a frame of another version', frame(64, 0, 2), 'a frame of version 2'],
    ['a frame of 4 GiB', frame(64, 0, WIRE_VERSION, 2 ** 32 - 1), 'a frame of 4294967295 bytes'],
    [
      'a frame that is too long by a byte',
      frame(64, 0, WIRE_VERSION, MAX_FRAME_BYTES + 1),
      `a frame of ${MAX_FRAME_BYTES + 1} bytes`,
    ],
    ['a frame without a header', frame(64, 0, WIRE_VERSION, HEADER_BYTES - 1), 'of 31 bytes'],
    ['a message of another version', message((b) => b.writeUInt16LE(2, 4)), 'of version 2'],
    ['an unknown message', message((b) => b.writeUInt16LE(999, 6)), 'the unknown type 999'],
    ['a message of 4 GiB', message((b) => b.writeUInt32LE(2 ** 32 - 1, 8)), 'refuse of 42949672'],
    ['a message without a header', message((b) => b.writeUInt32LE(15, 8)), 'refuse of 15 bytes'],
  ])('refuses %s before it asks for any room', (_, bytes, sentence) => {
    const { reader, asked } = collector();
    expect(() => reader.push(bytes)).toThrow(ProtocolError);
    expect(() => collector().reader.push(bytes)).toThrow(sentence);
    expect(asked).toEqual([]);
  });

  it('refuses a message out of turn before it allocates it', () => {
    const reader = new StreamReader({
      frameRoom: () => undefined,
      frame: () => undefined,
      admit: (kind) => {
        throw new ProtocolError(`${kind} is out of turn`);
      },
      message: () => expect.unreachable(),
    });
    const header = encodeMessage('park', {}).subarray(0, 12);
    expect(() => reader.push(header)).toThrow('park is out of turn');
  });
});
