import { afterEach, describe, expect, it, vi } from 'vitest';
import { cursorOrder, twiceOrder } from '../../src/migration/page-orders/cursor.ts';
import type { PageOrder } from '../../src/migration/page-orders/page-order.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { Algorithm } from '../../src/migration/ports.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import type { SourceSide } from '../../src/migration/source-session.ts';
import { SharedDestinationGuest } from '../../src/runtime/common/guests.ts';
import { Cuts } from '../support/cuts.ts';
import { FakeWorld, type FakeWorldOptions } from '../support/fake-world.ts';
import {
  cutEverywhere,
  expectMoved,
  expectStayed,
  framesOf,
  hybrid,
  ORDERS,
  play,
  type Played,
  postcopy,
  SMALL,
} from '../support/lost-anywhere.ts';

afterEach(() => vi.restoreAllMocks());

// After each of the first frames, and of the later ones a part: all of them are in test:long.
describe('a connection that is lost after any frame', () => {
  it.each(Object.keys(ORDERS))('of post-copy, page order %s: the guest is whole', (name) => {
    const seen = cutEverywhere(postcopy(ORDERS[name]), SMALL, { step: 8 });
    expect(seen.resent).toBeGreaterThan(seen.moved);
    // HELLO, WELCOME, DISCARD, SWITCHOVER, STATE, RUN, and what was posted while RUN was under way.
    expect(seen.stayed).toBeGreaterThanOrEqual(6);
    expect(seen.stayed).toBeLessThanOrEqual(12);
  });

  it.each([1, 3])('of post-copy over %i memslots, with pages that are sent twice', (memslots) => {
    const options = { ...SMALL, memslots };
    const seen = cutEverywhere(postcopy(twiceOrder), options, { step: 13, sendsTwice: true });
    expect(seen.stayed).toBeLessThanOrEqual(12);
  });

  it('of hybrid: before RUN the guest stays, after it it arrives', () => {
    const options = { ...SMALL, writesPerSecond: 50_000 };
    const seen = cutEverywhere(hybrid, options, { step: 2 });
    expect(seen.moved).toBeGreaterThan(5);
    expect(seen.stayed).toBeGreaterThan(5);
    expect(seen.pauses).toBeGreaterThanOrEqual(seen.moved - 1);
  });

  it.each([1, 2, 3, 4, 7, 20])('and again %i frames later', (second) => {
    const seen = cutEverywhere(postcopy(), { ...SMALL, memslots: 2 }, { step: 9, second });
    expect(seen.moved).toBeGreaterThan(15);
    if (second > 1) expect(seen.pauses).toBeGreaterThan(seen.moved);
  });

  it('of a guest whose pages are all present but one run: RECEIVED takes several frames', () => {
    const options = { ...SMALL, pages: 20_000, bytesPerSecond: 1e9, readsPerSecond: 200_000 };
    const after =
      framesOf(
        postcopy(() => scattered()),
        options,
      ) >> 1;
    const played = play(
      postcopy(() => scattered()),
      [after],
      options,
    );
    expectMoved(played);
    expect(played.source.postcopy!.pauses).toHaveLength(1);
  });
});

describe('what had arrived before a connection was lost', () => {
  /** Puts its first batches back, as if they had yet to be sent: they would go out again at the end. */
  const puttingBack = (): PageOrder => {
    const order = cursorOrder(false);
    let batches = 0;
    return {
      ...order,
      next(unsent, most) {
        const taken = order.next(unsent, most);
        if (batches++ < 5) unsent.restore(taken);
        return taken;
      },
    };
  };

  it('is not sent again, whatever the source had meant to send', () => {
    const calm = play(postcopy(puttingBack), []);
    expect(calm.destination!.droppedPages).toBeGreaterThan(5);
    const { destination, ...rest } = play(postcopy(puttingBack), [calm.cuts.frames >> 1]);
    expectMoved({ ...rest, ...(destination ? { destination } : {}) });
    expect(destination!.droppedPages).toBe(0);
  });
});

/** Every second page first: the ranges of what has arrived are as many as they can be. */
function scattered(): PageOrder {
  let cursor = 0;
  return {
    next(unsent) {
      for (; cursor < unsent.memory.pages; cursor += 2) {
        const taken = unsent.takePage(cursor);
        if (taken) return taken;
      }
      return unsent.take(0, 1);
    },
    requested: () => undefined,
  };
}

describe('a paused post-copy', () => {
  /** How long after the new connection stood the vCPU went on that had been waiting for a page. */
  const waitAfterOutage = (): { waitedNs: number; played: Played } => {
    // Next to no push: what the vCPU waits for comes because it is asked for, or not for long.
    const options = { ...SMALL, readsPerSecond: 2000, options: { postcopyBytesPerSecond: 40_000 } };
    const world = new FakeWorld(options);
    const cuts = new Cuts(world, [], 50e6);
    const tend = world.onTime;
    let waitingSinceNs: number | undefined;
    let waitedNs = 0;
    world.onTime = (w) => {
      tend(w);
      const isWaiting = world.targetGuest.presence.wantedBy(1) >= 0;
      if (cuts.cuts === 0 && world.faults === 20 && isWaiting) cuts.cut();
      if (cuts.restored === 0) return;
      if (isWaiting) waitingSinceNs ??= world.clock.ns;
      else if (waitingSinceNs !== undefined && waitedNs === 0) {
        waitedNs = world.clock.ns - waitingSinceNs;
      }
    };
    const played = { world, cuts, ...world.play(postcopy()(world.side)) };
    expect(cuts.restored).toBe(1);
    expect(waitedNs).toBeGreaterThan(0);
    return { waitedNs, played };
  };

  it('asks again for what its vCPU waits for', () => {
    const { waitedNs, played } = waitAfterOutage();
    expectMoved(played);
    // Two round trips (RESUME and REQUEST) and this world's steps of time; a push would take 100 ms a page.
    expect(waitedNs).toBeLessThan(5e6);
  });

  it('that does not ask again, a planted bug, lets its vCPU wait for the push', () => {
    vi.spyOn(SharedDestinationGuest.prototype, 'forgetFaults').mockImplementation(() => undefined);
    expect(waitAfterOutage().waitedNs).toBeGreaterThan(100e6);
  });

  it('is counted, timed, and refuses to be cancelled', () => {
    const world = new FakeWorld(SMALL);
    const cuts = new Cuts(world, [framesOf(postcopy()) >> 1]);
    const phases = new Set<string>();
    const side = {
      ...world.side,
      watch: ({ phase }: { phase: string }): void => {
        phases.add(phase);
        if (phase === 'postcopy-paused') world.isCancelled = true;
      },
    };
    const { source, destination } = world.play(postcopy()(side));
    expectMoved({ world, cuts, source, ...(destination ? { destination } : {}) });
    expect(phases).toContain('postcopy-paused');
    expect(phases).toContain('postcopy-recover');
    const [pause] = source.postcopy!.pauses!;
    expect(pause!.connectedNs! - pause!.startNs).toBeGreaterThanOrEqual(4e6);
    expect(pause!.connectedNs! - pause!.startNs).toBeLessThan(7e6);
    expect(pause!.endNs).toBeGreaterThan(pause!.connectedNs!);
  });

  const cutFor = (ns: number, options: FakeWorldOptions = {}) => {
    const world = new FakeWorld({ ...SMALL, ...options });
    const cuts = new Cuts(world, [framesOf(postcopy()) >> 1], ns);
    return { world, cuts, ...world.play(postcopy()(world.side)) };
  };

  it('whose connection does not come back in time is a lost guest, and says how far it was', () => {
    const { source, destination } = cutFor(Infinity, { recoverWithinNs: 2e9 });
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(source.error).toMatch(
      /^the link died and no new connection came within 2 s: \d+ of 256 pages had yet to be sent$/,
    );
    const [pause] = source.postcopy!.pauses!;
    expect(pause!.endNs - pause!.startNs).toBeGreaterThanOrEqual(2e9);
    expect(pause!.connectedNs).toBeUndefined();
    expect(destination).toMatchObject({ outcome: 'failed' });
  });

  it('that is not to be recovered is lost with its connection', () => {
    const { source } = cutFor(5e6, { recoverWithinNs: undefined });
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(source.error).toBe('the link is dead: the connection was lost');
    expect(source.postcopy!.pauses).toEqual([]);
  });

  it('whose destination dies meanwhile is lost', () => {
    const world = new FakeWorld(SMALL);
    const cuts = new Cuts(world, [framesOf(postcopy()) >> 1], Infinity);
    const tend = world.onTime;
    world.onTime = (w) => {
      tend(w);
      if (cuts.cuts > 0) world.killDestination();
    };
    const { source } = world.play(postcopy()(world.side));
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(source.error).toBe('the link is dead: its other end is gone');
  });
});

describe('a connection that is lost when all is said', () => {
  it('but COMPLETE: the destination stays until the source knows', () => {
    const frames = framesOf(postcopy());
    const played = play(postcopy(), [frames]);
    expectMoved(played);
    expect(played.source.postcopy!.pauses).toHaveLength(1);
    expect(played.source.postcopy!.pauses![0]!.resentPages).toBe(0);
    expect(played.source.endNs).toBe(played.source.postcopy!.presentNs);
  });
});

describe('before the point of no return', () => {
  it('a lost connection leaves a pre-copied guest at the source', () => {
    const algorithm = (side: SourceSide): Algorithm<SourceReport> =>
      precopySource(side, roundsPolicy(2));
    const options = { ...SMALL, writesPerSecond: 20_000 };
    const frames = framesOf(algorithm, options);
    let stayed = 0;
    for (let after = 1; after < frames - 1; after++) {
      const played = play(algorithm, [after], options);
      expectStayed(played);
      expect(played.destination?.outcome).toBe('failed');
      stayed++;
    }
    expect(stayed).toBeGreaterThan(10);
    // RUN, or RUNNING, was lost: nobody knows.
    const last = play(algorithm, [frames - 1], options);
    expect(last.source).toMatchObject({ outcome: 'failed', guestLost: true });
  });
});
