import { describe, expect, it } from 'vitest';
import { GuestPageSet, openMemory } from '../../src/memory/guest-memory.ts';
import { bubblingOrder, type BubblingOptions } from '../../src/migration/page-orders/bubbling.ts';
import { Generator } from '../../src/random/generator.ts';
import { smallSlot } from '../support/slots.ts';

/** A guest of two memslots of 64 and 40 pages, all of them unsent. */
function unsentPages(): GuestPageSet {
  const slots = [
    smallSlot({ pages: 64, index: 0, firstGfn: 0 }),
    smallSlot({ pages: 40, index: 1, firstGfn: 64 }),
  ];
  const unsent = new GuestPageSet(openMemory(slots));
  unsent.addAll();
  return unsent;
}

/** What is pushed, two pages a frame; a number among the frames is a fault on that page. */
function pushes(options: BubblingOptions, script: readonly ('push' | number)[]): string[] {
  const unsent = unsentPages();
  const order = bubblingOrder(options);
  return script.flatMap((step) => {
    if (step !== 'push') {
      unsent.takePage(step);
      order.requested(step);
      return [];
    }
    const { slot, list, runs, pages } = order.next(unsent, 2);
    expect(runs).toBeLessThanOrEqual(1);
    const first = slot.layout.firstGfn + (list[0] ?? 0);
    return [pages === 0 ? 'none' : `${first}-${first + pages - 1}`];
  });
}

const push = (times: number): 'push'[] => Array.from({ length: times }, () => 'push' as const);

describe('bubbling', () => {
  it('begins at page 0, and with a fault goes on around it, to both sides in turn', () => {
    const script = [...push(2), 50, ...push(4)];
    expect(pushes({ pivots: 1, direction: 'dual' }, script)).toEqual([
      '0-1',
      '2-3',
      '51-52',
      '48-49',
      '53-54',
      '46-47',
    ]);
  });

  it('with one pivot goes on behind pages that have been sent', () => {
    const script = [50, ...push(2), 47, ...push(3)];
    expect(pushes({ pivots: 1, direction: 'dual' }, script)).toEqual([
      '51-52',
      '48-49',
      '53-54',
      '45-46',
      '55-56',
    ]);
  });

  it('with several stops at a sent page, and goes on around the others', () => {
    const script = [20, 24, ...push(6)];
    expect(pushes({ pivots: 2, direction: 'dual' }, script)).toEqual([
      '21-22',
      '18-19',
      '25-26',
      '23-23',
      '16-17',
      '27-28',
    ]);
  });

  it('forgets the oldest of its pivots', () => {
    const script = [10, 30, 90, ...push(4)];
    expect(pushes({ pivots: 2, direction: 'dual' }, script)).toEqual([
      '31-32',
      '28-29',
      '91-92',
      '88-89',
    ]);
  });

  it('forward only, keeps its first pivot', () => {
    const script = [30, 90, 60, ...push(4)];
    expect(pushes({ pivots: 2, direction: 'forward' }, script)).toEqual([
      '0-1',
      '91-92',
      '61-62',
      '2-3',
    ]);
  });

  it.each([1, 2, 7])('with %s pivots sends every page once, wherever the faults are', (pivots) => {
    for (const direction of ['dual', 'forward', 'backward'] as const) {
      const random = new Generator(pivots);
      const unsent = unsentPages();
      const order = bubblingOrder({ pivots, direction });
      const seen = new Set<number>();
      const take = (gfn: number): void => {
        expect(seen.has(gfn), `${direction}: page ${gfn}`).toBe(false);
        seen.add(gfn);
      };
      while (unsent.count > 0) {
        const fault = random.below(104);
        if (random.below(4) === 0 && unsent.has(fault)) {
          unsent.takePage(fault);
          order.requested(fault);
          take(fault);
        }
        const { slot, list, runs } = order.next(unsent, 1 + random.below(4));
        if (unsent.count > 0) expect(runs).toBeGreaterThan(0);
        for (let run = 0; run < runs; run++) {
          const first = slot.layout.firstGfn + list[2 * run]!;
          for (let i = 0; i < list[2 * run + 1]!; i++) take(first + i);
        }
      }
      expect(seen.size).toBe(104);
    }
  });
});
