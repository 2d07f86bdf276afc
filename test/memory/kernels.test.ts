import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planGuest, tableBytes } from '../../src/guest/stream-plan.ts';
import { writePlan } from '../../src/guest/stream-record.ts';
import type { Pattern, Workload } from '../../src/guest/workload.ts';
import * as abi from '../../src/memory/kernels/abi.ts';
import { accessListAt, scratchAreas, streamAt, writerMapAt } from '../../src/memory/layout.ts';
import type { Memslot } from '../../src/memory/memslot.ts';
import { Generator } from '../../src/random/generator.ts';
import { fillRandomly, sameBytes, slotPair } from '../support/slots.ts';

const PAGES = 256;

const trace: Pattern = {
  kind: 'trace',
  intervals: {
    intervalNs: 1e8,
    endGfn: 200,
    intervals: [Uint32Array.of(3, 9, 199), Uint32Array.of(), Uint32Array.of(7, 0x80000011)],
  },
  speed: 1,
  end: 'loop',
};

const patterns: readonly Pattern[] = [
  { kind: 'sequential' },
  { kind: 'uniform' },
  { kind: 'zipf', theta: 0.99 },
  { kind: 'hotspot', hotPages: 10, hotAccesses: 0.9 },
  { kind: 'stride', stridePages: 7 },
  { kind: 'quicksort' },
  trace,
];

const workloads = fc.record({
  pattern: fc.constantFrom(...patterns),
  writes: fc.constantFrom(0, 0.3, 1),
  /** A page without words has a version. */
  wordsPerPage: fc.constantFrom(0, 1, 2, 5),
  n: fc.constantFrom(0, 1, 1000, 4294967290, 2 ** 33 + 17, 2 ** 52),
  count: fc.integer({ min: 1, max: 1024 }),
  mark: fc.constantFrom(abi.MARK_NONE, abi.MARK_PRIVATE, abi.MARK_ATOMIC),
  seed: fc.integer({ min: 0 }),
});

function workload(pattern: Pattern, writes: number, wordsPerPage: number): Workload {
  const region = { firstGfn: 20, pages: 201 };
  return { pattern, ...region, rate: 1, writes, wordsPerPage, fromNs: 0, untilNs: Infinity };
}

/** The whole guest is one slot. */
const SLOTS = [{ firstGfn: 0, pages: PAGES }];

describe('the access kernels and their twin', () => {
  it('make the same accesses, marks and counters, to the bit', () => {
    fc.assert(
      fc.property(workloads, ({ pattern, writes, wordsPerPage, n, count, mark, seed }) => {
        const plan = planGuest([workload(pattern, writes, wordsPerPage)], 2, SLOTS, 4096, seed);
        const { wasm, twin } = slotPair({ tableBytes: tableBytes(plan, 0) });
        for (const slot of [wasm, twin]) {
          writePlan(slot, plan);
          fillRandomly(slot, seed);
          const record = streamAt(slot.layout, 1);
          slot.doubles[record >>> 3] = n;
          const list = accessListAt(slot.layout, 1);
          const map = writerMapAt(slot.layout, 1, 0);
          slot.kernels.nextGfns(record, count, list);
          slot.kernels.touch(record, count, list, mark, map);
        }
        expect(sameBytes(wasm, twin)).toBe(true);
        const record = streamAt(wasm.layout, 1);
        expect(wasm.doubles[record >>> 3]).toBe(n + count);
      }),
      { numRuns: 150 },
    );
  });

  it('make the same batches until a vCPU is busy, which are those of one batch after the other', () => {
    const times = fc.record({
      busyNs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      spanNs: fc.double({ min: 0, max: 1e6, noNaN: true }),
      due: fc.double({ min: 0, max: 3000, noNaN: true }),
      markNs: fc.constantFrom(0, 260, 12.5),
      most: fc.constantFrom(1, 100, 1024),
      isLogged: fc.constantFrom(0, 1),
    });
    fc.assert(
      fc.property(workloads, times, ({ pattern, writes, wordsPerPage, n, seed }, t) => {
        const plan = planGuest([workload(pattern, writes, wordsPerPage)], 2, SLOTS, 4096, seed);
        const { wasm, twin } = slotPair({ tableBytes: tableBytes(plan, 0) });
        const endNs = t.busyNs + t.spanNs;
        const ends = [wasm, twin].map((slot) => {
          writePlan(slot, plan);
          fillRandomly(slot, seed);
          const record = streamAt(slot.layout, 1);
          const put = (at: number, value: number) => (slot.doubles[(record + at) >>> 3] = value);
          put(0, n);
          put(abi.STREAM_BUSY_NS, t.busyNs);
          put(abi.STREAM_DUE, t.due);
          put(abi.STREAM_ACCESS_NS, 100);
          put(abi.STREAM_MARK_NS, t.markNs);
          const list = accessListAt(slot.layout, 1);
          const map = writerMapAt(slot.layout, 1, 0);
          return slot.kernels.runUntil(record, list, map, t.isLogged, t.most, endNs);
        });
        expect(ends[0]).toBe(ends[1]);
        expect(sameBytes(wasm, twin)).toBe(true);
        const record = streamAt(wasm.layout, 1);
        const made = wasm.doubles[record >>> 3]! - n;
        const busyNs = wasm.doubles[(record + abi.STREAM_BUSY_NS) >>> 3]!;
        expect(made).toBeLessThanOrEqual(t.due);
        // It ends because it is busy, by its last access, or because no access is due.
        if (made < Math.floor(t.due)) expect(busyNs).toBeGreaterThanOrEqual(endNs);
        if (made > 0) expect(busyNs).toBeLessThan(endNs + 100 + t.markNs + 1e-3);
        expect(busyNs).toBeGreaterThanOrEqual(t.busyNs + 100 * made - 1e-3);
      }),
      { numRuns: 150 },
    );
  });

  it('agree how many accesses no gate stops: any gate stops a write, those of writes let reads pass', () => {
    const { wasm, twin } = slotPair();
    const random = new Generator(3);
    const gates = [
      0,
      0,
      0,
      0,
      0,
      abi.PAGE_PROTECTED,
      abi.PAGE_SHARED,
      abi.PAGE_SWAPPED,
      1,
      2,
      3,
      7,
    ];
    const counts = new Set<number>();
    for (let round = 0; round < 300; round++) {
      const bytes = Uint8Array.from({ length: PAGES }, () => gates[random.below(gates.length)]!);
      const entries = Int32Array.from({ length: 40 }, () => {
        const gfn = random.below(PAGES);
        return random.below(3) > 0 || bytes[gfn] !== 0 ? gfn | abi.ACCESS_READ_BIT : gfn;
      });
      const stops = Array.from(entries).findIndex((entry) => {
        const gate = bytes[entry & 0x7fffffff]!;
        const isPlainRead = entry < 0 && [0, abi.PAGE_PROTECTED, abi.PAGE_SHARED].includes(gate);
        return gate !== 0 && !isPlainRead;
      });
      const expected = stops < 0 ? 40 : stops;
      counts.add(expected);
      for (const slot of [wasm, twin]) {
        const list = accessListAt(slot.layout, 1);
        slot.words.set(entries, list >>> 2);
        new Uint8Array(slot.buffer, slot.layout.gates, PAGES).set(bytes);
        expect(slot.kernels.countPlain(list, 40, slot.layout.gates)).toBe(expected);
      }
    }
    expect(counts.size).toBeGreaterThan(8);
  });

  it('note the same references', () => {
    const { wasm, twin } = slotPair({ hasReferences: true });
    for (const slot of [wasm, twin]) {
      const list = accessListAt(slot.layout, 1);
      slot.words.set([3, 200 | abi.ACCESS_READ_BIT, 3, 9], list >>> 2);
      slot.kernels.noteReferences(list, 3, slot.layout.references, 77);
    }
    expect(sameBytes(wasm, twin)).toBe(true);
    const references = new Uint32Array(wasm.buffer, wasm.layout.references, PAGES);
    expect([references[3], references[200], references[9]]).toEqual([77, 77, 0]);
  });

  it('mark exactly the pages that were written', () => {
    const plan = planGuest([workload({ kind: 'uniform' }, 0.5, 1)], 1, SLOTS, 4096, 9);
    const { wasm } = slotPair();
    writePlan(wasm, plan);
    const list = accessListAt(wasm.layout, 1);
    const record = streamAt(wasm.layout, 0);
    wasm.kernels.nextGfns(record, 300, list);
    wasm.kernels.touch(record, 300, list, abi.MARK_PRIVATE, writerMapAt(wasm.layout, 1, 0));
    const entries = Array.from({ length: 300 }, (_, i) => wasm.words[(list >>> 2) + i]! >>> 0);
    const written = new Set(entries.filter((entry) => entry < abi.ACCESS_READ_BIT));
    expect(wasm.doubles[(record + abi.STREAM_WRITES) >>> 3]).toBe(
      entries.filter((entry) => entry < abi.ACCESS_READ_BIT).length,
    );
    expect(bitsOf(wasm, writerMapAt(wasm.layout, 1, 0))).toEqual(
      [...written].toSorted((a, b) => a - b),
    );
    for (let gfn = 0; gfn < PAGES; gfn++) {
      const page = wasm.ram.subarray(gfn * 4096, (gfn + 1) * 4096);
      expect(page.some((byte) => byte !== 0)).toBe(written.has(gfn));
    }
  });

  it('never leave a written word at zero, whatever was there', () => {
    const plan = planGuest([workload({ kind: 'sequential' }, 1, 1)], 1, SLOTS, 4096, 3);
    const { wasm } = slotPair();
    writePlan(wasm, plan);
    const record = streamAt(wasm.layout, 0);
    const list = accessListAt(wasm.layout, 1);
    for (let round = 0; round < 20; round++) {
      wasm.kernels.nextGfns(record, 201, list);
      wasm.kernels.touch(record, 201, list, abi.MARK_NONE, 0);
      for (let gfn = 20; gfn < 221; gfn++) {
        const at = (wasm.layout.ramOffset + gfn * 4096) >>> 2;
        expect(wasm.words[at]! | wasm.words[at + 1]!).not.toBe(0);
      }
    }
  });

  it('give the same access for the same n, however it is reached', () => {
    const plan = planGuest([workload({ kind: 'zipf', theta: 0.8 }, 0.7, 1)], 1, SLOTS, 4096, 5);
    const { wasm } = slotPair();
    writePlan(wasm, plan);
    const record = streamAt(wasm.layout, 0);
    const list = accessListAt(wasm.layout, 1);
    wasm.kernels.nextGfns(record, 1000, list);
    const whole = wasm.words.slice(list >>> 2, (list >>> 2) + 1000);
    for (const n of [1, 333, 999]) {
      wasm.doubles[record >>> 3] = n;
      wasm.kernels.nextGfns(record, 1, list);
      expect(wasm.words[list >>> 2]).toBe(whole[n]);
    }
  });
});

describe('the bitmap kernels and their twin', () => {
  const density = fc.constantFrom(0, 0.001, 0.05, 0.5, 0.95, 1);
  const cases = fc.record({
    pages: fc.constantFrom(1, 63, 64, 100, 256, 1500),
    density,
    live: density,
    liveMaps: fc.integer({ min: 0, max: 2 }),
    seed: fc.integer({ min: 0 }),
    maxPages: fc.constantFrom(1, 3, 16, 64, 5000),
    maxRuns: fc.constantFrom(1, 2, 5, 512),
    from: fc.double({ min: 0, max: 1, noNaN: true }),
  });

  it('harvest the same marks and count the same', () => {
    fc.assert(
      fc.property(cases, ({ pages, density: share, seed }) => {
        const { wasm, twin } = slotPair({ pages });
        const results = [wasm, twin].map((slot) => {
          const { pageSet, mapBytes } = slot.layout;
          const map = writerMapAt(slot.layout, 1, 0);
          setBits(slot, map, pages, share, seed);
          setBits(slot, pageSet, pages, 0.3, seed + 1);
          setBits(slot, slot.layout.sharedMap, pages, share, seed + 2);
          return [
            slot.kernels.popcount(map, mapBytes),
            slot.kernels.mergeAndClear(map, pageSet, mapBytes),
            slot.kernels.mergeAndClearAtomic(slot.layout.sharedMap, pageSet, mapBytes),
            slot.kernels.popcount(map, mapBytes),
            slot.kernels.popcount(pageSet, mapBytes),
          ];
        });
        expect(results[0]).toEqual(results[1]);
        expect(results[0]![3]).toBe(0);
        expect(sameBytes(wasm, twin)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('take the same runs, skip the same pages, leave the same set', () => {
    fc.assert(
      fc.property(
        cases,
        ({ pages, density: share, live, liveMaps, seed, maxPages, maxRuns, from }) => {
          const { wasm, twin } = slotPair({ pages });
          const counts = [wasm, twin].map((slot) => {
            const { pageSet } = slot.layout;
            const { runList, pointers } = scratchAreas(slot.layout);
            setBits(slot, pageSet, pages, share, seed);
            for (let k = 0; k < liveMaps; k++) {
              const map = writerMapAt(slot.layout, k, 1);
              setBits(slot, map, pages, live, seed + 5 + k);
              slot.words[(pointers >>> 2) + k] = map;
            }
            const start = Math.floor(from * pages);
            return slot.kernels.takeRuns(
              pageSet,
              start,
              pages,
              maxPages,
              maxRuns,
              pointers,
              liveMaps,
              0,
              runList,
            );
          });
          expect(counts[0]).toBe(counts[1]);
          expect(sameBytes(wasm, twin)).toBe(true);
        },
      ),
      { numRuns: 400 },
    );
  });
});

function setBits(slot: Memslot, map: number, pages: number, share: number, seed: number): void {
  const random = new Generator(seed);
  for (let page = 0; page < pages; page++) {
    if (random.next() >= share * 4294967296) continue;
    slot.words[(map >>> 2) + (page >>> 5)]! |= 1 << (page & 31);
  }
}

function bitsOf(slot: Memslot, map: number): number[] {
  return Array.from({ length: slot.layout.pages }, (_, page) => page).filter(
    (page) => (slot.words[(map >>> 2) + (page >>> 5)]! >>> (page & 31)) & 1,
  );
}
