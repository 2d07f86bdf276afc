import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/clock/virtual.ts';
import { ringLink } from '../../src/link/ring-link.ts';
import { createRing } from '../../src/link/ring.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { GuestPageSet } from '../../src/memory/guest-memory.ts';
import { ChannelReceiver } from '../../src/migration/channels/channel-receiver.ts';
import { ChannelSender } from '../../src/migration/channels/channel-sender.ts';
import { checkChannels, takeFlush } from '../../src/migration/channels/destination-flush.ts';
import type { PageReceivers } from '../../src/migration/channels/ports.ts';
import { splitZeros } from '../../src/migration/channels/zero-splitter.ts';
import { type ControlMessage, encodeControl, packControl } from '../../src/wire/control.ts';
import { HEADER_BYTES } from '../../src/wire/frame.ts';
import { pageFrameRoom } from '../../src/wire/pages.ts';
import { openTally, pagesOf } from '../../src/wire/tally.ts';
import { FakeWorld, ramOf } from '../support/fake-world.ts';

const PAGES = 8;

/** A channel whose sender and receiver are played by the test. */
function open() {
  const world = new FakeWorld({ pages: PAGES, zeroShare: 0 });
  const ring = createRing(512 * 1024, false);
  const link = ringLink({
    clock: new VirtualClock(),
    outgoing: ring,
    incoming: ring,
    peerDoorbell: new Doorbell(new Int32Array(2), 0),
    bytesPerSecond: Infinity,
    latencyNs: 0,
  });
  const sender = new ChannelSender(link, { integrity: 'full', encodings: ['zero'] });
  const receiver = new ChannelReceiver(world.target.memory, 'full');
  const set = new GuestPageSet(world.source.memory);
  set.addAll();
  return {
    world,
    sender,
    receiver,
    /** Posts a frame with the next pages. */
    pages(count: number): void {
      const taken = set.take(0, count);
      const room = link.room(pageFrameRoom(count, 4096), 'pages')!;
      sender.post(sender.encode(taken, room));
    },
    control(message: ControlMessage): void {
      const packed = packControl(message);
      const room = link.room(HEADER_BYTES + packed.length, 'control')!;
      link.post(encodeControl(room.memory, room.at, message.name, packed, room.sequence));
    },
    take: () => receiver.take(link.poll()!),
  };
}

describe('the receiver of a channel', () => {
  it('installs pages, and says which SYNC has come', () => {
    const { world, pages, sender, take, receiver } = open();
    pages(3);
    sender.sync(1);
    pages(5);
    expect([take(), take(), take()]).toEqual([undefined, 1, undefined]);
    expect(Buffer.compare(ramOf(world.target), ramOf(world.source))).toBe(0);
    expect(pagesOf(receiver.tally)).toBe(PAGES);
    expect(sender).toMatchObject({ frames: 3, pages: PAGES });
  });

  it.each([
    [
      'a SYNC that is not the next',
      { name: 'sync', body: { number: 2 } },
      'frame 0: SYNC came out of turn',
    ],
    ['RUN', { name: 'run', body: {} }, 'frame 0: RUN came over a channel'],
    ['HELLO', { name: 'cancel', body: {} }, 'frame 0: CANCEL came over a channel'],
  ] as const)('refuses %s', (_, message, sentence) => {
    const { control, take } = open();
    control(message);
    expect(take).toThrow(sentence);
  });
});

describe('the destination', () => {
  const receivers = (problem?: string): PageReceivers => ({
    count: 2,
    begin: () => undefined,
    syncedAtNs: () => 0,
    goOn: () => undefined,
    end: () => undefined,
    problem,
    problemAtNs: problem === undefined ? Infinity : 0,
    tally: openTally(),
  });
  const clock = new VirtualClock();
  const flush = (side: { receivers?: PageReceivers }, number: number) => () =>
    takeFlush({ clock, ...side }, 1e9, 1, number).next();

  it('refuses a flush without channels, or out of turn, and channels that are damaged', () => {
    expect(flush({}, 1)).toThrow('there are no channels that could be flushed');
    expect(flush({ receivers: receivers() }, 2)).toThrow('flush 2 came out of turn');
    expect(flush({ receivers: receivers('frame 7: its CRC differs') }, 1)).toThrow(
      'its CRC differs',
    );
    expect(flush({ receivers: receivers() }, 1)().done).toBe(true);
  });

  it('gives channels up that bring no SYNC', () => {
    const silent = { ...receivers(), syncedAtNs: () => Infinity };
    const waiting = takeFlush({ clock, receivers: silent }, 1e9, 1, 1);
    expect(waiting.next().done).toBe(false);
    expect(() => waiting.next('time')).toThrow('the channels have been silent for 1 s');
  });

  it('refuses a source that has another number of channels', () => {
    expect(() => checkChannels(3, receivers())).toThrow(
      'the source sends over 3 channels, here are 2',
    );
    expect(() => checkChannels(undefined, receivers())).toThrow('over 0 channels, here are 2');
    expect(() => checkChannels(2, undefined)).toThrow('over 2 channels, here are 0');
    expect(() => checkChannels(2, receivers())).not.toThrow();
  });
});

it('the main thread tells zero pages from others', () => {
  const { source } = new FakeWorld({ pages: 100, zeroShare: 0 });
  const { ram } = source.memory.slots[0]!;
  for (const page of [0, 1, 5, 40, 99]) ram.fill(0, page * 4096, (page + 1) * 4096);
  const set = new GuestPageSet(source.memory);
  set.addAll();
  const { raw, zero } = splitZeros(set.take(0, 100));
  expect(zero).toMatchObject({ pages: 5, runs: 4 });
  expect([...zero!.list]).toEqual([0, 2, 5, 1, 40, 1, 99, 1]);
  expect(raw).toMatchObject({ pages: 95, runs: 3 });
  expect([...raw!.list]).toEqual([2, 3, 6, 34, 41, 58]);
});
