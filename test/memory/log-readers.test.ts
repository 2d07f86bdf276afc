import { describe, expect, it } from 'vitest';
import { LogReaders } from '../../src/memory/dirty-logs/log-readers.ts';
import type { DirtyLogKind } from '../../src/memory/dirty-logs/dirty-log.ts';
import { marksOf } from '../../src/memory/dirty-logs/open.ts';
import { createRings } from '../../src/memory/dirty-logs/rings.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { openMemory } from '../../src/memory/guest-memory.ts';
import { EngineHandshake } from '../../src/memory/handshake/engine.ts';
import { createHandshake, DOORBELL } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { markFresh } from '../../src/guest/fresh.ts';
import { accessListAt } from '../../src/memory/layout.ts';
import { createSlot } from '../../src/memory/memslot.ts';

const PAGES = 300;

/** A guest of one vCPU that marks what a test tells it to. */
function guest(kind: DirtyLogKind, clearChunkPages?: number) {
  const geometry = {
    pages: PAGES,
    pageSize: 4096,
    writers: 2,
    mapUnit: kind === 'bytemap' ? ('byte' as const) : ('bit' as const),
    streams: 1,
    tableBytes: 0,
    skewPages: 0,
  };
  const memory = openMemory([createSlot(geometry)]);
  const words = new Int32Array(createHandshake(2));
  const rings = createRings(1, 1024);
  const writer = new WriterHandshake(words, 1, new Doorbell(words, DOORBELL));
  const handshake = new EngineHandshake(words, 2);
  const parts = { memory, handshake, rings };
  const readers = new LogReaders(kind, parts, clearChunkPages);
  const marks = marksOf(kind, 1, rings);
  const slot = memory.slots[0]!;
  const list = accessListAt(slot.layout, 1);
  writer.poll();
  return {
    readers,
    settle: () => writer.poll(),
    write(...pages: number[]) {
      const { epoch, mode } = writer.local;
      if (mode === 0) return;
      pages.forEach((page, i) => (slot.words[(list >>> 2) + i] = page));
      const map = marks.mapOf(slot.layout, 1, epoch);
      const fresh = markFresh(slot, marks.mark, list, pages.length, map);
      marks.ring?.push(slot.words, list >>> 2, fresh, 0, epoch);
    },
  };
}

const pagesOf = (log: { pages: { eachRun(take: (gfn: number, pages: number) => void): void } }) => {
  const pages: number[] = [];
  log.pages.eachRun((gfn, count) => {
    for (let page = gfn; page < gfn + count; page++) pages.push(page);
  });
  return pages;
};

describe.each(['bitmap', 'bytemap', 'atomic', 'ring'] as const)('readers of a log %s', (kind) => {
  it('tell who observes them which pages are new, whoever harvests', () => {
    const { readers, settle, write } = guest(kind);
    const [a, b] = [readers.open(), readers.open()];
    const seen: number[][] = [];
    a.observe((firstGfn, before, after) => {
      const isSet = (bits: Uint32Array, page: number): boolean =>
        ((bits[page >>> 5]! >>> (page & 31)) & 1) === 1;
      const all = Array.from({ length: PAGES }, (_, page) => page);
      seen.push(all.filter((page) => !isSet(before, page) && isSet(after, page)));
      expect(firstGfn).toBe(0);
    });
    for (const reader of [a, b]) {
      reader.start();
      settle();
    }
    write(3, 299);
    b.harvest();
    settle();
    b.collect();
    write(3, 64);
    a.harvest();
    settle();
    expect(a.collect()).toBe(3);
    expect(seen).toEqual([[3, 299], [64]]);
    a.pages.clear();
    write(64);
    b.collectLast();
    expect(seen).toEqual([[3, 299], [64], [64]]);
  });

  it('are each told of every page, whoever harvests', () => {
    const { readers, settle, write } = guest(kind);
    const [a, b] = [readers.open(), readers.open()];
    a.start();
    settle();
    write(1, 2);
    b.start();
    settle();
    write(3);
    a.harvest();
    settle();
    expect(a.collect()).toBe(3);
    expect(pagesOf(a)).toEqual([1, 2, 3]);
    expect(pagesOf(b)).toContain(3);
    write(4);
    b.harvest();
    settle();
    b.collect();
    expect(pagesOf(b)).toEqual(expect.arrayContaining([3, 4]));
    // What b harvested is a's as well, and a is told of it when it asks.
    a.harvest();
    settle();
    expect(a.collect()).toBe(1);
    expect(pagesOf(a)).toEqual([1, 2, 3, 4]);
  });

  it('get what was written before they ask, though another stopped with a harvest under way', () => {
    const { readers, settle, write } = guest(kind);
    const [a, b] = [readers.open(), readers.open()];
    for (const reader of [a, b]) {
      reader.start();
      settle();
    }
    write(1);
    a.harvest();
    settle();
    a.stop();
    write(2);
    b.harvest();
    settle();
    expect(b.collect()).toBe(2);
    expect(pagesOf(b)).toEqual([1, 2]);
    write(3);
    b.harvest();
    settle();
    expect(b.collect()).toBe(1);
    expect(pagesOf(b)).toEqual([1, 2, 3]);
  });

  it('keep the log on until the last of them stops', () => {
    const { readers, settle, write } = guest(kind);
    const [a, b] = [readers.open(), readers.open()];
    for (const reader of [a, b]) {
      reader.start();
      settle();
    }
    a.stop();
    settle();
    write(7);
    b.harvest();
    settle();
    b.collect();
    expect(pagesOf(b)).toEqual([7]);
    expect(pagesOf(a)).toEqual([]);
    b.close();
    settle();
    write(8);
    const c = readers.open();
    c.start();
    settle();
    c.harvest();
    settle();
    expect(c.collect()).toBe(0);
  });
});

describe('a log', () => {
  it('has four readers at most, each with an empty set', () => {
    const { readers } = guest('bitmap');
    const open = Array.from({ length: 4 }, () => readers.open());
    expect(() => readers.open()).toThrow(/at most 4 readers/);
    open[1]!.pages.addAll();
    open[1]!.close();
    expect(readers.open().pages.count).toBe(0);
  });

  it('that is cleared by hand has one', () => {
    const { readers } = guest('bitmap', 64);
    const one = readers.open();
    expect(one.manualClear?.chunkPages).toBe(64);
    expect(() => readers.open()).toThrow(/one reader/);
    one.close();
    expect(readers.open().kind).toBe('bitmap');
  });
});
