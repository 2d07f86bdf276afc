import { afterEach, describe, expect, it, vi } from 'vitest';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { EventLoop } from '../../src/runtime/virtual/event-loop.ts';
import { Half } from '../../src/runtime/virtual/half.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { VirtualWorld } from '../../src/runtime/virtual/world.ts';
import { smallRun } from '../support/run-config.ts';
import { stepper } from '../support/stepper.ts';

afterEach(() => vi.restoreAllMocks());

describe('processes that are due at the same time', () => {
  it('are stepped by class, and within a class in the order in which they were scheduled', async () => {
    const loop = new EventLoop();
    const said: string[] = [];
    loop.add(stepper('c', [5, 5, 9], said, 1));
    loop.add(stepper('a', [5, 9], said, 0));
    loop.add(stepper('b', [5, 5, 5], said, 0));
    loop.add(stepper('first', [5, 9], said, -1));
    await loop.play(() => false);
    // Each is scheduled again behind those of its class, and still before those of a higher one.
    const atFive = ['first 5', 'a 5', 'b 5', 'b 5', 'b 5', 'c 5', 'c 5'];
    expect(said).toEqual([...atFive, 'first 9', 'a 9', 'c 9']);
  });

  it('go behind those of their class that were due already, when they are scheduled again', async () => {
    const loop = new EventLoop();
    const said: string[] = [];
    loop.add(stepper('a', [5, 5], said));
    loop.add(stepper('b', [5, 5], said));
    loop.add(stepper('c', [5], said));
    await loop.play(() => false);
    expect(said).toEqual(['a 5', 'b 5', 'c 5', 'a 5', 'b 5']);
  });

  it('come after the director of their world', async () => {
    const host = { name: 'a', cpus: 1, nicBytesPerSecond: 1e6 };
    const world = new VirtualWorld({ hosts: [host], core: { bytesPerSecond: 1e6, latencyNs: 0 } });
    const said: string[] = [];
    // It was there before the director, and is due when the director watches.
    world.add(stepper('monitor', [100e6], said));
    await world.play({
      begin: () => undefined,
      onMigrationEnd: () => undefined,
      watch: (nowNs) => void said.push(`director ${nowNs}`),
      get isOver() {
        return said.length > 1;
      },
    });
    expect(said.slice(0, 2)).toEqual(['director 100000000', 'monitor 100000000']);
  });
});

describe('within a migration', () => {
  /** Nothing takes time here, so that much happens at the same time. */
  const config = (algorithm: 'precopy' | 'postcopy') =>
    smallRun({
      runtime: 'virtual',
      costs: COST_PROFILES.none,
      link: { bytesPerSecond: Infinity, latencyNs: 0 },
      migration: { algorithm, startAfterNs: 1e6, runAfterNs: 1e6 },
    });

  it.each(['precopy', 'postcopy'] as const)(
    'the destination goes before a source that is due at the same time: %s',
    async (algorithm) => {
      const halves: Half<unknown>[] = [];
      const { begin, go } = Half.prototype;
      vi.spyOn(Half.prototype, 'begin').mockImplementation(function (this: Half<unknown>) {
        halves.push(this);
        begin.call(this);
      });
      let ties = 0;
      let wrong = 0;
      vi.spyOn(Half.prototype, 'go').mockImplementation(function (this: Half<unknown>, atNs) {
        const other = halves[this === halves[0] ? 1 : 0]!;
        if (!other.isOver && other.nextNs(atNs) <= atNs) {
          ties++;
          if (this === halves[0]) wrong++;
        }
        go.call(this, atNs);
      });
      const { source, proof } = await runVirtual(config(algorithm));
      expect([source.outcome, proof?.ok]).toEqual(['completed', true]);
      // The source's half begins first.
      expect(halves[0]!.result).toBe(source);
      expect(ties).toBeGreaterThan(10);
      expect(wrong).toBe(0);
    },
  );

  it('what happens to it comes before what its halves do at the same time', async () => {
    const base = smallRun({
      runtime: 'virtual',
      costs: COST_PROFILES.none,
      migration: { startAfterNs: 1e6, runAfterNs: 1e6 },
    });
    const { source } = await runVirtual(base);
    // As starting takes no time, this is the very time at which RUN arrives.
    const { runningNs } = source.running!;
    const killedAt = async (atNs: number): Promise<string> => {
      const { source: killed } = await runVirtual(base, {
        happenings: (world) => [{ atNs, act: () => world.killDestination() }],
      });
      return killed.outcome;
    };
    // A destination that dies 1 ns later has said RUNNING.
    expect(await killedAt(runningNs + 1)).toBe('completed');
    expect(await killedAt(runningNs)).toBe('failed');
  });
});
