import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GuestPageSet, memoryOf, splitPages } from '../../src/memory/guest-memory.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { smallSlot } from '../support/slots.ts';

/** Slots whose sizes are no multiples of the 32 pages of a bitmap's word, but for the last one. */
const SHAPE = [
  { index: 0, firstGfn: 0, pages: 77 },
  { index: 1, firstGfn: 77, pages: 33 },
  { index: 2, firstGfn: 110, pages: 96 },
];
const PAGES = 206;
const memory = memoryOf(SHAPE.map((slot) => openSlot(smallSlot(slot))));
const [a, b] = [
  new GuestPageSet(memory, ({ layout }) => layout.pageSet),
  new GuestPageSet(memory, ({ layout }) => layout.keptMap),
];

const gfn = fc.integer({ min: 0, max: PAGES - 1 });
/** Random sets with long runs as well as single pages. */
const pages = fc
  .array(fc.tuple(gfn, fc.constantFrom(1, 1, 2, 31, 32, 33, 64, PAGES)), { maxLength: 8 })
  .map((runs) => {
    const set = new Set<number>();
    for (const [first, count] of runs) {
      for (let page = first; page < Math.min(PAGES, first + count); page++) set.add(page);
    }
    return set;
  });
const range = fc.tuple(gfn, fc.integer({ min: 0, max: PAGES }));

function fill(set: GuestPageSet, content: ReadonlySet<number>): void {
  set.clear();
  for (const page of content) set.addRun(page, 1);
}

function contentOf(set: GuestPageSet): Set<number> {
  const found = new Set<number>();
  for (let page = 0; page < PAGES; page++) if (set.has(page)) found.add(page);
  expect(set.count).toBe(found.size);
  return found;
}

const without = (set: Iterable<number>, other: ReadonlySet<number>): Set<number> =>
  new Set([...set].filter((page) => !other.has(page)));
const sorted = (set: Iterable<number>): number[] => [...set].toSorted((x, y) => x - y);

function check<Value>(arbitrary: fc.Arbitrary<Value>, act: (value: Value) => void): void {
  fc.assert(fc.property(arbitrary, act), { numRuns: 150, seed: 11 });
}

describe("a set of a guest's pages", () => {
  it('holds every page when all are added, and none when it is cleared', () => {
    b.clear();
    a.addAll();
    expect(sorted(contentOf(a))).toEqual(Array.from({ length: PAGES }, (_, i) => i));
    // Nothing is set behind a slot's last page.
    for (const { address } of a.parts) expect(address % 4).toBe(0);
    const bits = memory.slots.map(({ kernels, layout }, i) =>
      kernels.popcount(a.parts[i]!.address, layout.mapBytes),
    );
    expect(bits).toEqual(SHAPE.map((slot) => slot.pages));
    a.clear();
    expect(a.count).toBe(0);
  });

  it('finds its first page from anywhere on, or else the first of all, and the last up to anywhere', () => {
    check(fc.tuple(pages, gfn), ([content, from]) => {
      fill(a, content);
      const list = sorted(content);
      expect(a.firstFrom(from)).toBe(list.find((page) => page >= from) ?? list[0] ?? -1);
      expect(a.firstFrom(PAGES)).toBe(list[0] ?? -1);
      expect(a.lastUpTo(from)).toBe(list.findLast((page) => page <= from) ?? -1);
    });
  });

  it('moves to another set what it has of a range, and nothing beside it', () => {
    check(fc.tuple(pages, pages, range), ([from, to, [first, length]]) => {
      fill(a, from);
      fill(b, to);
      const count = Math.min(length, PAGES - first);
      a.moveRange(first, count, b);
      const moved = sorted(from).filter((page) => page >= first && page < first + count);
      expect(contentOf(a)).toEqual(without(from, new Set(moved)));
      expect(contentOf(b)).toEqual(new Set([...to, ...moved]));
      b.moveAllFrom(a);
      expect(contentOf(b)).toEqual(new Set([...to, ...from]));
      expect(a.count).toBe(0);
    });
  });

  it('removes what it has in common with another, of all pages or of a range', () => {
    check(fc.tuple(pages, pages, range), ([own, other, [first, length]]) => {
      fill(a, own);
      fill(b, other);
      a.removeCommon(b);
      expect(contentOf(a)).toEqual(without(own, other));
      expect(contentOf(b)).toEqual(other);
      fill(a, own);
      const { layout } = memory.slots[2]!;
      const from = Math.min(first, layout.pages - 1);
      const to = Math.min(layout.pages, from + length);
      a.parts[2]!.removeCommon(b.parts[2]!, from, to);
      const isIn = (page: number): boolean =>
        page >= layout.firstGfn + from && page < layout.firstGfn + to;
      expect(contentOf(a)).toEqual(
        new Set([...own].filter((page) => !other.has(page) || !isIn(page))),
      );
    });
  });

  it('gives its runs and its bitmap, and stays as it is', () => {
    check(pages, (content) => {
      fill(a, content);
      const found: number[] = [];
      a.eachRun((first, count) => {
        for (let page = first; page < first + count; page++) found.push(page);
      });
      expect(found).toEqual(sorted(content));
      const bits = a.bitmap();
      const set = found.filter((page) => ((bits[page >>> 5]! >>> (page & 31)) & 1) === 1);
      expect(set).toEqual(found);
      expect(contentOf(a)).toEqual(content);
    });
  });

  it('gives out single pages, and takes back what could not be sent', () => {
    fill(a, new Set([5, 80, 205]));
    expect(a.takePage(6)).toBeUndefined();
    for (const page of [205, 80]) {
      const taken = a.takePage(page)!;
      expect([taken.pages, taken.slot.layout.firstGfn + taken.list[0]!]).toEqual([1, page]);
      expect(a.has(page)).toBe(false);
      a.restore(taken);
      expect(contentOf(a)).toEqual(new Set([5, 80, 205]));
    }
  });
});

describe('a take', () => {
  it('goes through all pages of a range, in order and slot by slot, and leaves out those dirty again', () => {
    check(
      fc.tuple(pages, pages, range, fc.integer({ min: 1, max: 70 })),
      ([own, dirty, [from, length], most]) => {
        fill(a, own);
        fill(b, dirty);
        const end = Math.min(PAGES, from + length);
        const liveMaps = (slot: (typeof memory.slots)[number]): number[] => [
          b.parts[slot.layout.index]!.address,
        ];
        const taken: number[] = [];
        let skipped = 0;
        for (let at = from; at < end;) {
          const found = a.take(at, most, { liveMaps, end });
          skipped += found.skipped;
          expect(found.pages).toBeLessThanOrEqual(most);
          for (let i = 0; i < found.runs; i++) {
            for (let k = 0; k < found.list[2 * i + 1]!; k++) {
              taken.push(found.slot.layout.firstGfn + found.list[2 * i]! + k);
            }
          }
          if (found.pages === 0) break;
          expect(found.cursor).toBeGreaterThan(at);
          at = found.cursor;
        }
        const inRange = sorted(own).filter((page) => page >= from && page < end);
        expect(taken).toEqual(inRange.filter((page) => !dirty.has(page)));
        expect(skipped).toBe(inRange.filter((page) => dirty.has(page)).length);
        expect(contentOf(a)).toEqual(new Set([...own].filter((page) => !inRange.includes(page))));
      },
    );
  });
});

describe('the split of pages over memslots', () => {
  it.each([
    [10, 3],
    [7, 7],
    [5, 8],
    [1, 1],
    [1000, 7],
  ])('covers %i pages with %i slots of nearly equal size', (count, slots) => {
    const parts = splitPages(count, slots);
    expect(parts.length).toBe(Math.min(count, slots));
    let next = 0;
    for (const part of parts) {
      expect(part.firstGfn).toBe(next);
      next += part.pages;
    }
    expect(next).toBe(count);
    const sizes = parts.map((part) => part.pages);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });
});
