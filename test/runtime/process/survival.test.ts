import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRing, RingConsumer } from '../../../src/link/ring.ts';
import { Doorbell } from '../../../src/memory/doorbell.ts';
import { Generator } from '../../../src/random/generator.ts';
import { AsyncDoorbell } from '../../../src/runtime/process/async-doorbell.ts';
import { Connection } from '../../../src/runtime/process/connection.ts';
import { ProtocolError } from '../../../src/runtime/process/messages.ts';
import { decodeControl } from '../../../src/wire/control.ts';
import { openFrame } from '../../../src/wire/frame.ts';

const open: Connection[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
  vi.useRealTimers();
});

/** Two ends of a connection that survives the loss of its streams. */
async function survivors(withinMs = 1000, silenceMs = 400) {
  const streams = duplexPair();
  const sender = new Connection(streams[0], 'receiver');
  const receiver = new Connection(streams[1], 'sender');
  open.push(sender, receiver);
  receiver.send('accept', { version: 1 });
  await sender.expect(['accept'], 1000);
  const survival = {
    isReplaced: withinMs > 0,
    withinMs: () => withinMs,
    silenceMs,
    clock: { now: () => 7 },
    onLost: () => undefined,
  };
  for (const one of [sender, receiver]) one.survive(survival);
  return { sender, receiver, streams };
}

/** Gives both ends new streams, as a sender that reconnects and its receiver do. */
function reconnect(sender: Connection, receiver: Connection) {
  const streams = duplexPair();
  const [near, far] = [sender.came, receiver.came];
  expect(receiver.takeUp(streams[1], near)).toBe(true);
  expect(sender.takeUp(streams[0], far)).toBe(true);
  return streams;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('a connection that survives its streams', () => {
  it('loses no message, repeats none and keeps their order, wherever it is cut', async () => {
    const { sender, receiver, streams } = await survivors();
    const random = new Generator(5);
    const forward: number[] = [];
    const backward: number[] = [];
    receiver.onMessage = ({ name, body }) =>
      name === 'pong' && forward.push((body as { number: number }).number) > 0;
    sender.onMessage = ({ name, body }) => name === 'ping' && backward.push(body.number) > 0;
    let now = streams;
    for (let number = 0; number < 300; number++) {
      sender.send('pong', { number, atNs: 0 });
      receiver.send('ping', { number });
      const dice = random.below(12);
      if (dice < 4) await turn();
      else if (dice === 4) now[random.below(2)]!.destroy();
      else if (dice === 5) now = reconnect(sender, receiver);
    }
    reconnect(sender, receiver);
    await sender.flush(1000);
    await receiver.flush(1000);
    const all = Array.from({ length: 300 }, (_, i) => i);
    expect([forward, backward]).toEqual([all, all]);
    const again = sender.losses.reduce((sum, one) => sum + (one.again ?? 0), 0);
    expect(again).toBeGreaterThan(20);
  });

  it('refuses a stream whose other end has got what was never sent', async () => {
    const { sender, streams } = await survivors();
    streams[0].destroy();
    await turn();
    const [stream] = duplexPair();
    expect(() => sender.takeUp(stream, { messages: 5, frames: 0 })).toThrow(ProtocolError);
    expect(() => sender.takeUp(stream, { messages: 0, frames: 1 })).toThrow(ProtocolError);
  });

  it('counts a stream as lost that is silent, and no longer waits than it says', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'setTimeout', 'clearInterval', 'clearTimeout'] });
    const { sender, receiver } = await survivors(1000, 400);
    for (let beat = 0; beat < 20; beat++) {
      vi.advanceTimersByTime(100);
      await turn();
    }
    // Acknowledgements are signs of life, so that a connection on which nothing happens stands.
    expect([sender.losses.length, receiver.losses.length]).toEqual([0, 0]);
    receiver.surrender();
    const waiting = sender.expect(['ready'], 500).catch((error: Error) => error.message);
    vi.advanceTimersByTime(500);
    expect(sender.losses).toMatchObject([{ reason: 'nothing has come for 0.4 s', lostNs: 7 }]);
    expect(sender.ended).toBeUndefined();
    vi.advanceTimersByTime(1000);
    expect(await waiting).toBe('nothing has come for 0.4 s, and no new connection came within 1 s');
  });

  it('ends with its stream when no other one may take its place', async () => {
    const { sender, streams } = await survivors(0);
    streams[1].destroy();
    await vi.waitFor(() => expect(sender.ended).toBeDefined());
    expect(sender.takeUp(duplexPair()[0], sender.came)).toBe(false);
  });
});

describe('a receiver that has failed', () => {
  it.each([
    [false, ['failed']],
    [true, []],
    [undefined, []],
  ])(
    'tells the engine of the sender that the guest has not run there if ran is %s',
    async (ran, expected) => {
      const { sender, receiver } = await survivors();
      const incoming = createRing(64 * 1024, false);
      const consumer = new RingConsumer(incoming);
      let lasts = 0;
      sender.carry({
        outgoing: createRing(64 * 1024, false),
        incoming,
        engine: new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0),
        bell: new AsyncDoorbell(),
        clock: { now: () => 42 },
        windowBytes: 32 * 1024,
        onLastFrame: () => void lasts++,
      });
      receiver.abort('its memory is broken', ran);
      await vi.waitFor(() => expect(lasts).toBe(1));
      const record = consumer.peek();
      const names = record
        ? [decodeControl(openFrame(consumer.memory, record.at, record.bytes, 0))]
        : [];
      expect(names.map(({ name }) => name)).toEqual(expected);
      for (const { body } of names)
        expect(body).toEqual({ message: 'its memory is broken', ran: false });
      expect(sender.ended?.message).toBe('its memory is broken');
    },
  );
});
