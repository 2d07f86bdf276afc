import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/wire/crc32c.ts';
import { toldSentence } from '../../../src/wire/text.ts';
import {
  decodeMessage,
  encodeMessage,
  MESSAGE_HEADER_BYTES,
  mostBytesOf,
  ProtocolError,
} from '../../../src/runtime/process/messages.ts';

/** Sets the CRC of a message to what it has to be. */
function reseal(message: Buffer): Buffer {
  const header = crc32c(message, 0, 12);
  const crc = crc32c(message, MESSAGE_HEADER_BYTES, message.length, header);
  message.writeUInt32LE(crc >>> 0, 12);
  return message;
}

describe('a message', () => {
  it('comes out as it went in', () => {
    const body = {
      progress: [{ n: 2 ** 53 - 1, writes: 3, checksumLow: 1, checksumHigh: 2 ** 32 - 1 }],
    };
    const parked = {
      ...body,
      loaded: [
        {
          guestNs: 1.5,
          aliveNs: 2,
          pausedNs: 3,
          throttled: 0,
          manager: [],
          streams: [{ stream: 0, ...body.progress[0]!, pace: [0.25] }],
        },
      ],
      area: new Uint8Array([1, 2, 3]),
      zeroings: [1, 0, 2, 3],
      faults: [null],
      timeline: [{ ns: 5, accesses: 7 }],
      involuntarySwitches: 4,
    };
    const { name, body: out } = decodeMessage('parked', encodeMessage('parked', parked));
    expect(name).toBe('parked');
    expect(out).toEqual({ ...parked, area: expect.anything() });
    expect([...(out as typeof parked).area]).toEqual([1, 2, 3]);
    // A proof compares states as texts, so the order of their fields has to be kept.
    expect(JSON.stringify((out as typeof parked).loaded)).toBe(JSON.stringify(parked.loaded));
  });

  it('is not made when it is longer than its kind may be', () => {
    expect(() => encodeMessage('refuse', { sentence: 'x'.repeat(8193) })).toThrow(ProtocolError);
    expect(mostBytesOf('offer')).toBe(16 + 1024 * 1024);
  });

  it('may not bring text that steers a terminal', () => {
    const message = encodeMessage('refuse', { sentence: 'no\u001b[2J' });
    expect(() => decodeMessage('refuse', message)).toThrow('refuse has a wrong body');
    const told = encodeMessage('refuse', { sentence: toldSentence('no\u001b\n[2J') });
    expect(decodeMessage('refuse', told).body).toEqual({ sentence: 'no [2J' });
  });

  it('is refused when any of its bits has changed', () => {
    const message = encodeMessage('pong', { number: 1234, atNs: 5.5 });
    for (let bit = 0; bit < 8 * message.length; bit++) {
      const damaged = Buffer.from(message);
      damaged[bit >>> 3]! ^= 1 << (bit & 7);
      expect(() => decodeMessage('pong', damaged)).toThrow('pong: its CRC differs');
    }
  });

  it.each([
    ['is no msgpack', Buffer.from([0xc1])],
    ['lacks a field', encodeMessage('ready', {}).subarray(MESSAGE_HEADER_BYTES)],
    [
      'has a field too many',
      encodeMessage('pong', { number: 1, atNs: 2, more: 3 } as never).subarray(16),
    ],
    [
      'has a field of another type',
      encodeMessage('pong', { number: 'x', atNs: 2 } as never).subarray(16),
    ],
    [
      'has a fraction in place of a count',
      encodeMessage('pong', { number: 0.5, atNs: 2 }).subarray(16),
    ],
  ])('is refused when its body %s', (_, body) => {
    const message = reseal(Buffer.concat([Buffer.alloc(MESSAGE_HEADER_BYTES), body]));
    expect(() => decodeMessage('pong', message)).toThrow(
      /^pong (?:is not msgpack|has a wrong body)$/,
    );
  });
});
