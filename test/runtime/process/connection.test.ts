import { duplexPair, type Duplex } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRing, RingConsumer, RingProducer } from '../../../src/link/ring.ts';
import { Doorbell } from '../../../src/memory/doorbell.ts';
import { AsyncDoorbell } from '../../../src/runtime/process/async-doorbell.ts';
import { Connection, ConnectionEnded } from '../../../src/runtime/process/connection.ts';
import { compareClocks, PATIENCE, pongs } from '../../../src/runtime/process/handshake.ts';
import { encodeMessage, ProtocolError } from '../../../src/runtime/process/messages.ts';
import { openFrame, sealFrame } from '../../../src/wire/frame.ts';

const open: Connection[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
});

/** Two ends of a connection in this process, which have agreed on a guest, and the stream of each. */
async function pair(): Promise<{ sender: Connection; receiver: Connection; streams: Duplex[] }> {
  const streams = duplexPair();
  const sender = new Connection(streams[0], 'receiver');
  const receiver = new Connection(streams[1], 'sender');
  open.push(sender, receiver);
  receiver.send('accept', { version: 1 });
  await sender.expect(['accept'], 1000);
  return { sender, receiver, streams };
}

/** The rings of an engine that a connection carries, and what the engine would do with them. */
function carried(connection: Connection) {
  const engine = new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0);
  const outgoing = createRing(1024 * 1024, false);
  const incoming = createRing(1024 * 1024, false);
  const bell = new AsyncDoorbell();
  const producer = new RingProducer(outgoing);
  let lasts = 0;
  const clock = { now: () => 42 };
  const onLastFrame = (): void => void lasts++;
  connection.carry({
    outgoing,
    incoming,
    engine,
    bell,
    clock,
    windowBytes: 512 * 1024,
    onLastFrame,
  });
  let sequence = 0;
  return {
    consumer: new RingConsumer(incoming),
    lasts: () => lasts,
    post(length: number): void {
      const at = producer.reserve(length);
      const header = { type: 1, sequence: sequence++, controlBytes: 0, payloadOffset: 32, length };
      sealFrame(producer.memory, at, header);
      producer.commit(length, 1000);
      bell.ring();
    },
  };
}

/** Resolves when something is true, which the event loop of this process makes it. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => void setImmediate(resolve));
}

describe('a connection', () => {
  it('carries frames from ring to ring, in both directions, as they were', async () => {
    const { sender, receiver } = await pair();
    const [near, far] = [carried(sender), carried(receiver)];
    for (const length of [32, 70_000, 100, 131_072]) near.post(length);
    expect((await receiver.expect(['start'], 1000)).body.helloAtNs).toBe(1000);
    for (const [number, length] of [32, 70_000, 100, 131_072].entries()) {
      await until(() => far.consumer.peek() !== undefined);
      const { at, bytes, room, arrivalNs } = far.consumer.peek()!;
      expect(openFrame(far.consumer.memory, at, bytes, number).length).toBe(length);
      // The first one arrives when the sender has said, and the others when they come.
      expect(arrivalNs).toBe(number === 0 ? 1000 : 42);
      far.consumer.release(room);
    }
    far.post(64);
    await until(() => near.consumer.peek() !== undefined);
    expect(near.consumer.peek()!.bytes).toBe(64);
  });

  it('tells the engine once that its peer is gone, after the last frame', async () => {
    const { sender, receiver } = await pair();
    const [near, far] = [carried(sender), carried(receiver)];
    near.post(64);
    await sender.endFrames();
    await until(() => far.lasts() > 0);
    expect(far.consumer.peek()).toBeDefined();
    sender.close();
    await until(() => receiver.ended !== undefined);
    expect([near.lasts(), far.lasts()]).toEqual([1, 1]);
  });

  it.each([
    ['a second START', (s: Connection) => s.send('start', { helloAtNs: 1 }), 'START before its'],
    ['CREDIT for nothing', (s: Connection) => s.send('credit', { bytes: 1 }), 'taken 1 bytes of 0'],
    [
      'another message than the one awaited',
      (s: Connection) => s.send('park', {}),
      'PARK in place of BYE',
    ],
  ])('ends on %s, and both sides know why', async (_, act, sentence) => {
    const { sender, receiver } = await pair();
    const near = carried(sender);
    carried(receiver);
    near.post(64);
    await receiver.expect(['start'], 1000);
    const awaited = receiver.expect(['bye'], 1000);
    act(sender);
    await expect(awaited).rejects.toThrow(sentence);
    await until(() => sender.ended !== undefined);
    expect(sender.ended!.message).toContain(sentence);
    expect(near.lasts()).toBe(1);
  });

  it('takes no more messages that nobody waits for than a few', async () => {
    const { sender, receiver } = await pair();
    for (let i = 0; i < 20; i++) sender.send('park', {});
    await until(() => receiver.ended !== undefined);
    expect(receiver.ended!.message).toBe('it sends too many messages');
  });

  it('is left even by a peer that never closes its end', async () => {
    const { receiver, streams } = await pair();
    vi.useFakeTimers();
    try {
      receiver.abort('enough');
      expect(streams[1]!.destroyed).toBe(false);
      vi.advanceTimersByTime(1000);
      expect(streams[1]!.destroyed).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it('says when the other side has gone in the middle of a message', async () => {
    const { receiver, streams } = await pair();
    const awaited = receiver.expect(['bye'], 1000);
    streams[0]!.write(encodeMessage('bye', { outcome: 'failed', verify: 'none' }).subarray(0, 20));
    streams[0]!.end();
    await expect(awaited).rejects.toThrow(
      new ConnectionEnded('it closed the connection in the middle of a message'),
    );
  });
});

describe('the comparison of clocks', () => {
  it('makes a clock that reads as the other one, to half of a round trip', async () => {
    const { sender, receiver } = await pair();
    // The other clock began ten minutes earlier, and runs with this one.
    const origin = process.hrtime.bigint() - 600_000_000_000n;
    const other = { now: () => Number(process.hrtime.bigint() - origin) };
    sender.onMessage = pongs(sender, other);
    const { origin: made, roundTripNs } = await compareClocks(receiver, PATIENCE);
    expect(Math.abs(Number(made - origin))).toBeLessThanOrEqual(roundTripNs / 2 + 1);
  });

  it('refuses an answer to another question, such as one that was recorded', async () => {
    const { sender, receiver } = await pair();
    sender.onMessage = ({ name }) => {
      if (name === 'ping') sender.send('pong', { number: 1, atNs: 2 });
      return true;
    };
    await expect(compareClocks(receiver, PATIENCE)).rejects.toThrow(ProtocolError);
  });

  it('answers only so many questions', async () => {
    const { sender, receiver } = await pair();
    const answer = pongs(sender, { now: () => 0 });
    const asked = Array.from({ length: 100 }, (_, number) =>
      answer({ name: 'ping', body: { number } }),
    );
    expect(asked.filter((one) => one)).toHaveLength(64);
    receiver.close();
  });
});
