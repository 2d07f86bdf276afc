import { describe, expect, it } from 'vitest';
import { fillPages } from '../../src/memory/contents/contents.ts';
import type { DirtyLogKind } from '../../src/memory/dirty-logs/dirty-log.ts';
import { LogReaders } from '../../src/memory/dirty-logs/log-readers.ts';
import { marksOf, mapUnitOf } from '../../src/memory/dirty-logs/open.ts';
import { createRings, RingReader, RingWriter } from '../../src/memory/dirty-logs/rings.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { EngineHandshake } from '../../src/memory/handshake/engine.ts';
import { createHandshake, DOORBELL } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { ACCESS_READ_BIT, PAGE_FREE, PAGE_RELEASED } from '../../src/memory/kernels/abi.ts';
import { accessListAt } from '../../src/memory/layout.ts';
import { MemoryPool } from '../../src/memory/memory-pool.ts';
import { giveBackSlot, openSlot, takeSlot } from '../../src/memory/memslot.ts';
import { PageStates } from '../../src/memory/page-states.ts';
import { markedWrite } from '../support/accesses.ts';
import { slotPair, smallSlot } from '../support/slots.ts';

const SHAPE = [
  { index: 0, firstGfn: 0, pages: 200 },
  { index: 1, firstGfn: 200, pages: 120 },
];

/** A guest of one vCPU whose log has so many readers. */
function open(kind: DirtyLogKind, clearChunkPages?: number) {
  const shape = { writers: 2, mapUnit: mapUnitOf(kind) };
  const memory = memoryOf(SHAPE.map((slot) => openSlot(smallSlot({ ...shape, ...slot }))));
  const words = new Int32Array(createHandshake(2));
  const rings = createRings(1, 1024);
  const handshake = new EngineHandshake(words, 2);
  const writer = new WriterHandshake(words, 1, new Doorbell(words, DOORBELL));
  const marks = marksOf(kind, 1, rings);
  const readers = new LogReaders(kind, { memory, handshake, rings }, clearChunkPages);
  writer.poll();
  return {
    readers,
    settle: () => void writer.poll(),
    write: (gfn: number): void => markedWrite(memory, writer, marks, gfn),
  };
}

function pagesOf(reader: ReturnType<LogReaders['open']>): number[] {
  const found: number[] = [];
  reader.pages.eachRun((gfn, pages) => {
    for (let page = gfn; page < gfn + pages; page++) found.push(page);
  });
  return found;
}

describe.each(['bitmap', 'bytemap', 'atomic', 'ring'] as const)('the log %s', (kind) => {
  it('is off only when its writers have taken that over', () => {
    const { readers, settle } = open(kind);
    const log = readers.open();
    log.start();
    settle();
    log.harvest();
    settle();
    log.collect();
    log.stop();
    expect(log.isSettled()).toBe(false);
    settle();
    expect(log.isSettled()).toBe(true);
  });

  it('asks anew after a harvest that nobody collected, as when a migration was cancelled', () => {
    const { readers, settle, write } = open(kind);
    const first = readers.open();
    first.start();
    settle();
    write(3);
    first.harvest();
    settle();
    first.close();
    settle();
    const second = readers.open();
    second.start();
    settle();
    write(5);
    second.harvest();
    settle();
    expect(second.collect()).toBe(1);
    expect(pagesOf(second)).toEqual([5]);
  });

  it('tells each of two readers once of every page', () => {
    const { readers, settle, write } = open(kind);
    const [a, b, off] = [readers.open(), readers.open(), readers.open()];
    for (const reader of [a, b]) {
      reader.start();
      settle();
    }
    const harvest = (reader: typeof a): number => {
      reader.harvest();
      settle();
      return reader.collect();
    };
    write(1);
    write(250);
    expect(harvest(a)).toBe(2);
    // b's set has them already, and b is told of them when it asks, once.
    expect([harvest(b), harvest(b)]).toEqual([2, 0]);
    a.pages.clear();
    b.pages.clear();
    write(7);
    expect([harvest(b), harvest(a), harvest(a)]).toEqual([1, 1, 0]);
    expect([pagesOf(a), pagesOf(b), pagesOf(off)]).toEqual([[7], [7], []]);
  });
});

describe('a log that is cleared by hand', () => {
  it('begins its second use without the marks of the first', () => {
    const { readers, settle, write } = open('bitmap', 64);
    const first = readers.open();
    first.start();
    settle();
    write(9);
    first.harvest();
    settle();
    expect(first.collect()).toBe(1);
    first.close();
    settle();
    const second = readers.open();
    second.start();
    settle();
    second.harvest();
    settle();
    expect(second.collect()).toBe(0);
  });
});

describe('a ring', () => {
  it('counts on when its counters pass 2^31 and 2^32', () => {
    for (const start of [2 ** 31 - 2, 2 ** 32 - 2]) {
      const rings = createRings(1, 8);
      const words = new Int32Array(rings.buffer);
      words[0] = start | 0;
      words[1] = start | 0;
      const [writer, reader] = [new RingWriter(rings, 0), new RingReader(rings, 0)];
      const { words: bits } = openSlot(smallSlot({ pages: 64 }));
      bits.fill(0, 0, 4);
      const maps = [{ firstGfn: 0, endGfn: 64, words: bits, halves: [0, 2] as const }];
      for (let turn = 0; turn < 3; turn++) {
        expect(writer.room()).toBe(8);
        writer.push(Int32Array.of(4, 5, 6), 0, 3, 0, 0);
        expect(writer.room()).toBe(5);
        expect(reader.isPressing()).toBe(false);
        reader.drain(maps);
      }
      expect([reader.entries, bits[0]]).toEqual([9, 0b1110000]);
    }
  });

  it('forgets its counts when it is cleared', () => {
    const rings = createRings(1, 8);
    const [writer, reader] = [new RingWriter(rings, 0), new RingReader(rings, 0)];
    writer.push(
      Int32Array.from({ length: 8 }, (_, i) => i),
      0,
      8,
      0,
      0,
    );
    expect(writer.announceStall()).toBe(true);
    expect(reader.stalls).toBe(1);
    reader.clear();
    expect([reader.entries, reader.stalls, writer.room()]).toEqual([0, 0, 8]);
  });
});

describe('a slot in memory that was used before', () => {
  it('has a control area of zeros', () => {
    const pool = new MemoryPool({ mostBytes: 2 ** 26, collect: () => undefined });
    const geometry = { pages: 300, pageSize: 4096, writers: 3, streams: 4, tableBytes: 64 };
    const first = takeSlot({ ...geometry, skewPages: 1 }, pool);
    new Uint8Array(first.memory.buffer).fill(0x5a);
    giveBackSlot(first, pool);
    const second = takeSlot({ ...geometry, skewPages: 1 }, pool);
    expect(second.memory).toBe(first.memory);
    const { buffer, layout } = openSlot(second);
    const control = new Uint8Array(buffer, 0, layout.ramOffset);
    expect(control.findIndex((byte) => byte !== 0)).toBe(-1);
  });

  it('makes room in the pool for what is created beside it', () => {
    const MIB = 2 ** 20;
    const pool = new MemoryPool({ mostBytes: 4 * MIB, collect: () => undefined });
    const waiting = [1, 2, 3].map(() => pool.take(MIB).memory);
    for (const memory of waiting) pool.giveBack(memory);
    expect(pool.freeBytes).toBe(3 * MIB);
    // With 2 MiB in use only 2 MiB may wait.
    pool.take(2 * MIB);
    expect(pool.freeBytes).toBe(2 * MIB);
  });
});

describe('the contents of a guest', () => {
  it('are zero at pages that depend on the whole gfn', () => {
    const slot = openSlot(smallSlot({ pages: 1024, backing: 'versions' }));
    fillPages(slot, [{ firstGfn: 0, pages: 1024, kind: 'random', zeroShare: 0.5 }], 3, 0, 1024);
    const versions = new Uint32Array(slot.buffer, slot.layout.ramOffset, 1024);
    const repeats = (distance: number): number => {
      const alike = [...versions].filter((version, gfn) => version === versions[gfn + distance]);
      return alike.length / (1024 - distance);
    };
    for (const distance of [64, 128, 256, 512]) expect(repeats(distance)).toBeCloseTo(0.5, 0);
  });
});

describe('fresh marks', () => {
  it('are those of writes alone, in both kernels', () => {
    const found = Object.values(slotPair()).map(({ kernels, words, layout }) => {
      const list = accessListAt(layout, 1);
      const reads = [5, 6].map((page) => page | ACCESS_READ_BIT);
      words.set([4, reads[0]!, 7, 4, reads[1]!, 6], list >>> 2);
      const fresh = kernels.markFresh(list, 6, layout.sharedMap);
      const first = list >>> 2;
      return [fresh, ...words.subarray(first, first + fresh), words[layout.sharedMap >>> 2]!];
    });
    expect(found).toEqual([
      [3, 4, 7, 6, 0b11010000],
      [3, 4, 7, 6, 0b11010000],
    ]);
  });
});

describe("the states of a guest's pages", () => {
  it('are listed as runs, slot by slot, up to the last page', () => {
    const memory = memoryOf(
      SHAPE.map((slot) => openSlot(smallSlot({ ...slot, hasStates: true, writers: 2 }))),
    );
    const states = new PageStates(memory);
    states.reset();
    states.set(190, 20, PAGE_RELEASED);
    states.set(319, 1, PAGE_RELEASED);
    states.set(5, 3, PAGE_FREE);
    const runs: number[][] = [];
    states.eachRun(PAGE_RELEASED, (gfn, pages) => runs.push([gfn, pages]));
    expect(runs).toEqual([
      [190, 10],
      [200, 10],
      [319, 1],
    ]);
    expect(states.counts()).toEqual({ released: 21, free: 3, used: 296 });
  });
});
