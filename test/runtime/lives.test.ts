import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/clock/virtual.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { RESUMED_NS, vcpuAreaAt } from '../../src/guest/vcpu-state.ts';
import { createLine, Line, LineEnd } from '../../src/link/line.ts';
import { noLink } from '../../src/link/no-link.ts';
import { createRing } from '../../src/link/ring.ts';
import type { Algorithm } from '../../src/migration/ports.ts';
import { GeneratorDriver } from '../../src/runtime/common/driver.ts';
import { openGuestSide } from '../../src/runtime/common/guest-side.ts';
import { SharedDestinationGuest } from '../../src/runtime/common/guests.ts';
import { createPlace } from '../../src/runtime/common/stage.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { Connection } from '../../src/runtime/threads/connection.ts';
import { Crew } from '../../src/runtime/threads/crew.ts';
import { VirtualGuest } from '../../src/runtime/virtual/guest.ts';
import { outagesOf, whenOf } from '../../src/runtime/virtual/outages.ts';
import { smallRun } from '../support/run-config.ts';

/** So that a busy guest makes few accesses. */
const SLOW = { ...COST_PROFILES.kvm, accessNs: 5000 };

/** A guest of two vCPUs that write as fast as they can, at one place. */
function busyGuest() {
  const [workload] = smallRun().guest.workloads;
  const config = smallRun({ guest: { workloads: [{ ...workload!, rate: Infinity }] } });
  const { plan, geometries } = planMemory(config.guest, config.seed);
  const side = openGuestSide(createPlace(config.guest, plan, geometries(0)));
  return { plan, side };
}

describe('a guest of a virtual world', () => {
  const start = () => {
    const { plan, side } = busyGuest();
    const guest = new VirtualGuest(plan, side, SLOW, new VirtualClock());
    guest.start(0);
    return { guest, side, accesses: () => guest.place.crew.accesses() };
  };

  it('stands still from its end on', () => {
    const { guest, accesses } = start();
    guest.untilNs = 10e6;
    guest.advance(10e6);
    const made = accesses();
    expect(made).toBeGreaterThan(0);
    guest.advance(90e6);
    expect([guest.livedNs, accesses()]).toEqual([10e6, made]);
  });

  it.each([0.2, 0.5, 0.8])('that is throttled by %d runs for the rest of the time', (share) => {
    const [free, throttled] = [start(), start()];
    throttled.side.engine.throttle(share);
    for (const { guest } of [free, throttled]) guest.advance(200e6);
    expect(throttled.accesses() / free.accesses()).toBeCloseTo(1 - share, 1);
  });
});

describe("a destination's guest", () => {
  it('runs since the last of its vCPUs does', () => {
    const { plan, side } = busyGuest();
    const guest = new SharedDestinationGuest(side, plan, new VirtualClock());
    for (const times of [
      [5, 9],
      [9, 5],
    ]) {
      times.forEach((ns, vcpu) => (side.area[vcpuAreaAt(plan, vcpu) + RESUMED_NS] = ns));
      expect(guest.runningSinceNs()).toBe(9);
    }
  });
});

describe('the driver of an algorithm', () => {
  it('lets its link rest only while it has nothing to send', () => {
    let rests = 0;
    const waits = function* (): Algorithm<void> {
      yield { credit: 'pages', untilNs: 1 };
      yield { frame: true, untilNs: 2 };
      yield { credit: 'urgent', frame: true, untilNs: 3 };
    };
    const driver = new GeneratorDriver(waits(), {
      clock: { now: () => 0 },
      link: { ...noLink, rest: () => void rests++ },
      isGuestSettled: () => false,
      isCancelled: () => false,
    });
    const seen: number[] = [];
    driver.begin();
    seen.push(rests);
    for (const ns of [1, 2]) {
      driver.step(ns);
      seen.push(rests);
    }
    expect(seen).toEqual([0, 1, 1]);
  });

  it('says what has come rather than that the time is up', () => {
    const wakes: unknown[] = [];
    const algorithm = function* (): Algorithm<void> {
      wakes.push(yield { frame: true, untilNs: 100 });
      wakes.push(yield { guest: true, untilNs: 100 });
      wakes.push(yield { credit: 'pages', untilNs: 100 });
    };
    const driver = new GeneratorDriver(algorithm(), {
      clock: { now: () => 100 },
      link: { ...noLink, arrivalAtNs: () => 100, creditAtNs: () => 100 },
      isGuestSettled: () => true,
      isCancelled: () => false,
    });
    driver.begin();
    while (!driver.isOver) driver.step(100);
    expect(wakes).toEqual(['frame', 'guest', 'credit']);
  });
});

describe('an outage', () => {
  it('is not over before both ends have let go of the connection', () => {
    const shared = createLine();
    const line = new Line(shared, []);
    const ends = (['near', 'far'] as const).map((side) => new LineEnd(shared, side));
    const [begin, end] = outagesOf([{ afterNs: 10, forNs: 5 }], 100, line);
    expect(whenOf(begin!, 0)).toBe(110);
    begin!.act();
    expect(whenOf(end!, 200)).toBe(Infinity);
    ends[0]!.isLost();
    expect(whenOf(end!, 200)).toBe(Infinity);
    ends[1]!.isLost();
    expect(whenOf(end!, 0)).toBe(115);
    expect(whenOf(end!, 200)).toBe(200);
    end!.act();
    expect(line.isLost).toBe(false);
  });
});

describe('a connection in real time', () => {
  it('wakes both ends when it is lost, and when a new one stands', async () => {
    const rings = { source: 0, destination: 0 };
    const sideOf = (name: keyof typeof rings) => ({ doorbell: { ring: () => void rings[name]++ } });
    const shared = createLine();
    const stage = { line: shared, forward: createRing(4096), backward: createRing(4096) };
    const sides = { source: sideOf('source'), destination: sideOf('destination') };
    const connection = new Connection(stage as never, sides as never, { now: () => 0 });
    const ends = (['near', 'far'] as const).map((side) => new LineEnd(shared, side));
    connection.cut();
    expect(rings).toEqual({ source: 1, destination: 1 });
    for (const end of ends) end.isLost();
    await connection.restore();
    expect(rings).toEqual({ source: 2, destination: 2 });
    expect(ends.map((end) => end.isRestored())).toEqual([true, true]);
  });
});

describe('the crew of a run', () => {
  it('names the worker that died first', async () => {
    const crew = new Crew(() => 0);
    const tasks = ['first', 'second'].map((name) =>
      crew.watch(`the ${name}`, Promise.reject(new Error(`of ${name}`))),
    );
    await Promise.allSettled(tasks);
    expect(crew.failure?.message).toBe('the first died: of first');
  });
});
