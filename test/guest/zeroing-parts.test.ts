import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import { MemoryManager } from '../../src/guest/memory-manager.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { writePlan } from '../../src/guest/stream-record.ts';
import { runVcpu } from '../../src/guest/vcpu.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { zeroPages } from '../../src/guest/zeroing.ts';
import type { LogReader } from '../../src/memory/dirty-logs/log-reader.ts';
import { marksOf } from '../../src/memory/dirty-logs/open.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { accessListAt } from '../../src/memory/layout.ts';
import { PageStates } from '../../src/memory/page-states.ts';
import { createGuestSide, openGuestSide } from '../../src/runtime/common/guest-side.ts';
import { SharedSourceGuest } from '../../src/runtime/common/guests.ts';

const PAGE = 512 * 1024;
const PAGES = 3;
const PART = 65_536;
const PARTS = PAGE / PART;
const SECOND = 1e9;

/** A guest of three large pages: one is in use, one is a workload's, and the last one is nobody's. */
function guest() {
  const workload: Workload = {
    pattern: { kind: 'sequential' },
    firstGfn: 1,
    pages: 1,
    rate: 1e-9,
    writes: 1,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
  const memoryManager: ManagerConfig = {
    kernelPages: 1,
    used: [],
    cache: [],
    deflatePages: 1,
    cacheReclaimShare: 0,
    release: 'free',
  };
  const shape = { memoryBytes: PAGES * PAGE, pageSize: PAGE, vcpus: 1, memslots: 1 };
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
  const { memory, area, words, engine } = guestSide;
  const site = { vcpu: 0, plan, memory, area, words, handshake, marks: marksOf('bitmap', 1) };
  const manager = new MemoryManager(site);
  const step = (): void => void manager.step(1 / PARTS);
  const begin = (): void => {
    handshake.poll();
    engine.release(1);
    manager.attend();
  };
  const log: LogReader = new SharedSourceGuest(guestSide, plan, { now: () => 0 }).openLog();
  const states = new PageStates(memory);
  return { site, slot, handshake, engine, manager, step, begin, log, states };
}

/** Sends what a harvest has found: copies it, and nothing else, to the destination. */
function send({ pages }: LogReader, from: Uint8Array, to: Uint8Array): void {
  pages.eachRun((gfn, count) => {
    const [at, end] = [gfn * PAGE, (gfn + count) * PAGE];
    to.set(from.subarray(at, end), at);
  });
  pages.clear();
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const zeroBytes = (ram: Uint8Array): number => {
  let bytes = 0;
  // Every byte of a part is alike, so one of each is enough.
  for (let at = 0; at < ram.length; at += PART) if (ram[at] === 0) bytes += PART;
  return bytes;
};

afterEach(() => void vi.restoreAllMocks());

describe('a large page that is zeroed in parts', () => {
  it('is polled for after every 64 KiB', () => {
    const { site, slot, handshake, engine, states } = guest();
    engine.release(1);
    const { poll } = handshake;
    const steps: number[] = [];
    let before = 0;
    vi.spyOn(handshake, 'poll').mockImplementation(() => {
      const now = zeroBytes(slot.ram);
      steps.push(now - before);
      before = now;
      if (states.counts().released === 2) engine.stop();
      return poll.call(handshake);
    });
    runVcpu({ ...site, clock: { now: () => 0 } });
    expect(before).toBe(2 * PAGE);
    expect(Math.max(...steps)).toBe(PART);
  });

  it('is free until its last part is zeroed', () => {
    const { begin, step, slot, states, manager } = guest();
    begin();
    for (let part = 1; part < PARTS; part++) {
      step();
      expect(zeroBytes(slot.ram)).toBe(part * PART);
      expect(states.counts().released).toBe(0);
    }
    step();
    expect(states.counts()).toEqual({ released: 1, free: 1, used: 1 });
    expect(manager.owes).toBe(true);
  });

  it('arrives whole when a harvest comes between any two parts, and a pause between any two after it', () => {
    for (let harvestAt = 0; harvestAt <= PARTS; harvestAt++) {
      for (const pauseAt of new Set([harvestAt, Math.min(harvestAt + 1, PARTS), PARTS])) {
        const { begin, step, slot, log, handshake, engine } = guest();
        log.start();
        begin();
        const destination = slot.ram.slice();
        for (let part = 0; part < pauseAt; part++) {
          if (part === harvestAt) {
            log.harvest();
            handshake.poll();
            log.collect();
            send(log, slot.ram, destination);
          }
          step();
          handshake.poll();
        }
        engine.pause();
        expect(handshake.poll()).toBe(false);
        log.collectLast();
        send(log, slot.ram, destination);
        const when = `harvest before part ${harvestAt}, pause before part ${pauseAt}`;
        expect(same(destination, slot.ram), when).toBe(true);
      }
    }
  });

  it('is logged part by part, so that a replay of the log makes the same bytes', () => {
    for (const parts of [1, 5, PARTS - 1, PARTS, PARTS + 3]) {
      const { begin, step, slot, manager } = guest();
      const replayed = guest();
      begin();
      for (let part = 0; part < parts; part++) step();
      for (let i = 0; i < manager.log.length; i += 5) {
        const [, n, , page, pages] = manager.log.slice(i, i + 5);
        expect(n).toBe(0);
        zeroPages(replayed.slot, page!, pages!);
      }
      expect(zeroBytes(slot.ram)).toBe(parts * PART);
      expect(same(replayed.slot.ram, slot.ram), `${parts} parts`).toBe(true);
    }
  });

  it('is zeroed from its beginning again when the guest has used it meanwhile', () => {
    const { begin, step, slot, manager, states, site } = guest();
    begin();
    // The search takes the ranges in order, so the workload's page comes first.
    for (let part = 0; part < 5; part++) step();
    expect(slot.ram[PAGE]).toBe(0);
    const list = accessListAt(slot.layout, 1);
    slot.words[list >>> 2] = 1;
    manager.admit(slot, list, 1, 0);
    slot.ram.fill(9, PAGE, PAGE + 8);
    expect(states.counts()).toEqual({ released: 0, free: 1, used: 2 });
    // The process ends, and its page is free again.
    const { workloads } = site.plan;
    (workloads[0] as { untilNs: number }).untilNs = SECOND;
    manager.tick(SECOND);
    while (manager.owes) step();
    expect(zeroBytes(slot.ram)).toBe(2 * PAGE);
    expect(states.counts().released).toBe(2);
  });
});
