import { describe, expect, it } from 'vitest';
import { GuestPageSet, openMemory } from '../../src/memory/guest-memory.ts';
import { bubblingOrder, type BubblingOptions } from '../../src/migration/page-orders/bubbling.ts';
import { lineCursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { gfnLine, swapLine } from '../../src/migration/page-orders/line.ts';
import type { PageOrder } from '../../src/migration/page-orders/page-order.ts';
import { queuedOrder } from '../../src/migration/page-orders/queued.ts';
import type { TakenRuns } from '../../src/memory/page-set.ts';
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
  const order = bubblingOrder(options, () => gfnLine(unsent.memory.pages));
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

  it('with several begins with the newest, and stops at a sent page', () => {
    const script = [20, 24, ...push(6)];
    expect(pushes({ pivots: 2, direction: 'dual' }, script)).toEqual([
      '25-26',
      '22-23',
      '21-21',
      '18-19',
      '27-28',
      '16-17',
    ]);
  });

  it('forgets the oldest of its pivots', () => {
    const script = [10, 30, 90, ...push(4)];
    expect(pushes({ pivots: 2, direction: 'dual' }, script)).toEqual([
      '91-92',
      '88-89',
      '31-32',
      '28-29',
    ]);
  });

  it('forward only, keeps its first pivot', () => {
    const script = [30, 90, 60, ...push(4)];
    expect(pushes({ pivots: 2, direction: 'forward' }, script)).toEqual([
      '61-62',
      '91-92',
      '0-1',
      '63-63',
    ]);
  });

  it.each([1, 2, 7])('with %s pivots sends every page once, wherever the faults are', (pivots) => {
    for (const direction of ['dual', 'forward', 'backward'] as const) {
      for (const line of [gfnLine(PAGES), swapLine(shuffled())]) {
        const order = bubblingOrder({ pivots, direction }, () => line);
        expect(playEachOnce(order, pivots)).toBe(PAGES);
      }
    }
  });

  it('in a swap device goes on around the place of the page, not its number', () => {
    const unsent = unsentPages();
    const gfns = shuffled();
    const order = bubblingOrder({ pivots: 1, direction: 'dual' }, () => swapLine(gfns));
    unsent.takePage(gfns[50]!);
    order.requested(gfns[50]!);
    const pushed = Array.from({ length: 4 }, () => pagesOf(order.next(unsent, 1)));
    expect(pushed.flat()).toEqual([gfns[51], gfns[49], gfns[52], gfns[48]]);
  });
});

describe('a cursor along a swap device', () => {
  it.each([true, false])('sends every page once (follow: %s)', (follow) => {
    const order = lineCursorOrder(follow, () => swapLine(shuffled()));
    expect(playEachOnce(order, 3)).toBe(PAGES);
  });

  it('goes on behind a requested page when it follows', () => {
    const unsent = unsentPages();
    const gfns = shuffled();
    const order = lineCursorOrder(true, () => swapLine(gfns));
    unsent.takePage(gfns[70]!);
    order.requested(gfns[70]!);
    expect(pagesOf(order.next(unsent, 1))).toEqual([gfns[71]]);
  });
});

describe('a queue ahead of the link', () => {
  const dual = () => bubblingOrder({ pivots: 1, direction: 'dual' }, () => gfnLine(PAGES));

  it.each([true, false])('sends every page once (discards: %s)', (discards) => {
    expect(playEachOnce(queuedOrder(dual(), 9, discards), 5)).toBe(PAGES);
  });

  it.each([
    [true, [51, 49, 52]],
    [false, [1, 2, 51]],
  ])('is emptied by a fault, or goes out first (discards: %s)', (discards, next) => {
    const unsent = unsentPages();
    const order = queuedOrder(dual(), 3, discards);
    expect(pagesOf(order.next(unsent, 1))).toEqual([0]);
    expect(order.held).toBe(2);
    unsent.takePage(50);
    order.requested(50);
    const pushed = Array.from({ length: 3 }, () => pagesOf(order.next(unsent, 1)));
    expect(pushed.flat()).toEqual(next);
  });
});

const PAGES = 104;

function shuffled(): Uint32Array {
  const gfns = Uint32Array.from({ length: PAGES }, (_, gfn) => gfn);
  new Generator(9).shuffle(gfns);
  return gfns;
}

function pagesOf({ slot, list, runs }: TakenRuns): number[] {
  const pages: number[] = [];
  for (let run = 0; run < runs; run++) {
    const first = slot.layout.firstGfn + list[2 * run]!;
    for (let i = 0; i < list[2 * run + 1]!; i++) pages.push(first + i);
  }
  return pages;
}

/** Plays an order with faults at random until nothing is left; how many pages that were. */
function playEachOnce(order: PageOrder, seed: number): number {
  const random = new Generator(seed);
  const unsent = unsentPages();
  const seen = new Set<number>();
  const take = (gfn: number): void => {
    expect(seen.has(gfn), `page ${gfn} twice, seed ${seed}`).toBe(false);
    seen.add(gfn);
  };
  while (unsent.count + (order.held ?? 0) > 0) {
    const fault = random.below(PAGES);
    if (random.below(4) === 0 && unsent.has(fault)) {
      unsent.takePage(fault);
      order.requested(fault);
      take(fault);
      continue;
    }
    const pushed = pagesOf(order.next(unsent, 1 + random.below(4)));
    expect(pushed.length).toBeGreaterThan(0);
    pushed.forEach(take);
  }
  return seen.size;
}
