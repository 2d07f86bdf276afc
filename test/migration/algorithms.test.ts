import { describe, expect, it } from 'vitest';
import { LIVE_PHASES } from '../../src/runtime/threads/run-words.ts';
import type { Policy } from '../../src/migration/policy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import { qemuPolicy } from '../../src/migration/policies/qemu.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { SourcePhase, SourceSession } from '../../src/migration/source-session.ts';
import { stopAndCopySource } from '../../src/migration/stop-and-copy.ts';
import { openTally, pagesOf } from '../../src/wire/tally.ts';
import { accessesOf, FakeWorld, type FakeWorldOptions, ramOf } from '../support/fake-world.ts';

const MIB = 1024 * 1024;

/** A world whose source tells its phase, and what to do when a phase has begun. */
function watched(options: FakeWorldOptions, when: SourcePhase, act: (world: FakeWorld) => void) {
  const world = new FakeWorld(options);
  let hasActed = false;
  const side = {
    ...world.side,
    watch: (session: SourceSession): void => {
      if (hasActed || LIVE_PHASES.indexOf(session.phase) < LIVE_PHASES.indexOf(when)) return;
      hasActed = true;
      act(world);
    },
  };
  return { world, side };
}

/** The destination became what the source was when it was frozen. */
function expectMoved(world: FakeWorld): void {
  expect(Buffer.compare(ramOf(world.target), world.frozen!)).toBe(0);
  expect(world.targetGuest.loadedState).toEqual(world.sourceGuest.savedState);
}

/** The guest runs at the source, unlogged, and nowhere else. */
function expectAtSource(world: FakeWorld): void {
  expect(world.source.engine.areAllParked() || world.source.engine.areAllRunning()).toBe(true);
  expect(Atomics.load(world.source.words, 2)).toBe(0);
  expect(Atomics.load(world.source.words, 1)).toBe(0);
  expect(Atomics.load(world.target.words, 2)).toBe(1);
  expect(accessesOf(world.target)).toBe(0);
}

describe('stop-and-copy', () => {
  it('moves every byte while the guest stands still, at the speed of the link', () => {
    const world = new FakeWorld({ writesPerSecond: 10_000, zeroShare: 0.25 });
    const { source, destination } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(source).toMatchObject({ outcome: 'completed', guestLost: false, dirtySyncCount: 1 });
    expect(destination).toMatchObject({ outcome: 'completed' });
    expectMoved(world);
    expect(source.rounds).toHaveLength(1);
    const [round] = source.rounds;
    expect(round).toMatchObject({ index: 1, stopped: true, skippedPages: 0 });
    expect(pagesOf(round!.tally)).toBe(1024);
    const bytesNs = (source.linkBytes / 125e6) * 1e9;
    expect(source.endNs - source.startNs).toBeGreaterThan(bytesNs);
    expect(source.endNs - source.startNs).toBeLessThan(bytesNs + 3e6);
  });

  it('keeps to the migration’s own limit', () => {
    const world = new FakeWorld({ options: { maxBytesPerSecond: 20e6 } });
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    const bytesNs = (source.downtimeBytes / 20e6) * 1e9;
    expect((source.endNs - source.startNs) / bytesNs).toBeGreaterThan(0.97);
  });
});

describe.each(['bitmap', 'atomic'] as const)('pre-copy over a %s log', (dirtyLog) => {
  it('moves every byte while the guest writes, N live rounds and one stopped', () => {
    const world = new FakeWorld({ dirtyLog, writesPerSecond: 10_000 });
    const { source } = world.play(precopySource(world.side, roundsPolicy(3)));
    expect(source.outcome).toBe('completed');
    expectMoved(world);
    expect(source.rounds.map((round) => round.stopped)).toEqual([false, false, false, true]);
    expect(source.rounds.map((round) => round.index)).toEqual([1, 2, 3, 4]);
    expect(source.dirtySyncCount).toBe(4);
    const bytes = source.rounds.reduce((sum, round) => sum + round.bytes, 0);
    expect(bytes).toBe(source.precopyBytes + source.downtimeBytes);
    expect(source.rounds[0]!.dirtiedPages).toBeGreaterThan(0);
    expect(pagesOf(source.rounds[3]!.tally, 'raw')).toBeGreaterThan(0);
    expect(source.unsentPages).toBe(0);
  });

  it('skips pages that are dirty again, and sends them later', () => {
    const world = new FakeWorld({ dirtyLog, writesPerSecond: 50_000 });
    const { source } = world.play(precopySource(world.side, roundsPolicy(2)));
    expect(source.rounds[0]!.skippedPages).toBeGreaterThan(0);
    const first = source.rounds[0]!;
    expect(pagesOf(first.tally) + first.skippedPages).toBe(1024);
    expectMoved(world);
  });

  it('ends early when a round leaves nothing dirty', () => {
    const world = new FakeWorld({ dirtyLog });
    const { source } = world.play(precopySource(world.side, roundsPolicy(10)));
    expect(source.rounds.map((round) => round.stopped)).toEqual([false, true]);
    expect(source.rounds[1]).toMatchObject({ tally: openTally(), bytes: 0 });
    expect(source.dirtySyncCount).toBe(3);
    expectMoved(world);
  });

  it('decides as QEMU does: at least three syncs, the last set within the threshold', () => {
    const limitMs = 20;
    const world = new FakeWorld({
      dirtyLog,
      pages: 16 * 1024,
      writesPerSecond: 5000,
      zeroShare: 0,
    });
    const { source } = world.play(
      precopySource(world.side, qemuPolicy({ version: '10', downtimeLimitMs: limitMs })),
    );
    expect(source.outcome).toBe('completed');
    expect(source.dirtySyncCount).toBeGreaterThanOrEqual(3);
    expect(source.downtimeBytes).toBeLessThan(1.2 * 0.125 * limitMs * MIB);
    expectMoved(world);
  });

  it('lifts the migration’s limit for the last set, unless it is strict', () => {
    const downtimeNs = [false, true].map((strictRate) => {
      const options = { maxBytesPerSecond: 10e6, strictRate };
      const world = new FakeWorld({ dirtyLog, writesPerSecond: 20_000, zeroShare: 0, options });
      const { source } = world.play(precopySource(world.side, roundsPolicy(1)));
      expectMoved(world);
      return source.running!.runningNs - source.stop.pauseAskedNs!;
    });
    expect(downtimeNs[1]! / downtimeNs[0]!).toBeGreaterThan(5);
  });
});

describe('what takes effect at once', () => {
  it('throttles and limits as the policy says, and gives up when it says so', () => {
    const seen: string[] = [];
    const policy: Policy<number> = {
      name: 'scripted',
      skipsRedirtied: false,
      initial: 0,
      decide: (step, { event }) => {
        seen.push(event);
        if (step === 0) return { state: 1, actions: [{ kind: 'throttle', share: 0.25 }] };
        if (step === 1) return { state: 2, actions: [{ kind: 'limit', bytesPerSecond: 5e6 }] };
        if (step < 20) return { state: step + 1, actions: [{ kind: 'continue' }] };
        return { state: step, actions: [{ kind: 'abort', reason: 'no end in sight' }] };
      },
    };
    const world = new FakeWorld({ writesPerSecond: 1000, zeroShare: 0 });
    const { source, destination } = world.play(precopySource(world.side, policy));
    expect(seen[0]).toBe('start');
    const error: unknown = expect.stringMatching(
      /^no end in sight: it was still in its first pass: /,
    );
    expect(source).toMatchObject({ outcome: 'diverged', error });
    expect(destination).toMatchObject({ outcome: 'cancelled' });
    expect(Atomics.load(world.source.words, 16 + 16 + 3)).toBe(0);
    const sentNs = source.endNs - source.firstPageNs!;
    expect(source.precopyBytes / sentNs).toBeLessThan(0.0065);
    expectAtSource(world);
  });
});

describe('an end before the point of no return', () => {
  const phases = ['setup', 'live', 'stopped', 'handover'] as const;

  it.each(phases)('cancelled in phase %s: the guest goes on at the source', (phase) => {
    const { world, side } = watched({ writesPerSecond: 5000, latencyNs: 2e6 }, phase, (w) => {
      w.isCancelled = true;
    });
    const { source, destination } = world.play(precopySource(side, roundsPolicy(2)));
    expect(source).toMatchObject({ outcome: 'cancelled', guestLost: false });
    expect(destination).toMatchObject({ outcome: 'cancelled' });
    expectAtSource(world);
  });

  it.each(phases)('the destination dies in phase %s: the guest goes on at the source', (phase) => {
    const { world, side } = watched({ writesPerSecond: 5000 }, phase, (w) => w.killDestination());
    const { source } = world.play(precopySource(side, roundsPolicy(2)));
    expect(source).toMatchObject({ outcome: 'failed', guestLost: false });
    expectAtSource(world);
  });

  it('a timeout gives up as diverged', () => {
    const world = new FakeWorld({ writesPerSecond: 50_000, options: { timeoutNs: 20e6 } });
    const { source } = world.play(precopySource(world.side, roundsPolicy(100)));
    expect(source).toMatchObject({ outcome: 'diverged', guestLost: false });
    expect(source.endNs - source.startNs).toBeLessThan(25e6);
    expect(source.unsentPages).toBeGreaterThan(0);
    expectAtSource(world);
  });

  it('a frame damaged on the way makes the destination refuse, and the guest goes on at the source', () => {
    const { world, side } = watched({ writesPerSecond: 5000, latencyNs: 5e6 }, 'live', (w) => {
      let isDamaged = false;
      w.onTime = () => {
        if (isDamaged) return;
        // A byte of a payload that is under way.
        const { buffer } = w.forward.memory;
        const words = new Int32Array(buffer, 0, 1024);
        const [head, tail] = [words[0]!, words[16]!];
        if (head - tail < 200_000) return;
        new Uint8Array(buffer)[4096 + tail + 50_000]! ^= 0x10;
        isDamaged = true;
      };
    });
    const { source, destination } = world.play(precopySource(side, roundsPolicy(5)));
    expect(destination).toMatchObject({ outcome: 'failed' });
    expect(destination!.error).toMatch(/damaged on the way/);
    expect(source).toMatchObject({ outcome: 'failed', guestLost: false });
    expect(source.error).toMatch(/^the destination failed: frame \d+: the sum/);
    expectAtSource(world);
  });

  it('a destination prepared for another guest refuses', () => {
    const world = new FakeWorld();
    const other = new FakeWorld({ pages: 512 });
    Object.assign(world.targetGuest, { memory: other.target.memory });
    const { source } = world.play(precopySource(world.side, roundsPolicy(1)));
    expect(source.error).toMatch(/is not the one prepared here \(512 pages/);
    expectAtSource(world);
  });
});

describe('an end after the point of no return', () => {
  const afterRun = (act: (world: FakeWorld) => void) => {
    const world = new FakeWorld({ writesPerSecond: 5000, latencyNs: 10e6 });
    let savedNs = Infinity;
    world.onTime = () => {
      if (world.sourceGuest.savedState) savedNs = Math.min(savedNs, world.clock.ns);
      // RUN is on its way: the handover's frames are posted, none of them has arrived.
      if (world.clock.ns > savedNs + 5e6) act(world);
    };
    return world;
  };

  it('a cancel no longer counts', () => {
    const world = afterRun((w) => {
      w.isCancelled = true;
    });
    const { source } = world.play(precopySource(world.side, roundsPolicy(1)));
    expect(source.outcome).toBe('completed');
    expectMoved(world);
  });

  it('a dead link loses the guest, and the report says so', () => {
    const world = afterRun((w) => w.killDestination());
    const { source } = world.play(precopySource(world.side, roundsPolicy(1)));
    expect(source).toMatchObject({ outcome: 'failed', guestLost: true });
    expect(Atomics.load(world.source.words, 2)).toBe(1);
  });
});

describe('a policy that throws', () => {
  it('ends the migration with its words, and the guest stays', () => {
    const world = new FakeWorld({ writesPerSecond: 10_000 });
    const thrower: Policy<number> = {
      name: 'thrower',
      skipsRedirtied: false,
      initial: 0,
      decide(state) {
        if (state > 3) throw new Error('no idea');
        return { state: state + 1, actions: [{ kind: 'continue' }] };
      },
    };
    const { source } = world.play(precopySource(world.side, thrower));
    expect(source).toMatchObject({
      outcome: 'failed',
      guestLost: false,
      error: 'the policy thrower failed: no idea',
    });
    expectAtSource(world);
  });
});
