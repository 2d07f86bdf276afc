import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GuestPageSet, memoryOf } from '../../src/memory/guest-memory.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { smallSlot } from '../support/slots.ts';

const shape = [
  { index: 0, firstGfn: 0, pages: 77 },
  { index: 1, firstGfn: 77, pages: 128 },
];
const memory = memoryOf(shape.map((slot) => openSlot(smallSlot(slot))));
const PAGES = 205;

describe('runs of a page set', () => {
  it('go in and out as single pages do, over words and memslots', () => {
    const run = fc.record({
      gfn: fc.integer({ min: 0, max: PAGES - 1 }),
      pages: fc.integer({ min: 0, max: PAGES }),
      isDrop: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(run, { maxLength: 12 }), (runs) => {
        const set = new GuestPageSet(memory);
        set.clear();
        const expected = new Set<number>();
        for (const { gfn, pages, isDrop } of runs) {
          const count = Math.min(pages, PAGES - gfn);
          if (isDrop) set.dropRun(gfn, count);
          else set.addRun(gfn, count);
          for (let page = gfn; page < gfn + count; page++) {
            if (isDrop) expected.delete(page);
            else expected.add(page);
          }
          expect(set.count).toBe(expected.size);
        }
        const found = Array.from({ length: PAGES }, (_, gfn) => gfn).filter((gfn) => set.has(gfn));
        expect(found).toEqual([...expected].toSorted((a, b) => a - b));
      }),
      { numRuns: 300, seed: 3 },
    );
  });
});
