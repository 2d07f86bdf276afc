import { describe, expect, it } from 'vitest';
import { hintBlocks } from '../../src/guest/hint-blocks.ts';
import { HintDriver } from '../../src/guest/hint-driver.ts';
import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import { MemoryManager } from '../../src/guest/memory-manager.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { writePlan } from '../../src/guest/stream-record.ts';
import { BALLOON_CALLBACKS } from '../../src/guest/vcpu-state.ts';
import { marksOf } from '../../src/memory/dirty-logs/open.ts';
import { HINT_DONE, HINT_STOP } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { type HintEntry, HINT_ENTRIES, HintReader } from '../../src/memory/hint-queues.ts';
import { ACCESS_READ_BIT, PAGE_FREE, PAGE_HINTED } from '../../src/memory/kernels/abi.ts';
import { accessListAt } from '../../src/memory/layout.ts';
import { PageStates } from '../../src/memory/page-states.ts';
import { SharedSourceGuest } from '../../src/runtime/common/guests.ts';
import { createGuestSide, openGuestSide } from '../../src/runtime/common/guest-side.ts';

const BLOCK = 16;

/** A guest of 256 pages. The first 20 are the kernel's, pages 100 to 199 a workload's; all others are nobody's. */
function guest(changes: Partial<ManagerConfig> = {}, pages = 256) {
  const memoryManager: ManagerConfig = {
    kernelPages: 20,
    used: [],
    cache: [],
    deflatePages: 8,
    cacheReclaimShare: 0,
    release: 'none',
    hintBlockPages: BLOCK,
    ...changes,
  };
  const workload = {
    pattern: { kind: 'sequential' as const },
    firstGfn: 100,
    pages: 100,
    rate: 1,
    writes: 1,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
  const shape = { memoryBytes: pages * 4096, pageSize: 4096, vcpus: 1, memslots: 1 };
  const { plan, geometries } = planMemory(
    { ...shape, dirtyLog: 'bitmap', workloads: [workload], memoryManager },
    1,
  );
  const shared = createGuestSide(geometries(0), plan, { kind: 'bitmap', ringSize: 1024 });
  const side = openGuestSide(shared);
  const slot = side.memory.slots[0]!;
  writePlan(slot, plan);
  slot.ram.fill(7);
  const handshake = new WriterHandshake(side.words, 1, side.doorbell);
  const parts = {
    vcpu: 0,
    plan,
    memory: side.memory,
    area: side.area,
    handshake,
    marks: marksOf('bitmap', 1),
  };
  const manager = new MemoryManager({ ...parts, costs: { balloonPageNs: 0, pressureNs: 1000 } });
  const driver = new HintDriver({
    ...parts,
    slots: side.memory.slots,
    queues: shared.hints!,
    manager,
  });
  const queue = new HintReader(shared.hints!, 0);
  const read = (): HintEntry[] => {
    const entries: HintEntry[] = [];
    for (let entry = queue.peek(); entry; entry = queue.peek()) {
      entries.push(entry);
      queue.drop();
    }
    return entries;
  };
  /** Shows the guest a command and lets it send what it has. */
  const command = (id: number): HintEntry[] => {
    side.engine.hint(id);
    while (driver.attend() && driver.seek()) driver.send();
    return read();
  };
  const touch = (...entries: number[]): number => {
    const list = accessListAt(slot.layout, 1);
    entries.forEach((entry, i) => (slot.words[(list >>> 2) + i] = entry));
    const ns = driver.admit(slot, list, entries.length);
    expect(Array.from(entries, (_, i) => slot.words[(list >>> 2) + i])).toEqual(entries);
    manager.admit(slot, list, entries.length, 0);
    return ns;
  };
  const states = new PageStates(side.memory);
  const hinted = (): number[] => {
    const runs: number[] = [];
    states.eachRun(PAGE_HINTED, (gfn, count) => runs.push(gfn, count));
    return runs;
  };
  const byteOf = (page: number): number => slot.ram[page * 4096]!;
  return { side, plan, manager, driver, handshake, command, touch, hinted, byteOf, read, states };
}

const blocksFrom = (first: number, end: number): HintEntry[] =>
  Array.from({ length: (end - first) / BLOCK }, (_, i) => ({
    gfn: first + i * BLOCK,
    pages: BLOCK,
  }));

describe('the blocks that may be hinted', () => {
  const range = (first: number, pages: number) => ({
    slot: 0,
    stream: -1,
    owner: 0,
    isCache: false,
    first,
    pages,
  });
  const slotAt = (firstGfn: number) => [{ layout: { index: 0, firstGfn } }] as never;

  it('are aligned, and lie in managed pages throughout', () => {
    const pagesOf = (...ranges: [number, number][]): number[] =>
      hintBlocks(
        ranges.map(([first, pages]) => range(first, pages)),
        slotAt(0),
        8,
      ).map(({ page }) => page);
    expect(pagesOf([3, 30])).toEqual([8, 16, 24]);
    // Ranges that lie side by side are one stretch; a gap parts them.
    expect(pagesOf([3, 9], [12, 5])).toEqual([8]);
    expect(pagesOf([3, 9], [13, 12])).toEqual([16]);
    expect(pagesOf([9, 7])).toEqual([]);
  });

  it('are counted in gfns of the guest, also in a slot that begins anywhere', () => {
    expect(hintBlocks([range(0, 20)], slotAt(5), 8).map(({ page }) => page)).toEqual([3, 11]);
  });
});

describe('the driver of free-page hinting', () => {
  it('answers with the id, sends the blocks that are free throughout, and says when it has no more', () => {
    const { command, touch, hinted } = guest();
    touch(130);
    expect(command(2)).toEqual([
      { command: 2 },
      ...blocksFrom(32, 128),
      ...blocksFrom(144, 256),
      { command: HINT_STOP },
    ]);
    expect(hinted()).toEqual([32, 96, 144, 112]);
  });

  it('sends nothing without an id, and with a new one only blocks that it does not hold yet', () => {
    const { command, manager, touch } = guest();
    expect(command(HINT_STOP)).toEqual([]);
    touch(130);
    command(2);
    expect(command(HINT_STOP)).toEqual([]);
    manager.pages.freeAll(manager.pages.ranges.find(({ stream }) => stream === 0)!);
    expect(command(3)).toEqual([{ command: 3 }, ...blocksFrom(128, 144), { command: HINT_STOP }]);
  });

  it('makes its pages free ones with DONE, whose bytes are as they were', () => {
    const { command, hinted, states, byteOf } = guest();
    command(2);
    command(HINT_DONE);
    expect(hinted()).toEqual([]);
    expect(states.counts().free).toBe(236);
    expect(byteOf(100)).toBe(7);
  });

  it.each([
    ['a write', 0],
    ['a read', ACCESS_READ_BIT],
  ])('zeroes a page that is used again by %s, marks it and logs it', (_, bit) => {
    const { side, plan, command, touch, handshake, manager, byteOf, hinted } = guest();
    const log = new SharedSourceGuest(side, plan, { now: () => 0 }).openLog();
    log.start();
    handshake.poll();
    command(2);
    touch((105 | bit) >> 0, (110 | bit) >> 0);
    expect([byteOf(105), byteOf(106), byteOf(110)]).toEqual([0, 7, 0]);
    expect(manager.log).toEqual([0, 0, 0, 105, 1, 0, 0, 0, 110, 1]);
    log.harvest();
    handshake.poll();
    log.collect();
    const marked: number[] = [];
    log.pages.eachRun((gfn, pages) => marked.push(gfn, pages));
    expect(marked).toEqual([105, 1, 110, 1]);
    expect(hinted()).toEqual([32, 73, 106, 4, 111, 145]);
  });

  it('lets go of whole blocks under pressure, when no page is free but those that it holds', () => {
    const { side, command, touch } = guest({ kernelPages: 32, deflatePages: BLOCK + 1 });
    command(2);
    // All 224 pages are hinted. The callback asks for 17 pages, which are two blocks: enough for 32 pages.
    expect(touch(100)).toBe(1000);
    expect(touch(...Array.from({ length: 31 }, (_, i) => 101 + i))).toBe(0);
    expect(side.area[BALLOON_CALLBACKS]).toBe(1);
    expect(touch(132)).toBe(1000);
  });

  it('keeps two entries of its queue for commands, and goes on once there is room', () => {
    const { side, driver, read } = guest({ kernelPages: 0, hintBlockPages: 1 }, 2048);
    side.engine.hint(2);
    let sent = 0;
    while (driver.attend() && driver.seek() && driver.send()) sent++;
    expect(sent).toBe(HINT_ENTRIES - 3);
    expect(read()).toHaveLength(HINT_ENTRIES - 2);
    expect(driver.send()).toBe(true);
    expect(read()).toEqual([{ gfn: HINT_ENTRIES - 3, pages: 1 }]);
  });

  it('hints no page that is in use when its time to be sent comes', () => {
    const { side, driver, touch, read, states } = guest();
    side.engine.hint(2);
    expect(driver.attend() && driver.seek()).toBe(true);
    touch(40);
    expect(driver.send()).toBe(true);
    expect(read()).toEqual([{ command: 2 }]);
    expect(states.counts().free).toBe(235);
    expect(PAGE_FREE).not.toBe(PAGE_HINTED);
  });
});
