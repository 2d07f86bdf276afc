import { beforeEach, describe, expect, it } from 'vitest';
import { slotOf } from '../../src/memory/guest-memory.ts';
import type { LogReader } from '../../src/memory/dirty-logs/log-reader.ts';
import type { DestinationGuest, SourceGuest } from '../../src/migration/ports.ts';

/** A guest of two vCPUs that write pages all over it. It runs at the source and is parked at the destination. */
export interface GuestWorld {
  readonly source: SourceGuest;
  readonly destination: DestinationGuest;
  /** Lets time pass on both sides; returns the new time. */
  pass(ns: number): number;
  /** How many accesses one vCPU, or all of them, have made on a side. */
  accesses(side: 'source' | 'destination', vcpu?: number): number;
}

const MS = 1e6;
/** After this many checks a guest is taken to never answer. */
const MOST_CHECKS = 100;

/** Lets time pass until a guest has done what was requested. Throws when it does not. */
function settle(world: GuestWorld, guest: SourceGuest | DestinationGuest): void {
  for (let check = 0; check < MOST_CHECKS; check++) {
    world.pass(0.1 * MS);
    if (guest.isSettled()) return;
  }
  throw new Error('the guest does not answer');
}

const pagesOf = ({ pages }: LogReader): number[] => {
  const gfns: number[] = [];
  pages.eachRun((first, count) => {
    for (let gfn = first; gfn < first + count; gfn++) gfns.push(gfn);
  });
  return gfns;
};

const copyOfRam = ({ memory }: SourceGuest): Uint8Array[] =>
  memory.slots.map(({ ram }) => ram.slice());

/** Returns the pages whose bytes have changed since a copy was made. */
function changedPages({ memory }: SourceGuest, before: readonly Uint8Array[]): number[] {
  const { pageSize } = memory;
  return memory.slots.flatMap(({ ram, layout }, index) => {
    const gfns = Array.from({ length: layout.pages }, (_, page) => page);
    const changed = gfns.filter((page) => {
      const [from, to] = [page * pageSize, (page + 1) * pageSize];
      return Buffer.compare(ram.subarray(from, to), before[index]!.subarray(from, to)) !== 0;
    });
    return changed.map((page) => layout.firstGfn + page);
  });
}

/** Tests what every source guest must do. */
export function sourceGuestConformance(name: string, create: () => GuestWorld): void {
  describe(`${name} at the source`, () => {
    let world: GuestWorld;
    let source: SourceGuest;
    beforeEach(() => {
      world = create();
      ({ source } = world);
      settle(world, source);
    });

    const pause = (): void => {
      source.pause();
      settle(world, source);
    };
    const accessesIn = (ns: number, vcpu?: number): number => {
      const before = world.accesses('source', vcpu);
      world.pass(ns);
      return world.accesses('source', vcpu) - before;
    };

    it('stands still from a settled pause on, until it is resumed', () => {
      expect(accessesIn(20 * MS)).toBeGreaterThan(100);
      pause();
      const ram = copyOfRam(source);
      expect(accessesIn(50 * MS)).toBe(0);
      expect(changedPages(source, ram)).toEqual([]);
      source.resume();
      settle(world, source);
      expect(accessesIn(20 * MS)).toBeGreaterThan(100);
    });

    it('finds every page that was written while the log was on, and none once it is off', () => {
      const log = source.openLog();
      log.start();
      settle(world, source);
      const ram = copyOfRam(source);
      const found = new Set<number>();
      for (let round = 0; round < 3; round++) {
        world.pass(3 * MS);
        log.harvest();
        settle(world, source);
        const fresh = log.collect();
        expect(fresh).toBe(log.pages.count);
        for (const gfn of pagesOf(log)) found.add(gfn);
        log.pages.clear();
      }
      world.pass(3 * MS);
      pause();
      log.collectLast();
      for (const gfn of pagesOf(log)) found.add(gfn);
      log.pages.clear();
      const changed = changedPages(source, ram);
      expect(changed.length).toBeGreaterThan(100);
      expect(changed.filter((gfn) => !found.has(gfn))).toEqual([]);
      // The log must not find pages that were not written.
      expect(found.size).toBeLessThan(source.memory.pages);
      log.stop();
      settle(world, source);
      source.resume();
      settle(world, source);
      world.pass(3 * MS);
      pause();
      expect(log.collectLast()).toBe(0);
      log.close();
    });

    it('has a page set for every reader of its log, which sees what others have taken', () => {
      const [first, second] = [source.openLog(), source.openLog()];
      for (const log of [first, second]) {
        log.start();
        settle(world, source);
      }
      world.pass(3 * MS);
      first.harvest();
      settle(world, source);
      const found = first.collect();
      expect(found).toBeGreaterThan(10);
      const before = pagesOf(first);
      first.pages.clear();
      pause();
      second.collectLast();
      const seen = new Set(pagesOf(second));
      expect(before.filter((gfn) => !seen.has(gfn))).toEqual([]);
      for (const log of [first, second]) {
        log.stop();
        settle(world, source);
        log.close();
      }
    });

    it('takes a share of their time from all vCPUs, or from one, and gives it back', () => {
      const free = accessesIn(300 * MS);
      source.throttle(0.9);
      world.pass(50 * MS);
      expect(accessesIn(300 * MS)).toBeLessThan(0.3 * free);
      source.throttle(0);
      source.throttle(0.9, 1);
      world.pass(200 * MS);
      const [before0, before1] = [0, 1].map((vcpu) => world.accesses('source', vcpu)) as [
        number,
        number,
      ];
      world.pass(300 * MS);
      expect(world.accesses('source', 0) - before0).toBeGreaterThan(0.4 * free);
      expect(world.accesses('source', 1) - before1).toBeLessThan(0.15 * free);
      source.throttle(0);
      world.pass(200 * MS);
      expect(accessesIn(300 * MS)).toBeGreaterThan(0.9 * free);
    });

    it('gives a state that is plain data, the same as long as it is paused', () => {
      pause();
      const state = source.vcpuState();
      expect(state).toHaveLength(source.vcpus);
      expect(structuredClone(state)).toEqual(state);
      expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      world.pass(20 * MS);
      expect(source.vcpuState()).toEqual(state);
    });

    it('has each page once in the order of its swap device', () => {
      pause();
      const all = Array.from({ length: source.memory.pages }, (_, gfn) => gfn);
      for (const kind of ['allocation', 'lru'] as const) {
        expect([...source.swapOrder(kind)].toSorted((a, b) => a - b)).toEqual(all);
      }
    });
  });
}

/** Tests what every destination guest must do. */
export function destinationGuestConformance(name: string, create: () => GuestWorld): void {
  describe(`${name} at the destination`, () => {
    let world: GuestWorld;
    let guest: DestinationGuest;
    beforeEach(() => {
      world = create();
      guest = world.destination;
      settle(world, world.source);
    });

    /** Pauses the source's guest and returns its state. */
    const stateOfSource = () => {
      world.pass(20 * MS);
      world.source.pause();
      settle(world, world.source);
      return structuredClone(world.source.vcpuState());
    };
    const runAndWait = (): void => {
      guest.run();
      for (let check = 0; check < MOST_CHECKS && !guest.areRunning(); check++) {
        world.pass(0.1 * MS);
      }
      expect(guest.areRunning()).toBe(true);
    };
    const install = (gfn: number): void => {
      const slot = slotOf(guest.memory, gfn);
      expect(guest.presence.claim(slot, gfn - slot.layout.firstGfn)).toBe(true);
      guest.presence.publish(slot, gfn - slot.layout.firstGfn);
    };
    /** Runs the guest without a single page. */
    const runWithoutPages = (): void => {
      expect(guest.load(stateOfSource())).toBeUndefined();
      guest.presence.discard(0, guest.memory.pages);
      guest.presence.begin();
      runAndWait();
    };
    /** Lets time pass until the guest faults; returns the pages that it waits for. */
    const nextFaults = (): readonly number[] => {
      for (let check = 0; check < MOST_CHECKS; check++) {
        const faults = guest.faults();
        if (faults.length > 0) return faults;
        world.pass(0.1 * MS);
      }
      return [];
    };

    it('runs nothing before it is told to', () => {
      expect(guest.load(stateOfSource())).toBeUndefined();
      const before = world.accesses('destination');
      world.pass(50 * MS);
      expect([guest.areRunning(), guest.isSettled()]).toEqual([false, false]);
      expect(world.accesses('destination')).toBe(before);
    });

    it('goes on where the source stood still, and says since when', () => {
      expect(guest.load(stateOfSource())).toBeUndefined();
      const before = world.accesses('source');
      expect(world.accesses('destination')).toBe(before);
      const askedNs = world.pass(0);
      runAndWait();
      expect(guest.runningSinceNs()).toBeGreaterThanOrEqual(askedNs);
      expect(guest.runningSinceNs()).toBeLessThanOrEqual(world.pass(0));
      world.pass(20 * MS);
      expect(world.accesses('destination')).toBeGreaterThan(before + 100);
      expect(world.accesses('source')).toBe(before);
    });

    it('has news when its vCPUs have come to run, until that has been looked at', () => {
      expect(guest.load(stateOfSource())).toBeUndefined();
      expect(guest.isSettled()).toBe(false);
      guest.run();
      settle(world, guest);
      expect(guest.areRunning()).toBe(true);
      expect(guest.isSettled()).toBe(false);
    });

    it('refuses a state that does not fit, and keeps what it has', () => {
      const [first, second] = stateOfSource();
      const before = world.accesses('destination');
      expect(guest.load([first!])).toMatch(/1 vCPUs, the guest 2/);
      expect(guest.load([second!, first!])).toMatch(/other streams/);
      expect(guest.load([first!, { ...second!, manager: [] }])).toMatch(/memory manager/);
      expect(world.accesses('destination')).toBe(before);
    });

    it('tells once of every page that a vCPU waits for, and lets it go on when the page is there', () => {
      runWithoutPages();
      const told: number[] = [];
      while (told.length < 60) {
        const faults = nextFaults();
        expect(faults.length).toBeGreaterThan(0);
        expect(faults.length).toBeLessThanOrEqual(guest.vcpus);
        // The fault has been reported, so it is no news any more.
        expect(guest.faults()).toEqual([]);
        told.push(...faults);
        faults.forEach(install);
      }
      expect(new Set(told).size).toBe(told.length);
      expect(told.every((gfn) => gfn >= 0 && gfn < guest.memory.pages)).toBe(true);
    });

    it('stands still while it waits for pages, and tells of them again once they are forgotten', () => {
      runWithoutPages();
      const told = new Set<number>();
      // Time passes until both vCPUs wait, each for a page of its own or both for the same page.
      for (let check = 0; check < 20; check++) {
        for (const gfn of guest.faults()) told.add(gfn);
        world.pass(1 * MS);
      }
      expect(told.size).toBeGreaterThan(0);
      expect(guest.isSettled()).toBe(false);
      const before = world.accesses('destination');
      world.pass(50 * MS);
      expect(world.accesses('destination')).toBe(before);
      guest.forgetFaults();
      expect(guest.isSettled()).toBe(true);
      expect(new Set(guest.faults())).toEqual(told);
    });

    it('waits for nothing any more once every page is there', () => {
      runWithoutPages();
      nextFaults();
      for (let gfn = 0; gfn < guest.memory.pages; gfn++) install(gfn);
      expect(guest.presence.absent).toBe(0);
      guest.presence.end();
      guest.faults();
      world.pass(1 * MS);
      const before = world.accesses('destination');
      world.pass(50 * MS);
      expect(guest.faults()).toEqual([]);
      expect(world.accesses('destination')).toBeGreaterThan(before + 100);
    });
  });
}
