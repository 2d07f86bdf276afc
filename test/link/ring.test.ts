import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/clock/virtual.ts';
import { ringLink } from '../../src/link/ring-link.ts';
import { createRing, RingConsumer, RingProducer, type SharedRing } from '../../src/link/ring.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { postNumber, pollNumber } from '../support/frames.ts';

const CAPACITY = 64 * 1024;
/** The words of a ring that count the bytes written and the bytes read, modulo 2^32. */
const HEAD = 0;
const TAIL = 16;

const tailOf = ({ memory }: SharedRing): number => new Int32Array(memory.buffer, 0, 64)[TAIL]!;

/** A ring that has carried so many bytes already. */
function ringAfter(bytes: number): SharedRing {
  const ring = createRing(CAPACITY, false);
  const words = new Int32Array(ring.memory.buffer, 0, 64);
  words[HEAD] = bytes | 0;
  words[TAIL] = bytes | 0;
  return ring;
}

/** Passes `frames` frames of `bytes` bytes through a ring, two at a time; returns how many came in order. */
function passThrough(ring: SharedRing, frames: number, bytes: number): number {
  const producer = new RingProducer(ring);
  const consumer = new RingConsumer(ring);
  let inOrder = 0;
  for (let frame = 0; frame < frames; frame += 2) {
    for (const value of [frame, frame + 1]) {
      const at = producer.reserve(bytes);
      if (at < 0) return inOrder;
      producer.memory.view.setUint32(at, value, true);
      producer.commit(bytes, 0);
    }
    for (const value of [frame, frame + 1]) {
      const record = consumer.peek();
      if (record?.bytes !== bytes) return inOrder;
      if (consumer.memory.view.getUint32(record.at, true) === value) inOrder++;
      consumer.release(record.room);
    }
  }
  return inOrder;
}

describe('a ring', () => {
  it.each([2 ** 31 - CAPACITY, 2 ** 32 - CAPACITY])(
    'goes on when its counts of bytes pass %d + 64 KiB, at which they change their sign or begin anew',
    (bytes) => {
      expect(passThrough(ringAfter(bytes), 40, 10_000)).toBe(40);
    },
  );

  it('never holds more than its data have room for, while the counts pass those values', () => {
    for (const bytes of [2 ** 31, 2 ** 32]) {
      for (let before = 0; before <= CAPACITY; before += CAPACITY / 8) {
        const producer = new RingProducer(ringAfter(bytes - before));
        let frames = 0;
        while (frames < 20 && producer.reserve(8000) >= 0) {
          producer.commit(8000, 0);
          frames++;
        }
        expect(frames * 8000, `${before} bytes before ${bytes}`).toBeLessThan(CAPACITY);
        expect((frames + 2) * 8100).toBeGreaterThan(CAPACITY);
      }
    }
  });

  it('keeps every frame within its data, whatever room is left before its end', () => {
    for (let left = 64; left <= 1024; left += 64) {
      const ring = ringAfter(CAPACITY - left);
      const producer = new RingProducer(ring);
      for (const bytes of [left - 32, left, left + 32]) {
        const at = producer.reserve(bytes);
        const end = ring.memory.buffer.byteLength;
        expect(at + bytes, `${left} bytes left, a frame of ${bytes}`).toBeLessThanOrEqual(end);
        expect(at + bytes).toBeLessThanOrEqual(4096 + CAPACITY);
      }
    }
  });
});

describe('a frame that is shorter in memory than on the link', () => {
  it('takes the room of its bytes on the link, until it is released', () => {
    const rings = [createRing(CAPACITY, false), createRing(CAPACITY, false)] as const;
    const peerDoorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0);
    const shared = { clock: new VirtualClock(), peerDoorbell, latencyNs: 0 };
    const [near, far] = [0, 1].map((end) =>
      ringLink({
        ...shared,
        bytesPerSecond: Infinity,
        outgoing: rings[end]!,
        incoming: rings[1 - end]!,
      }),
    );
    const post = (value: number): boolean => postNumber(longer(near!), value, 128, 'pages');
    expect([post(0), post(1), post(2)]).toEqual([true, true, false]);
    for (const value of [0, 1]) {
      const before = tailOf(rings[0]);
      expect(pollNumber(far!)).toBe(value);
      far!.release();
      // A record is its header of 32 bytes and the frame's 30 000, padded to 64.
      expect(tailOf(rings[0]) - before).toBe(30_080);
    }
  });
});

/** A link on which every frame counts as 30 000 bytes. */
function longer(link: ReturnType<typeof ringLink>): ReturnType<typeof ringLink> {
  return {
    ...link,
    room: (_, kind) => link.room(30_000, kind),
    post: (bytes: number) => link.post(30_000, bytes),
  };
}
