import { describe, expect, it } from 'vitest';
import type { BalloonHost } from '../../src/guest/guest-disk.ts';
import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import { MemoryManager } from '../../src/guest/memory-manager.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { writePlan } from '../../src/guest/stream-record.ts';
import {
  BALLOON_CALLBACKS,
  BALLOON_DEFLATED,
  BALLOON_INFLATED,
  CACHE_DROPPED,
  CACHE_MISSES,
} from '../../src/guest/vcpu-state.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { marksOf } from '../../src/memory/dirty-logs/open.ts';
import { PageGate } from '../../src/memory/gate/page-gate.ts';
import { GATE, GATE_PROTECTION, GATE_SWAP } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { PAGE_PAGED, PAGE_PROTECTED, PAGE_SWAPPED } from '../../src/memory/kernels/abi.ts';
import { accessListAt } from '../../src/memory/layout.ts';
import { pageStates, PageStates } from '../../src/memory/page-states.ts';
import { Generator } from '../../src/random/generator.ts';
import { SharedSourceGuest } from '../../src/runtime/common/guests.ts';
import { createGuestSide, openGuestSide } from '../../src/runtime/common/guest-side.ts';

const PAGES = 400;
const SECOND = 1e9;

const CONFIG: ManagerConfig = {
  kernelPages: 20,
  used: [{ firstGfn: 20, pages: 10 }],
  cache: [{ firstGfn: 30, pages: 50 }],
  deflatePages: 8,
  cacheReclaimShare: 0,
  release: 'none',
  ballooning: { intervalNs: SECOND, share: 0.5, holdOff: 3 },
};

/** A managed guest of 400 pages, 320 of them free: a workload's 100 from 100 on, and nobody's. */
function guest(
  changes: Partial<ManagerConfig> = {},
  workloadChanges: Partial<Workload> = {},
  host?: BalloonHost,
) {
  const workload: Workload = {
    pattern: { kind: 'sequential' },
    firstGfn: 100,
    pages: 100,
    rate: 1,
    writes: 1,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
    ...workloadChanges,
  };
  const shape = { memoryBytes: PAGES * 4096, pageSize: 4096, vcpus: 1, memslots: 1 };
  const memoryManager = { ...CONFIG, ...changes };
  const { plan, geometries } = planMemory(
    { ...shape, dirtyLog: 'bitmap', workloads: [workload], memoryManager },
    1,
  );
  const guestSide = openGuestSide(
    createGuestSide(geometries(0), plan, { kind: 'bitmap', ringSize: 1024 }),
  );
  const slot = guestSide.memory.slots[0]!;
  writePlan(slot, plan);
  slot.ram.fill(7);
  const handshake = new WriterHandshake(guestSide.words, 1, guestSide.doorbell);
  handshake.poll();
  const manager = new MemoryManager({
    vcpu: 0,
    plan,
    memory: guestSide.memory,
    area: guestSide.area,
    handshake,
    marks: marksOf('bitmap', 1),
    costs: { balloonPageNs: 10, pressureNs: 1000, guestDiskNs: 100_000 },
    host,
  });
  const giveBack = (): number => {
    let ns = 0;
    while (manager.owes) ns += manager.step(64);
    return ns;
  };
  const touch = (...pages: number[]): number => {
    const list = accessListAt(slot.layout, 1);
    pages.forEach((page, i) => (slot.words[(list >>> 2) + i] = page));
    return manager.admit(slot, list, pages.length, 0);
  };
  const states = new PageStates(guestSide.memory);
  const isZero = (page: number): boolean =>
    slot.ram.subarray(page * 4096, (page + 1) * 4096).every((byte) => byte === 0);
  const count = (field: number): number => guestSide.area[field]!;
  return { guestSide, plan, slot, handshake, manager, giveBack, touch, states, isZero, count };
}

describe('a memory manager', () => {
  it('waits for its host to bring in what it pages out for room that it needs now', () => {
    const host: BalloonHost = {
      surrender: () => undefined,
      regain: () => undefined,
      fetch: () => ({ isSwapped: true, ns: 7_000_000 }),
      own: () => 30,
    };
    const { manager, giveBack, touch, slot } = guest({ cache: [] }, {}, host);
    touch(100, 101, 102, 103, 104, 105, 106, 107, 108, 109);
    // All 360 that are free go to the balloon, and then two of the ten that the workload uses, for which nobody waits.
    manager.inflate(362);
    giveBack();
    expect(manager.disk?.counts).toMatchObject({ out: 2, doublePaged: 2 });
    expect(touch(150)).toBe(7_000_000);
    // It reads a page from its disk, into a page that was shared, and makes room for it.
    expect(touch(pageStates(slot).indexOf(PAGE_PAGED))).toBe(7_000_000 + 30 + 100_000);
  });

  it('begins with everything free that nobody has said is in use', () => {
    expect(guest().states.counts()).toEqual({ released: 0, free: 320, used: 80 });
  });

  it('drops page cache of all its ranges together when memory is short, and not of each', () => {
    const cache = [
      { firstGfn: 30, pages: 20 },
      { firstGfn: 60, pages: 20 },
    ];
    const { manager, giveBack, touch, count, states } = guest({
      cache,
      cacheReclaimShare: 0.5,
      ballooning: { intervalNs: SECOND, share: 1, holdOff: 3 },
    });
    manager.tick(SECOND);
    giveBack();
    expect(states.counts().free).toBe(0);
    touch(100);
    // Of the 8 pages that a callback asks for, 4 come out of the cache.
    expect([count(BALLOON_CALLBACKS), count(CACHE_DROPPED)]).toEqual([1, 4]);
  });

  it('finds the pages that a workload frees, wherever its last search has ended', () => {
    const { manager, giveBack, touch, states } = guest(
      { ballooning: { intervalNs: SECOND, share: 1, holdOff: 0 } },
      { freesNs: 1.5 * SECOND },
    );
    touch(100, 101, 102);
    manager.tick(SECOND);
    giveBack();
    expect(states.counts().free).toBe(0);
    // At 1.5 s the workload frees its pages, and at 2 s the balloon takes them.
    manager.tick(1.5 * SECOND);
    expect(states.counts().free).toBe(3);
    manager.tick(2 * SECOND);
    giveBack();
    expect(states.counts()).toMatchObject({ free: 0, released: 320 });
  });

  it('finds a page that is free behind the place at which its last search has ended', () => {
    const { manager, giveBack, touch, states, guestSide } = guest(
      { used: [{ firstGfn: 20, pages: 80 }], cache: [] },
      { pages: 300, freesNs: 1.5 * SECOND },
    );
    manager.tick(SECOND);
    giveBack();
    // Half of the 300 pages are given back, from the first on; the workload takes that one and frees it again.
    touch(100);
    giveBack();
    manager.tick(1.5 * SECOND);
    expect(states.counts().free).toBe(150);
    guestSide.engine.release(1);
    manager.attend();
    giveBack();
    expect(states.counts()).toMatchObject({ free: 0, released: 300 });
  });

  it('takes a page out of the free list when it is touched first', () => {
    const { touch, states } = guest();
    expect(touch(100, 101, 100)).toBe(0);
    expect(states.counts()).toEqual({ released: 0, free: 318, used: 82 });
  });

  it('gives a share of what is free to the balloon at each interval, zeroed and logged', () => {
    const { manager, giveBack, states, isZero } = guest();
    expect(manager.nextNs()).toBe(SECOND);
    manager.tick(SECOND);
    expect(giveBack()).toBe(160 * 10);
    expect(states.counts()).toEqual({ released: 160, free: 160, used: 80 });
    const zeroed: number[] = [];
    for (let i = 0; i < manager.log.length; i += 5) {
      const [stream, n, slot, page, pages] = manager.log.slice(i, i + 5);
      expect([n, slot]).toEqual([0, 0]);
      for (let p = page!; p < page! + pages!; p++) {
        zeroed.push(p);
        expect(isZero(p)).toBe(true);
        expect(stream).toBe(p >= 100 && p < 200 ? 0 : -1);
      }
    }
    expect(zeroed).toHaveLength(160);
    expect(isZero(20)).toBe(false);
    manager.tick(2 * SECOND);
    giveBack();
    expect(states.counts()).toEqual({ released: 240, free: 80, used: 80 });
  });

  it('marks what it zeroes in the dirty log', () => {
    const { guestSide, plan, manager, giveBack, handshake } = guest();
    const log = new SharedSourceGuest(guestSide, plan, { now: () => 0 }).openLog();
    log.start();
    handshake.poll();
    manager.tick(SECOND);
    giveBack();
    log.harvest();
    handshake.poll();
    expect(log.collect()).toBe(160);
  });

  it('takes a free page in exchange for one that was given back, while there are some', () => {
    const { manager, giveBack, touch, states, count } = guest();
    manager.tick(SECOND);
    giveBack();
    expect(touch(100)).toBe(0);
    expect(giveBack()).toBe(0);
    expect(states.counts()).toEqual({ released: 160, free: 159, used: 81 });
    expect(count(BALLOON_CALLBACKS)).toBe(0);
  });

  it('deflates when no page is free, and leaves the guest alone for some intervals', () => {
    const { manager, giveBack, touch, states, count } = guest({
      ballooning: { intervalNs: SECOND, share: 1, holdOff: 3 },
    });
    manager.tick(SECOND);
    giveBack();
    expect(states.counts().free).toBe(0);
    expect(touch(150)).toBe(1000 + 8 * 10);
    expect(states.counts()).toEqual({ released: 312, free: 7, used: 81 });
    expect(count(BALLOON_CALLBACKS)).toBe(1);
    manager.tick(2 * SECOND);
    expect(manager.owes).toBe(false);
    manager.tick(3 * SECOND);
    expect(manager.owes).toBe(true);
  });

  it('drops page cache for a share of what a callback asks for', () => {
    const { manager, giveBack, touch, states, count } = guest({
      cacheReclaimShare: 1,
      ballooning: { intervalNs: SECOND, share: 1, holdOff: 3 },
    });
    manager.tick(SECOND);
    giveBack();
    touch(150);
    giveBack();
    expect(count(CACHE_DROPPED)).toBe(8);
    expect(states.counts()).toEqual({ released: 320, free: 7, used: 73 });
    touch(30);
    expect(count(CACHE_MISSES)).toBe(1);
  });

  it('frees what a process has when it ends, every so often', () => {
    const { manager, touch, states } = guest(
      { ballooning: { intervalNs: 100 * SECOND, share: 1, holdOff: 0 } },
      { freesNs: SECOND / 4, untilNs: 5 * SECOND },
    );
    touch(100, 101, 102);
    expect(manager.nextNs()).toBe(SECOND / 4);
    manager.tick(SECOND / 4);
    expect(states.counts().free).toBe(320);
    touch(100);
    manager.tick(5 * SECOND);
    expect(states.counts().free).toBe(320);
  });

  it('gives all free pages back when the engine asks, page cache too when it asks for that', () => {
    for (const [what, released] of [
      [1, 320],
      [2, 370],
    ] as const) {
      const { guestSide, manager, giveBack, states } = guest();
      expect(guestSide.engine.haveAllReleased()).toBe(true);
      guestSide.engine.release(what);
      expect(guestSide.engine.haveAllReleased()).toBe(false);
      manager.attend();
      giveBack();
      expect(guestSide.engine.haveAllReleased()).toBe(true);
      expect(states.counts().released).toBe(released);
    }
  });

  it('owes the engine all of it, whatever its own balloon would take meanwhile', () => {
    const { guestSide, manager, giveBack, states } = guest({
      ballooning: { intervalNs: SECOND, share: 0, holdOff: 0 },
    });
    guestSide.engine.release(1);
    manager.attend();
    manager.step(5);
    manager.tick(SECOND);
    manager.attend();
    giveBack();
    expect(guestSide.engine.haveAllReleased()).toBe(true);
    expect(states.counts().released).toBe(320);
  });

  it.each([0, 0.5])('accounts for every page of its balloon (cache share %s)', (share) => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Generator(seed);
      const deflatePages = 1 + random.below(12);
      const { guestSide, manager, giveBack, touch, states, count } = guest({
        deflatePages,
        cacheReclaimShare: share,
        ballooning: { intervalNs: SECOND, share: 0.7, holdOff: random.below(3) },
      });
      for (let second = 1; second < 40; second++) {
        if (random.below(3) === 0) manager.tick(second * SECOND);
        // As in post-copy: for a while nothing can be given back.
        Atomics.store(guestSide.words, GATE, random.below(4) === 0 ? 1 : 0);
        if (random.below(2) === 0) giveBack();
        for (let i = random.below(12); i > 0; i--) touch(80 + random.below(PAGES - 80));
      }
      Atomics.store(guestSide.words, GATE, 0);
      giveBack();
      const balloon = count(BALLOON_INFLATED) - count(BALLOON_DEFLATED);
      expect(states.counts().released, `seed ${seed}`).toBe(balloon);
    }
  });

  it('gives nothing back while pages of its guest are absent', () => {
    const { guestSide, manager } = guest();
    Atomics.store(guestSide.words, GATE, 1);
    manager.tick(SECOND);
    expect(manager.owes).toBe(false);
    Atomics.store(guestSide.words, GATE, 0);
    manager.tick(2 * SECOND);
    expect(manager.owes).toBe(true);
  });

  it('gives back only pages that no gate stops while other layers are on', () => {
    const { guestSide, manager, giveBack, states, isZero } = guest({ release: 'free' });
    const gate = new PageGate(guestSide.memory, guestSide.words);
    gate.mark(90, 50, PAGE_PROTECTED);
    gate.mark(300, 1, PAGE_SWAPPED);
    gate.turnOn(GATE_PROTECTION | GATE_SWAP);
    guestSide.engine.release(1);
    manager.attend();
    giveBack();
    expect(states.counts()).toEqual({ released: 320 - 51, free: 51, used: 80 });
    expect(guestSide.engine.haveAllReleased()).toBe(true);
    for (const page of [90, 139, 300]) expect(isZero(page)).toBe(false);
    for (const page of [89, 140, 299, 301]) expect(isZero(page)).toBe(true);
  });
});
