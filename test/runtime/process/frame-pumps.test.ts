import { describe, expect, it } from 'vitest';
import { createRing, RingConsumer, RingProducer } from '../../../src/link/ring.ts';
import { Doorbell } from '../../../src/memory/doorbell.ts';
import { FrameSender, FrameTaker } from '../../../src/runtime/process/frame-pumps.ts';
import { ProtocolError } from '../../../src/runtime/process/messages.ts';
import { windowBytesOf } from '../../../src/runtime/process/window.ts';

const KIB = 1024;
const FRAME = 10_000;
const WINDOW = 4 * FRAME;

/** An engine's end of a ring, without the engine: what it posts, and whether it was woken. */
function engine() {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const bell = new Doorbell(words, 0);
  return { bell, rings: () => bell.sequence(), ring: createRing(256 * KIB, false) };
}

function sending() {
  const { bell, rings, ring } = engine();
  const producer = new RingProducer(ring);
  const log: string[] = [];
  const written: (() => void)[] = [];
  const sender = new FrameSender(ring, bell, WINDOW, {
    write(bytes, done) {
      log.push(`${bytes.length}:${bytes[0]}`);
      written.push(done);
    },
    begin: (arrivalNs) => void log.push(`begin ${arrivalNs}`),
    end: () => void log.push('end'),
  });
  let posted = 0;
  const post = (): void => {
    producer.memory.bytes[producer.reserve(FRAME)] = ++posted;
    producer.commit(FRAME, 500 + posted);
    sender.pump();
  };
  const finishWrites = (): void => {
    while (written.length > 0) written.shift()!();
  };
  return { sender, producer, rings, log, post, finishWrites };
}

describe('the sender of frames', () => {
  it('has one frame at the system at a time, and gives its room back only then', () => {
    const { producer, log, post, finishWrites } = sending();
    post();
    post();
    expect(log).toEqual(['begin 501', '10000:1']);
    const before = producer.queuedBytes();
    finishWrites();
    expect(log).toEqual(['begin 501', '10000:1', '10000:2']);
    expect(producer.queuedBytes()).toBeLessThan(before);
  });

  it('has no more under way than the window, however much is posted, until the other side has taken some', () => {
    const { sender, log, post, finishWrites } = sending();
    for (let i = 0; i < 10; i++) post();
    finishWrites();
    expect(log.slice(1)).toEqual(['10000:1', '10000:2', '10000:3', '10000:4']);
    sender.credit(FRAME);
    finishWrites();
    expect(log.at(-1)).toBe('10000:5');
    sender.credit(5 * FRAME);
    finishWrites();
    expect(log).toHaveLength(10);
  });

  it('ends after the last frame, once', () => {
    const { sender, log, post, finishWrites } = sending();
    post();
    sender.end();
    expect(log).not.toContain('end');
    finishWrites();
    sender.pump();
    expect(log).toEqual(['begin 501', '10000:1', 'end']);
  });

  it('refuses credit for what was never sent, and credit that is taken back', () => {
    const { sender, post, finishWrites } = sending();
    post();
    finishWrites();
    expect(() => sender.credit(FRAME + 1)).toThrow(ProtocolError);
    sender.credit(FRAME);
    expect(() => sender.credit(FRAME - 1)).toThrow(ProtocolError);
  });

  it('sends nothing once it is stopped', () => {
    const { sender, log, post } = sending();
    sender.stop();
    post();
    expect(log).toEqual([]);
  });
});

describe('the taker of frames', () => {
  it('says how much the engine has taken out of the ring, and never more', () => {
    const { bell, ring } = engine();
    const consumer = new RingConsumer(ring);
    const told: number[] = [];
    const taker = new FrameTaker(
      ring,
      bell,
      { now: () => 7 },
      WINDOW,
      (bytes) => void told.push(bytes),
    );
    let released = 0;
    for (let i = 0; i < 50; i++) {
      expect(taker.room(FRAME)).toHaveLength(FRAME);
      taker.commit(FRAME);
      if (i % 3 > 0) {
        consumer.release(consumer.peek()!.room);
        released += FRAME;
      }
      taker.pump();
      expect(told.at(-1) ?? 0).toBeLessThanOrEqual(released);
      if (i % 3 === 0) continue;
      while (consumer.peek()) {
        consumer.release(consumer.peek()!.room);
        released += FRAME;
      }
      taker.pump();
      // Less than a quarter of the window is left unsaid.
      expect(released - (told.at(-1) ?? 0)).toBeLessThan(WINDOW / 4);
    }
  });

  it('has the engine wake it when it must say what was taken later', () => {
    const { bell, ring } = engine();
    const consumer = new RingConsumer(ring);
    const taker = new FrameTaker(ring, bell, { now: () => 7 }, WINDOW, () => undefined);
    taker.room(FRAME);
    taker.commit(FRAME);
    taker.room(FRAME);
    taker.commit(FRAME);
    // What `release` returns is whether the other end waits and must be woken.
    expect(consumer.release(consumer.peek()!.room)).toBe(true);
  });

  it('has no room in a full ring, and stamps the first frame with the time that both sides know', () => {
    const { bell, rings, ring } = engine();
    const consumer = new RingConsumer(ring);
    const taker = new FrameTaker(ring, bell, { now: () => 7 }, WINDOW, () => undefined);
    taker.anchor(123);
    let frames = 0;
    while (taker.room(FRAME)) {
      taker.commit(FRAME);
      frames++;
    }
    expect(frames).toBeGreaterThan(20);
    expect(rings()).toBe(frames);
    expect(consumer.peek()!.arrivalNs).toBe(123);
    consumer.release(consumer.peek()!.room);
    expect(consumer.peek()!.arrivalNs).toBe(7);
  });
});

describe('the window', () => {
  const of = (bytesPerSecond: number, roundTripMs: number, pageSize = 4096): number =>
    windowBytesOf(
      { link: { bytesPerSecond } as never, guest: { pageSize } as never },
      roundTripMs * 1e6,
    );

  it('holds what the link carries in a round trip, two frames at least, and has a limit', () => {
    expect(of(125e6, 0)).toBeGreaterThanOrEqual(1024 * KIB);
    expect(of(1.25e9, 10) - of(1.25e9, 0)).toBe(12.5e6);
    expect(of(125e6, 0, 2 ** 21)).toBeGreaterThan(2 * 2 ** 21);
    expect(of(Infinity, 1e6)).toBe(64 * 1024 * KIB);
  });
});
