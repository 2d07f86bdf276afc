import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EvacuatedGuest, ParallelLimits } from '../../src/fleet/evacuation/config.ts';
import { dirtyBytesPerSecond, orderOf } from '../../src/fleet/evacuation/order.ts';
import { EvacuationPlanner, type PlannedEvacuation } from '../../src/fleet/evacuation/planner.ts';
import { LIMITS_PRESETS } from '../../src/fleet/evacuation/presets.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { smallRun } from '../support/run-config.ts';

const MIB = 1024 * 1024;

function guest(name: string, changes: Partial<EvacuatedGuest> = {}): EvacuatedGuest {
  return { name, config: smallRun(), onDiverged: 'leave', hasBytes: false, ...changes };
}

const sized = (name: string, memoryMiB: number, workloads: Workload[] = []): EvacuatedGuest =>
  guest(name, { config: smallRun({ guest: { memoryBytes: memoryMiB * MIB, workloads } }) });

const writer = (changes: Partial<Workload>): Workload => ({
  pattern: { kind: 'uniform' },
  firstGfn: 0,
  pages: 1000,
  rate: 100,
  writes: 1,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
  ...changes,
});

const host = (name: string) => ({ name, cpus: 4, nicBytesPerSecond: 1e9 });

const NO_LIMITS: ParallelLimits = {
  outgoing: Infinity,
  incoming: Infinity,
  cluster: Infinity,
  inBatches: false,
};

function plan(
  guests: readonly EvacuatedGuest[],
  limits: Partial<ParallelLimits> = {},
  changes: Partial<PlannedEvacuation> = {},
): EvacuationPlanner {
  return new EvacuationPlanner({
    hosts: [host('old'), host('a'), host('b')],
    source: 'old',
    guests,
    limits: { ...NO_LIMITS, ...limits },
    order: 'given',
    ...changes,
  });
}

const started = (planner: EvacuationPlanner): string[] =>
  planner.starts().map(({ guest: index, target }) => `${index}>${target}`);

describe('the order of an evacuation', () => {
  const workload = (changes: Partial<Workload>) => sized('one', 64, [writer(changes)]);

  it('is as given, by size, or by deadline, equal guests as they stand in the list', () => {
    const guests = [sized('a', 8), sized('b', 4), guest('c', { deadlineNs: 5e9 }), sized('d', 4)];
    expect(orderOf(guests, 'given')).toEqual([0, 1, 2, 3]);
    expect(orderOf(guests, 'smallest')).toEqual([1, 3, 0, 2]);
    expect(orderOf(guests, 'deadline')).toEqual([2, 0, 1, 3]);
  });

  it('counts the writes of a workload, at most the pages that it covers', () => {
    const bytes = (changes: Partial<Workload>) => dirtyBytesPerSecond(workload(changes).config);
    expect(bytes({ rate: 100, writes: 0.5 })).toBe(50 * 4096);
    expect(bytes({ rate: 1e6 })).toBe(1000 * 4096);
    expect(bytes({ rate: Infinity })).toBe(1000 * 4096);
    expect(bytes({ rate: Infinity, writes: 0 })).toBe(0);
  });

  it('adds workloads up, to the whole memory at most', () => {
    const twice = [writer({ rate: 1e6 }), writer({ rate: 1e6, firstGfn: 1000 })];
    expect(dirtyBytesPerSecond(sized('two', 64, twice).config)).toBe(2000 * 4096);
    expect(dirtyBytesPerSecond(sized('small', 4, twice).config)).toBe(4 * MIB);
  });

  it('counts what a trace writes in a second, not what it reads', () => {
    const READ = 0x80000000;
    const intervals = {
      intervalNs: 100e6,
      endGfn: 9,
      intervals: [Uint32Array.of(1, 2, (3 | READ) >>> 0), Uint32Array.of(4)],
    };
    const pattern = { kind: 'trace', intervals, speed: 2, end: 'loop' } as const;
    // Three pages written in 200 ms, played twice as fast.
    expect(dirtyBytesPerSecond(workload({ pattern }).config)).toBe(30 * 4096);
  });

  it('starts with those that dirty least', () => {
    const guests = [50, 10, 30].map((rate) => sized('one', 64, [writer({ rate })]));
    expect(orderOf(guests, 'least-dirty')).toEqual([1, 2, 0]);
  });
});

describe('a planner', () => {
  const three = ['x', 'y', 'z'].map((name) => guest(name));

  it('gives each guest to the host with the fewest, the first of equals', () => {
    expect(started(plan(three))).toEqual(['0>a', '1>b', '2>a']);
  });

  it('starts nobody twice, and the next when one has ended', () => {
    const planner = plan(three, { outgoing: 1 });
    expect(started(planner)).toEqual(['0>a']);
    expect(started(planner)).toEqual([]);
    planner.ended(0, true);
    expect(started(planner)).toEqual(['1>b']);
    expect(planner.waiting).toEqual([2]);
    expect(planner.isOver).toBe(false);
  });

  it('does not count a guest that stayed where it was', () => {
    const planner = plan(three, { cluster: 1 });
    planner.starts();
    planner.ended(0, false);
    expect(started(planner)).toEqual(['1>a']);
  });

  it('lets others by whose target has room', () => {
    const wanting = [guest('x', { target: 'a' }), guest('y', { target: 'a' }), guest('z')];
    const planner = plan(wanting, { incoming: 1 });
    expect(started(planner)).toEqual(['0>a', '2>b']);
    planner.ended(2, true);
    expect(started(planner)).toEqual([]);
    planner.ended(0, true);
    expect(started(planner)).toEqual(['1>a']);
  });

  it('sends a guest without a wish to a host that has room', () => {
    const wanting = [guest('x', { target: 'b' }), guest('y'), guest('z')];
    expect(started(plan(wanting, { incoming: 1 }))).toEqual(['0>b', '1>a']);
  });

  it('waits for the whole batch', () => {
    const planner = plan(three, { outgoing: 2, inBatches: true });
    expect(started(planner)).toEqual(['0>a', '1>b']);
    planner.ended(1, true);
    expect(started(planner)).toEqual([]);
    planner.ended(0, true);
    expect(started(planner)).toEqual(['2>a']);
    planner.ended(2, true);
    expect(planner.isOver).toBe(true);
  });

  it('refuses the end of a migration that is not under way', () => {
    expect(() => plan(three).ended(0, true)).toThrow('guest 0 was not migrating');
  });

  it.each([
    ['kubevirt', 2],
    ['nova', 1],
    ['proxmox', 4],
    ['xapi', 10],
    ['hyper-v', 2],
  ] as const)('starts as many as %s would from one host', (name, count) => {
    const guests = Array.from({ length: 20 }, (_, i) => guest(`g${i}`));
    expect(plan(guests, LIMITS_PRESETS[name]).starts()).toHaveLength(count);
  });
});

describe('any evacuation', () => {
  const limit = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(Infinity));
  const evacuations = fc.record({
    limits: fc.record({
      outgoing: limit,
      incoming: limit,
      cluster: limit,
      inBatches: fc.boolean(),
    }),
    order: fc.constantFrom('given', 'smallest', 'least-dirty', 'deadline' as const),
    targets: fc.integer({ min: 1, max: 4 }),
    guests: fc.array(
      fc.record({
        wish: fc.option(fc.nat(), { nil: undefined }),
        memoryMiB: fc.integer({ min: 1, max: 8 }),
        deadlineNs: fc.option(fc.nat(), { nil: undefined }),
      }),
      { maxLength: 25 },
    ),
    // Which of those that run ends next, and whether it is at its target then.
    ends: fc.array(fc.tuple(fc.nat(), fc.boolean()), { minLength: 1 }),
  });

  /** Plays an evacuation to its end; returns what happened, and checks the limits at each step. */
  function play(drawn: typeof evacuations extends fc.Arbitrary<infer Drawn> ? Drawn : never) {
    const { limits, order, targets, ends } = drawn;
    const hosts = ['old', ...Array.from({ length: targets }, (_, i) => `t${i}`)];
    const guests = drawn.guests.map(({ wish, memoryMiB, deadlineNs }, i) => ({
      ...sized(`g${i}`, memoryMiB),
      ...(wish === undefined ? {} : { target: `t${wish % targets}` }),
      ...(deadlineNs === undefined ? {} : { deadlineNs }),
    }));
    const planner = plan(guests, limits, { hosts: hosts.map(host), order });
    const running: { guest: number; target: string }[] = [];
    const log: string[] = [];
    for (let step = 0; !planner.isOver; step++) {
      const wasRunning = running.length;
      const starts = planner.starts();
      if (limits.inBatches && wasRunning > 0) expect(starts).toEqual([]);
      running.push(...starts);
      log.push(...starts.map((start) => `${start.guest}>${start.target}`));
      expect(planner.running).toBe(running.length);
      expect(running.length).toBeLessThanOrEqual(Math.min(limits.outgoing, limits.cluster));
      for (const target of hosts) {
        const incoming = running.filter((one) => one.target === target).length;
        expect(incoming).toBeLessThanOrEqual(limits.incoming);
      }
      for (const start of starts) {
        expect(guests[start.guest]!.target ?? start.target).toBe(start.target);
        expect(start.target).not.toBe('old');
      }
      // Nobody waits for ever: something runs as long as somebody waits.
      expect(running.length).toBeGreaterThan(0);
      const [which, isThere] = ends[step % ends.length]!;
      const [over] = running.splice(which % running.length, 1);
      planner.ended(over!.guest, isThere);
    }
    return { log, guests: guests.length };
  }

  it('keeps its limits, starts everybody once, and goes the same way each time', () => {
    fc.assert(
      fc.property(evacuations, (drawn) => {
        if (drawn.guests.length === 0) return;
        const { log, guests } = play(drawn);
        const who = log.map((entry) => Number(entry.split('>')[0]));
        expect(who.toSorted((a, b) => a - b)).toEqual(Array.from({ length: guests }, (_, i) => i));
        expect(play(drawn).log).toEqual(log);
      }),
    );
  });
});
