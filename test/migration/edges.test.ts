import { describe, expect, it } from 'vitest';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import type { FrameRoom } from '../../src/link/link.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { PAGE_RELEASED } from '../../src/memory/kernels/abi.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { PageStates } from '../../src/memory/page-states.ts';
import { plainAccounting } from '../../src/migration/accounting.ts';
import { qemuWindow } from '../../src/migration/limiters.ts';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import type { PageOrder } from '../../src/migration/page-orders/page-order.ts';
import { queuedOrder } from '../../src/migration/page-orders/queued.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { DestinationGuest } from '../../src/migration/ports.ts';
import { postcopySource } from '../../src/migration/postcopy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import { ReleasedHere } from '../../src/migration/released-here.ts';
import { stopAndCopySource } from '../../src/migration/stop-and-copy.ts';
import { encodeControl, packControl } from '../../src/wire/control.ts';
import { FRAME, openFrame } from '../../src/wire/frame.ts';
import { decodeRanges, encodeRanges, MAX_RANGES } from '../../src/wire/ranges.ts';
import { Cuts } from '../support/cuts.ts';
import { FakeWorld, ramOf } from '../support/fake-world.ts';
import { STATES } from '../support/lone-source.ts';
import { smallSlot } from '../support/slots.ts';

describe('a source', () => {
  it('is refused by a destination that was prepared for fewer vCPUs', () => {
    const world = new FakeWorld({ pages: 64 });
    Object.assign(world.sourceGuest, { vcpus: 2 });
    const { source } = world.play(precopySource(world.side, roundsPolicy(1)));
    expect(source).toMatchObject({ outcome: 'failed', guestLost: false });
    expect(source.error).toMatch(/4096, 2 vCPUs\) is not the one prepared here \(.*, 1 vCPUs\)/);
  });

  it('waits for a slow link first and for an answer after that', () => {
    // A page takes the link 33 s, longer than any answer is waited for.
    const options = { timeoutNs: 1e12 };
    const world = new FakeWorld({ pages: 1, bytesPerSecond: 125, zeroShare: 0, options });
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(source, source.error).toMatchObject({ outcome: 'completed' });
    expect(source.endNs - source.startNs).toBeGreaterThan(32e9);
  });
});

describe('post-copy', () => {
  const play = (world: FakeWorld, order: PageOrder = cursorOrder(true)) =>
    world.play(postcopySource(world.side, order));

  it('is over for the guest when its last missing page has come, whatever comes again after that', () => {
    let isAgain = false;
    // The last pages go out twice.
    const order: PageOrder = {
      next(unsent) {
        const taken = unsent.take(0, 4);
        if (unsent.count === 0 && !isAgain) {
          isAgain = true;
          unsent.restore(taken);
        }
        return taken;
      },
      requested: () => undefined,
    };
    const world = new FakeWorld({ pages: 64, zeroShare: 0, bytesPerSecond: 1e6 });
    let wholeNs = Infinity;
    world.onTime = ({ clock, targetGuest, sourceGuest }) => {
      const isWhole = sourceGuest.savedState && targetGuest.loadedState && isAgain;
      if (isWhole && targetGuest.presence.absent === 0) wholeNs = Math.min(wholeNs, clock.ns);
    };
    const { source, destination } = play(world, order);
    expect(destination!.droppedPages).toBe(4);
    // A page takes the link 4 ms, and a step of this world takes 1 ms.
    expect(Math.abs(source.postcopy!.presentNs! - wholeNs)).toBeLessThan(2e6);
  });

  it('ends when the destination asks for more pages than the guest has', () => {
    const world = new FakeWorld({ pages: 64, readsPerSecond: 5000 });
    const { link } = world.side;
    const poll = link.poll.bind(link);
    let left = 0;
    link.poll = () => {
      const frame = poll();
      if (frame && world.faults > 0 && left === 0) left = 70;
      if (left <= 1) return frame;
      left--;
      const memory = frame?.memory ?? link.room(64, 'urgent')!.memory;
      const packed = packControl({ name: 'request', body: { gfn: 0 } });
      return openFrame(memory, 4096, encodeControl(memory, 4096, 'request', packed, 0), 0);
    };
    const { source } = play(world);
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(source.error).toBe('the destination asks for more pages than the guest has');
  });

  it('sends the pages that its order still holds before it says that it has sent all', () => {
    const world = new FakeWorld({ pages: 200, readsPerSecond: 2000, zeroShare: 0 });
    const { source, destination } = play(world, queuedOrder(cursorOrder(true), 64, false));
    expect(source, source.error).toMatchObject({ outcome: 'completed', unsentPages: 0 });
    expect(destination).toMatchObject({ outcome: 'completed', droppedPages: 0 });
    expect(Buffer.compare(ramOf(world.target), world.frozen!)).toBe(0);
  });

  it.each([true, false])(
    'with a channel for requests %s: they pass the limit, or wait for it',
    (preempt) => {
      const accounting = plainAccounting(4096);
      // 50 pages go out in each tenth of a second.
      const pacing = { accounting, limiter: qemuWindow(2e6, accounting) };
      const options = { pacing, preempt, postcopyBytesPerSecond: 2e6 };
      const world = new FakeWorld({ pages: 512, readsPerSecond: 1000, zeroShare: 0, options });
      const waits: number[] = [];
      let sinceNs: number | undefined;
      let before = 0;
      world.onTime = ({ clock, faults, targetGuest }) => {
        if (targetGuest.presence.wantedBy(1) >= 0) sinceNs ??= clock.ns;
        if (faults === before) return;
        before = faults;
        if (sinceNs !== undefined) waits.push(clock.ns - sinceNs);
        sinceNs = undefined;
      };
      const { source } = play(world);
      expect(source.outcome).toBe('completed');
      expect(waits.length).toBeGreaterThan(5);
      const longestNs = Math.max(...waits);
      if (preempt) expect(longestNs).toBeLessThan(10e6);
      else expect(longestNs).toBeGreaterThan(50e6);
    },
  );

  it.each([
    ['has requested a page', FRAME.request],
    ['has named the pages that it has', FRAME.received],
  ])('is lost with a destination that %s, whatever it says of the guest after that', (_, type) => {
    const world = new FakeWorld({ pages: 256, readsPerSecond: 5000 });
    const cuts = new Cuts(world, type === FRAME.received ? [40] : []);
    // Of what proves that the guest runs there, the source hears this alone.
    const silenced = new Set<number>([FRAME.running, FRAME.request]);
    silenced.delete(type);
    const poll = world.near.poll.bind(world.near);
    let hasSaid = false;
    world.near.poll = () => {
      const frame = poll();
      if (!frame || silenced.has(frame.type)) return undefined;
      if (!hasSaid) {
        hasSaid = frame.type === type;
        return frame;
      }
      const packed = packControl({ name: 'failed', body: { message: 'no', ran: false } });
      const length = encodeControl(frame.memory, 4096, 'failed', packed, 0);
      return openFrame(frame.memory, 4096, length, 0);
    };
    const { source } = play(world);
    expect([hasSaid, cuts.cuts]).toEqual([true, type === FRAME.received ? 1 : 0]);
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(source.error).toBe('the destination failed: no');
  });

  it('counts each loss of its connection by itself', () => {
    const world = new FakeWorld({ pages: 512, readsPerSecond: 2000, zeroShare: 0 });
    const cuts = new Cuts(world, [60, 160], 20e6);
    const { source } = play(world);
    expect(source, source.error).toMatchObject({ outcome: 'completed' });
    expect(cuts.restored).toBe(2);
    const { pauses } = source.postcopy!;
    expect(pauses).toHaveLength(2);
    for (const { startNs, endNs, connectedNs } of pauses!) {
      expect(endNs - startNs).toBeGreaterThan(15e6);
      expect(connectedNs).toBeGreaterThan(startNs);
      expect(endNs).toBeGreaterThanOrEqual(connectedNs!);
    }
    expect(pauses![1]!.startNs).toBeGreaterThan(pauses![0]!.endNs);
  });

  it('goes on over a connection that comes at the end of the time that it waits for one', () => {
    const world = new FakeWorld({ pages: 256, readsPerSecond: 2000, recoverWithinNs: 2e9 });
    const cuts = new Cuts(world, [40], 1.9e9);
    const { source, destination } = play(world);
    expect([source.error, destination?.error]).toEqual([undefined, undefined]);
    expect(cuts.restored).toBe(1);
  });
});

describe('pages that the guest has given back', () => {
  it('are zeroed in every memslot that their range reaches', () => {
    const shape = [
      { index: 0, firstGfn: 0, pages: 100 },
      { index: 1, firstGfn: 100, pages: 60 },
      { index: 2, firstGfn: 160, pages: 40 },
    ];
    const slots = shape.map((slot) => openSlot(smallSlot({ ...slot, hasStates: true })));
    const memory = memoryOf(slots);
    for (const { ram } of slots) ram.fill(0xa5);
    const states = new PageStates(memory);
    const guest = { memory, states, presence: { absent: 0 } } as unknown as DestinationGuest;
    const frameMemory = {
      bytes: new Uint8Array(slots[0]!.buffer),
      view: new DataView(slots[0]!.buffer),
      kernels: slots[0]!.kernels,
      scratch: 64,
    };
    const length = encodeRanges(frameMemory, 4096, 'released', [95, 70], 0, 1, 0);
    new ReleasedHere(guest).take(openFrame(frameMemory, 4096, length, 0));
    const zeroPages = slots.flatMap(({ ram, layout }) =>
      Array.from({ length: layout.pages }, (_, page) => page).flatMap((page) =>
        ram.subarray(page * 4096, (page + 1) * 4096).every((byte) => byte === 0)
          ? [layout.firstGfn + page]
          : [],
      ),
    );
    expect(zeroPages).toEqual(Array.from({ length: 70 }, (_, i) => 95 + i));
    const runs: number[][] = [];
    states.eachRun(PAGE_RELEASED, (gfn, pages) => runs.push([gfn, pages]));
    expect(runs.map(([, pages]) => pages)).toEqual([5, 60, 5]);
  });
});

describe('a source that post-copies', () => {
  it('serves the requests that wait in the order in which they came', () => {
    const { peer, session } = STATES['pushing']!();
    const { unsent } = session;
    const taken: number[] = [];
    const takePage = unsent.takePage.bind(unsent);
    unsent.takePage = (gfn) => {
      taken.push(gfn);
      return takePage(gfn);
    };
    for (const gfn of [7, 4, 6, 5]) peer.control({ name: 'request', body: { gfn } });
    peer.until(() => taken.length === 4);
    expect(taken).toEqual([7, 4, 6, 5]);
  });

  it('sends more ranges than a frame has room for in several frames, each of them once', () => {
    const { session } = STATES['pushing']!();
    const ranges = 2 * MAX_RANGES + 3;
    const memory = new RingProducer(createRing(128 * 1024, false)).memory;
    const frames: number[][] = [];
    Object.assign(session, {
      sendFrame(bytes: number, build: (room: FrameRoom) => number): Iterable<never> {
        const sequence = frames.length;
        const length = build({ memory, at: 0, sequence });
        expect(length).toBe(bytes);
        const gfns: number[] = [];
        const frame = openFrame(memory, 0, length, sequence);
        decodeRanges(frame, 2 * ranges, (gfn) => void gfns.push(gfn));
        frames.push(gfns);
        return [];
      },
    });
    const sending = session.sendRanges('discard', (take) => {
      for (let i = 0; i < ranges; i++) take(2 * i, 1);
    });
    expect(sending.next().done).toBe(true);
    expect(frames.map(({ length }) => length)).toEqual([MAX_RANGES, MAX_RANGES, 3]);
    expect(frames.flat()).toEqual(Array.from({ length: ranges }, (_, i) => 2 * i));
  });
});
