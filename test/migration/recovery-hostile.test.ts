import { afterEach, describe, expect, it, vi } from 'vitest';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { postcopySource } from '../../src/migration/postcopy.ts';
import { SourceSession } from '../../src/migration/source-session.ts';
import { encodeControl, packControl } from '../../src/wire/control.ts';
import { FRAME, openFrame } from '../../src/wire/frame.ts';
import { Cuts } from '../support/cuts.ts';
import { FakeWorld, ramOf } from '../support/fake-world.ts';

afterEach(() => vi.restoreAllMocks());

const OPTIONS = { pages: 256, readsPerSecond: 5000, latencyNs: 50_000 };

/** A post-copy that loses its connection in the middle, in a world that `spoil` has changed. */
function play(spoil: (world: FakeWorld) => void) {
  const world = new FakeWorld(OPTIONS);
  const before = ramOf(world.source);
  const cuts = new Cuts(world, [40]);
  spoil(world);
  const played = world.play(postcopySource(world.side, cursorOrder(true)));
  expect(cuts.cuts).toBeLessThanOrEqual(1);
  // Whatever it was told, the source's memory is as it was.
  expect(Buffer.compare(ramOf(world.source), before)).toBe(0);
  return { world, ...played };
}

describe('what a destination says that it has', () => {
  const says =
    (...ranges: number[]) =>
    ({ targetGuest }: FakeWorld): void => {
      targetGuest.presence.listPresent = (_, __, list) => {
        list.length = 0;
        list.push(...ranges);
        return 256;
      };
    };

  it.each([
    ['lies outside memory', says(250, 7), /pages 250 \+ 7 lie outside memory/],
    ['wraps', says(4_294_967_295, 2), /lie outside memory/],
    ['is empty', says(3, 0), /pages 3 \+ 0 lie outside memory/],
    [
      'is not in order',
      says(10, 2, 4, 2),
      /^the destination names pages that are not in ascending order$/,
    ],
    [
      'overlaps',
      says(10, 5, 12, 5),
      /^the destination names pages that are not in ascending order$/,
    ],
    ['is not there', says(0, 256), /the source has sent all pages, but \d+ are missing/],
  ])('and %s ends the migration with one sentence', (_, spoil, message) => {
    const { source } = play(spoil);
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(source.error).toMatch(message);
  });

  it('must be as much as it says', () => {
    const { source } = play(({ near }) => {
      const poll = near.poll.bind(near);
      near.poll = () => {
        const frame = poll();
        return frame?.type === FRAME.received ? undefined : frame;
      };
    });
    expect(source.error).toMatch(/^the destination says that it has \d+ pages, and names 0$/);
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
  });

  it('can not be taken back: who has said so has run the guest', () => {
    const { source } = play(({ near, targetGuest }) => {
      const poll = near.poll.bind(near);
      let hasSaid = false;
      // Neither requests nor RUNNING come; whatever follows RESUMED reads as FAILED, not run.
      targetGuest.faults = () => [];
      targetGuest.isSettled = () => false;
      near.poll = () => {
        const frame = poll();
        if (!frame || frame.type === FRAME.running) return undefined;
        if (!hasSaid) {
          hasSaid = frame.type === FRAME.resumed;
          return frame;
        }
        const message = { name: 'failed', body: { message: 'no', ran: false } } as const;
        const length = encodeControl(frame.memory, 4096, 'failed', packControl(message), 0);
        return openFrame(frame.memory, 4096, length, 0);
      };
    });
    expect(source.error).toBe('the destination failed: no');
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
  });

  it('may be less than it has: what comes again is dropped', () => {
    const { world, source, destination } = play(says(0, 1));
    expect(source, source.error).toMatchObject({ outcome: 'completed' });
    expect(destination!.droppedPages).toBeGreaterThan(10);
    expect(Buffer.compare(ramOf(world.target), world.frozen!)).toBe(0);
  });
});

describe('a new connection', () => {
  it('that begins with anything but RESUME is refused', () => {
    const { send } = SourceSession.prototype;
    vi.spyOn(SourceSession.prototype, 'send').mockImplementation(function* (
      this: SourceSession,
      message,
    ) {
      yield* send.call(this, message.name === 'resume' ? { name: 'end', body: {} } : message);
    });
    const { source, destination } = play(() => undefined);
    expect(destination!.error).toMatch(/END came out of turn/);
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
  });

  it('RESUME over the first one is refused', () => {
    const { send } = SourceSession.prototype;
    vi.spyOn(SourceSession.prototype, 'send').mockImplementation(function* (
      this: SourceSession,
      message,
    ) {
      yield* send.call(
        this,
        message.name === 'switchover' ? { name: 'resume', body: {} } : message,
      );
    });
    const { source, destination } = play(() => undefined);
    expect(destination!.error).toMatch(/RESUME came out of turn/);
    // The guest has not run there.
    expect(source).toMatchObject({ outcome: 'failed', guestLost: false });
  });
});
