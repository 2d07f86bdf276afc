import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/clock/virtual.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { readAccesses, slotOfStream, writePlan } from '../../src/guest/stream-record.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { PAUSE } from '../../src/memory/handshake/words.ts';
import { SharedDestinationGuest, SharedSourceGuest } from '../../src/runtime/common/guests.ts';
import { createGuestSide, openGuestSide } from '../../src/runtime/common/guest-side.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { VirtualCrew } from '../../src/runtime/virtual/crew.ts';
import { VirtualDestinationGuest, VirtualSourceGuest } from '../../src/runtime/virtual/guests.ts';
import {
  destinationGuestConformance,
  type GuestWorld,
  sourceGuestConformance,
} from '../conformance/guest-ports.ts';

const PAGES = 2048;
const PAGE_SIZE = 4096;
type LogKind = 'bitmap' | 'ring';

const workload: Workload = {
  pattern: { kind: 'uniform' },
  firstGfn: 0,
  pages: PAGES,
  rate: 20_000,
  writes: 1,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
};

/** Both sides of a guest in two memslots, with the vCPUs that answer its engines. */
function createGuest(kind: LogKind) {
  const shape = { memoryBytes: PAGES * PAGE_SIZE, pageSize: PAGE_SIZE, vcpus: 2, memslots: 2 };
  const { plan, geometries } = planMemory({ ...shape, dirtyLog: kind, workloads: [workload] }, 1);
  const sideOf = (skewPages: number) => {
    const side = openGuestSide(
      createGuestSide(geometries(skewPages), plan, { kind, ringSize: 1024 }),
    );
    for (const slot of side.memory.slots) writePlan(slot, plan);
    Atomics.store(side.words, PAUSE, 1);
    const crew = new VirtualCrew(side, plan, COST_PROFILES.kvm);
    crew.attend(
      () => side.logReaders().makeRoom(),
      () => undefined,
    );
    return { side, crew, clock: new VirtualClock() };
  };
  const [source, destination] = [sideOf(0), sideOf(1)];
  const sides = { source, destination };
  const guests = {
    source: new SharedSourceGuest(source.side, plan, source.clock),
    destination: new SharedDestinationGuest(destination.side, plan, destination.clock),
  };
  const moveClocks = (ns: number): number => {
    const nowNs = Math.max(source.clock.now(), destination.clock.now()) + ns;
    for (const { clock } of [source, destination]) clock.moveTo(nowNs);
    return nowNs;
  };
  const accesses = (of: 'source' | 'destination', vcpu?: number): number =>
    plan.streams.reduce((sum, stream, index) => {
      if (vcpu !== undefined && stream.vcpu !== vcpu) return sum;
      const slot = slotOfStream(sides[of].side.memory, plan, index);
      return sum + readAccesses(slot, index);
    }, 0);
  return { sides, guests, moveClocks, accesses };
}

/** As over threads: the vCPUs live and answer by themselves, and the engine looks at shared words. */
function sharedWorld(kind: LogKind): GuestWorld {
  const { sides, guests, moveClocks, accesses } = createGuest(kind);
  guests.source.resume();
  return {
    ...guests,
    accesses,
    pass(ns) {
      const nowNs = moveClocks(ns);
      for (const { crew } of Object.values(sides)) {
        crew.attendFaults(nowNs);
        crew.advance(nowNs);
        crew.attendFaults(nowNs);
        crew.poll(nowNs);
      }
      return nowNs;
    },
  };
}

/** On a virtual clock: the vCPUs live when somebody looks. */
function virtualWorld(kind: LogKind): GuestWorld {
  const { sides, guests, moveClocks, accesses } = createGuest(kind);
  const costs = COST_PROFILES.kvm;
  const source = new VirtualSourceGuest(
    guests.source,
    sides.source.crew,
    sides.source.clock,
    costs,
  );
  const destination = new VirtualDestinationGuest(
    guests.destination,
    sides.destination.crew,
    sides.destination.clock,
    costs,
  );
  source.resume();
  return {
    source,
    destination,
    pass: moveClocks,
    accesses(side, vcpu) {
      source.isSettled();
      destination.isSettled();
      return accesses(side, vcpu);
    },
  };
}

for (const kind of ['bitmap', 'ring'] as const) {
  for (const [name, create] of [
    ['a guest in shared memory', sharedWorld],
    ['a guest on a virtual clock', virtualWorld],
  ] as const) {
    sourceGuestConformance(`${name}, log ${kind},`, () => create(kind));
    destinationGuestConformance(`${name}, log ${kind},`, () => create(kind));
  }
}

describe('a guest in shared memory', () => {
  it('has not settled before its vCPUs have answered', () => {
    const { source, pass } = sharedWorld('bitmap');
    expect(source.isSettled()).toBe(false);
    pass(1e6);
    expect(source.isSettled()).toBe(true);
    source.pause();
    expect(source.isSettled()).toBe(false);
    pass(1e6);
    expect(source.isSettled()).toBe(true);
    const log = source.openLog();
    log.start();
    // Who stands still has answered.
    expect(source.isSettled()).toBe(true);
    source.resume();
    pass(1e6);
    log.harvest();
    expect([source.isSettled(), log.isSettled()]).toEqual([false, false]);
    pass(1e6);
    expect([source.isSettled(), log.isSettled()]).toEqual([true, true]);
  });
});
