import { describe, expect, it } from 'vitest';
import { cursorOrder, twiceOrder } from '../../src/migration/page-orders/cursor.ts';
import { postcopyAfter } from '../../src/migration/policies/postcopy-after.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import { hybridSource, postcopySource } from '../../src/migration/postcopy.ts';
import { encodeControl, packControl } from '../../src/wire/control.ts';
import { type Frame, FRAME, openFrame } from '../../src/wire/frame.ts';
import { openTally, pagesOf } from '../../src/wire/tally.ts';
import { FakeWorld, type FakeWorldOptions, ramOf } from '../support/fake-world.ts';

const reading = { readsPerSecond: 5000 };

/** The destination has every byte that the source had when it was frozen. */
function expectMoved(world: FakeWorld): void {
  expect(Buffer.compare(ramOf(world.target), world.frozen!)).toBe(0);
  expect(world.targetGuest.loadedState).toEqual(world.sourceGuest.savedState);
  expect(world.targetGuest.presence.absent).toBe(0);
}

describe.each([1, 3])('post-copy over %i memslots', (memslots) => {
  it.each([true, false])('moves every page once, requested ones first, follow %s', (follow) => {
    const world = new FakeWorld({ ...reading, memslots });
    const { source, destination } = world.play(postcopySource(world.side, cursorOrder(follow)));
    expect(source).toMatchObject({ outcome: 'completed', guestLost: false, unsentPages: 0 });
    expect(destination).toMatchObject({ outcome: 'completed', droppedPages: 0 });
    expectMoved(world);
    const { postcopy } = source;
    expect(pagesOf(postcopy!.tally)).toBe(1024);
    expect(postcopy!.requests).toBeGreaterThan(0);
    expect(world.faults).toBe(postcopy!.requests);
    // The guest runs long before its pages are there.
    expect(source.downtimeBytes).toBe(0);
    const downtimeNs = source.running!.runningNs - source.stop.pauseAskedNs!;
    expect(downtimeNs).toBeLessThan((source.endNs - source.startNs) / 5);
    expect(source.endNs).toBe(postcopy!.presentNs);
  });

  it('drops and counts pages that come when they are there already', () => {
    const world = new FakeWorld({ ...reading, memslots });
    const { source, destination } = world.play(postcopySource(world.side, twiceOrder()));
    expect(source.outcome).toBe('completed');
    expect(destination!.droppedPages).toBeGreaterThan(10);
    expectMoved(world);
  });

  it('serves a fault within two latencies and the line before it', () => {
    const world = new FakeWorld({ readsPerSecond: 4000, memslots });
    const waits: number[] = [];
    let since: number | undefined;
    let before = 0;
    world.onTime = ({ clock, faults, targetGuest }) => {
      if (targetGuest.presence.wantedBy(1) >= 0) since ??= clock.ns;
      if (faults === before) return;
      before = faults;
      if (since !== undefined) waits.push(clock.ns - since);
      since = undefined;
    };
    world.play(postcopySource(world.side, cursorOrder(true)));
    expect(waits.length).toBeGreaterThan(10);
    // 2 × 100 us, a page of 33 us, 250 us of pages before it, and this world's steps of time.
    expect(waits.toSorted((a, b) => a - b)[waits.length >> 1]).toBeLessThan(700e3);
  });
});

describe('a limit of the push', () => {
  it('is not used up by requested pages: the push goes on at its rate', () => {
    const options = { postcopyBytesPerSecond: 2e6 };
    const world = new FakeWorld({ readsPerSecond: 8000, zeroShare: 0, options });
    const { source } = world.play(postcopySource(world.side, cursorOrder(false)));
    expect(source.outcome).toBe('completed');
    expectMoved(world);
    const { bytes, requests } = source.postcopy!;
    const pushedNs = ((bytes - requests * 4096) / 2e6) * 1e9;
    expect(requests).toBeGreaterThan(200);
    expect(source.endNs - source.startNs).toBeLessThan(1.2 * pushedNs + 20e6);
  });
});

describe('hybrid', () => {
  const play = (options: FakeWorldOptions, after: number, rounds = 30) => {
    const world = new FakeWorld({ ...reading, ...options });
    const policy = postcopyAfter(roundsPolicy(rounds), after);
    return { world, ...world.play(hybridSource(world.side, policy, cursorOrder(true))) };
  };

  it.each([1, 2, 3])('sends %i live rounds, then pushes what they left dirty', (after) => {
    const { world, source, destination } = play({ writesPerSecond: 20_000 }, after);
    expect(source.outcome).toBe('completed');
    expectMoved(world);
    expect(source.rounds.map(({ stopped }) => stopped)).toEqual([
      ...Array.from({ length: after }, () => false),
      true,
    ]);
    const { postcopy, rounds } = source;
    expect(rounds.at(-1)).toMatchObject({ tally: openTally() });
    expect(pagesOf(postcopy!.tally)).toBeGreaterThan(0);
    expect(pagesOf(postcopy!.tally, 'raw')).toBeLessThan(1024);
    expect(destination!.droppedPages).toBe(0);
  });

  it('ends as pre-copy when nothing is left dirty before', () => {
    const { world, source } = play({ writesPerSecond: 0 }, 5);
    expect(source.outcome).toBe('completed');
    expect(source.postcopy).toBeUndefined();
    expectMoved(world);
  });

  it('without its discards would run the guest on stale pages, and is refused', () => {
    const world = new FakeWorld({ writesPerSecond: 20_000 });
    // The planted bug: the source says that pages are missing, but not which.
    const { openLog } = world.sourceGuest;
    world.sourceGuest.openLog = () => {
      const log = openLog.call(world.sourceGuest);
      log.pages.eachRun = () => undefined;
      return log;
    };
    const policy = postcopyAfter(roundsPolicy(30), 1);
    const { source } = world.play(hybridSource(world.side, policy, cursorOrder(true)));
    expect(source.error).toMatch(/says that \d+ pages are missing, here 0 are/);
    expect(source).toMatchObject({ outcome: 'failed', guestLost: false });
  });
});

describe('after the switch to post-copy', () => {
  const lostWhen = (act: (world: FakeWorld) => void) => {
    const world = new FakeWorld(reading);
    let hasActed = false;
    world.onTime = () => {
      if (hasActed || world.faults === 0) return;
      hasActed = true;
      act(world);
    };
    return { world, ...world.play(postcopySource(world.side, cursorOrder(true))) };
  };

  it('cancel comes too late', () => {
    const { world, source } = lostWhen((w) => (w.isCancelled = true));
    expect(source.outcome).toBe('completed');
    expectMoved(world);
  });

  it('a dead destination is a lost guest', () => {
    const { source } = lostWhen((world) => world.killDestination());
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
  });

  it('a destination that has asked for pages can not say that the guest has not run', () => {
    const world = new FakeWorld(reading);
    const sneaky = world.side.link.poll.bind(world.side.link);
    // Once its vCPU has faulted, whatever it sends next reads as FAILED, not run.
    world.side.link.poll = () => {
      const frame = sneaky();
      if (!frame || world.faults === 0) return frame;
      const message = { name: 'failed', body: { message: 'no', ran: false } } as const;
      const length = encodeControl(frame.memory, 4096, 'failed', packControl(message), 0);
      return openFrame(frame.memory, 4096, length, 0);
    };
    const { source } = world.play(postcopySource(world.side, cursorOrder(true)));
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
  });

  it('does not miss the end when it comes while a last request is served', () => {
    const world = new FakeWorld(reading);
    const { link } = world.side;
    const poll = link.poll.bind(link);
    const script: (Frame | undefined)[] = [];
    let hasEnded = false;
    // A request for a page that is long there comes just before COMPLETE, which is not seen at once.
    link.poll = () => {
      if (script.length > 0) return script.shift();
      const frame = poll();
      if (hasEnded || frame?.type !== FRAME.complete) return frame;
      hasEnded = true;
      script.push(undefined, frame);
      const packed = packControl({ name: 'request', body: { gfn: 0 } });
      const length = encodeControl(frame.memory, 4096, 'request', packed, 0);
      return openFrame(frame.memory, 4096, length, 0);
    };
    const { source } = world.play(postcopySource(world.side, cursorOrder(true)));
    expect(hasEnded).toBe(true);
    expect(source, source.error).toMatchObject({ outcome: 'completed', guestLost: false });
  });

  it('a damaged page is a lost guest: it has run there', () => {
    const { source } = lostWhen(({ forward }) => {
      // The last byte of every cache line: never a record's own header.
      const bytes = new Uint8Array(forward.memory.buffer);
      for (let at = 4096 + 63; at < bytes.length; at += 64) bytes[at]! ^= 1;
    });
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
  });
});
