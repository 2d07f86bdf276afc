import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import {
  type ControlMessage,
  type ControlName,
  decodeControl,
  encodeControl,
  packControl,
} from '../../src/wire/control.ts';
import { openFrame, WireError } from '../../src/wire/frame.ts';
import { MAX_CONTROL_BYTES } from '../../src/wire/limits.ts';
import { controlSample, SAMPLE_AT as AT } from '../support/frame-samples.ts';

const { memory } = new RingProducer(createRing(4 * 1024 * 1024, false));
const packr = new Packr({ useRecords: false });

/** Decodes a frame of this type whose control part is these bytes. */
function decode(name: ControlName, packed: Uint8Array): ControlMessage {
  return decodeControl(openFrame(memory, AT, encodeControl(memory, AT, name, packed, 9), 9));
}

function errorOf(name: ControlName, packed: Uint8Array): WireError {
  try {
    decode(name, packed);
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return error as WireError;
  }
  throw new Error('it was taken');
}

describe('a control message', () => {
  it('that is cut off is no msgpack, and the error says why', () => {
    const packed = packr.pack({ gfn: 70_000 });
    const error = errorOf('request', packed.subarray(0, packed.length - 2));
    expect(error.message).toBe('frame 9: request is not msgpack');
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('of a wrong body says what is wrong with it', () => {
    const error = errorOf('request', packr.pack({ gfn: -1 }));
    expect(error.message).toBe('frame 9: request has a wrong body');
    expect((error.cause as Error).message).toMatch(/gfn/);
  });

  it('may not bring text that steers a terminal', () => {
    for (const text of ['\u001b[2J', 'no\nno', 'no\u009b', 'no\u007f']) {
      const error = errorOf('failed', packr.pack({ message: text, ran: false }));
      expect(error.message).toBe('frame 9: failed has a wrong body');
    }
    const body = { message: 'größer als „hier“', ran: false };
    expect(decode('failed', packr.pack(body))).toEqual({ name: 'failed', body });
  });

  it('may agree on either integrity', () => {
    for (const integrity of ['full', 'header'] as const) {
      const body = { slots: [16], pageSize: 4096, vcpus: 1, integrity };
      const { take, memory: its, length } = controlSample({ name: 'hello', body });
      expect(take(openFrame(its, AT, length, 5))).toEqual({ name: 'hello', body });
    }
  });
});

describe('the longest control message', () => {
  /** A message of exactly so many bytes; that of `failed` is text, which takes five bytes more than it has. */
  const ofBytes = (bytes: number): ControlMessage => {
    const empty = packControl({
      name: 'failed',
      body: { message: 'x'.repeat(70_000), ran: false },
    });
    const message = 'x'.repeat(70_000 + bytes - empty.length);
    return { name: 'failed', body: { message, ran: false } };
  };

  it('is packed, and none that is longer', () => {
    expect(packControl(ofBytes(MAX_CONTROL_BYTES)).length).toBe(MAX_CONTROL_BYTES);
    expect(() => packControl(ofBytes(MAX_CONTROL_BYTES + 1))).toThrow(
      `a failed message of ${MAX_CONTROL_BYTES + 1} bytes is too long`,
    );
  });

  it('is looked at, and none that is longer', () => {
    // The text itself is longer than that of a failure may be.
    const longest = Uint8Array.from(packControl(ofBytes(MAX_CONTROL_BYTES)));
    expect(errorOf('failed', longest).message).toBe('frame 9: failed has a wrong body');
    expect(errorOf('failed', new Uint8Array(MAX_CONTROL_BYTES + 1)).message).toBe(
      'frame 9: its control message is too long',
    );
  });
});

describe('the read checksum of a stream', () => {
  const state = (checksum: unknown): Uint8Array => {
    const stream = { stream: 0, n: 1, writes: 0, checksum, pace: [] };
    const times = { guestNs: 1, aliveNs: 2, pausedNs: 3, throttled: 0, manager: [] };
    return packr.pack({ vcpus: [{ ...times, streams: [stream] }] });
  };

  it('is eight bytes', () => {
    const { body } = decode('state', state(Buffer.from([1, 0, 0, 0, 2, 0, 0, 0])));
    expect(body).toMatchObject({
      vcpus: [{ streams: [{ checksumLow: 1, checksumHigh: 2 }] }],
    });
  });

  it.each([
    ['seven bytes', Buffer.alloc(7)],
    ['nine bytes', Buffer.alloc(9)],
    ['a text of eight letters', 'abcdefgh'],
    ['a list of eight numbers', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['a number', 12_345_678],
  ])('is not %s', (_, checksum) => {
    expect(errorOf('state', state(checksum)).message).toBe('frame 9: state has a wrong body');
  });
});
