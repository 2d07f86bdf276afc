import { describe, expect, it } from 'vitest';
import { GuestPageSet, openMemory } from '../../src/memory/guest-memory.ts';
import type { TakenRuns } from '../../src/memory/page-set.ts';
import { bubbling, bubblingOrder } from '../../src/migration/page-orders/bubbling.ts';
import { lineCursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { gfnLine, swapLine } from '../../src/migration/page-orders/line.ts';
import type { PageOrder } from '../../src/migration/page-orders/page-order.ts';
import { queuedOrder } from '../../src/migration/page-orders/queued.ts';
import { withReadahead } from '../../src/migration/page-orders/readahead.ts';
import { pageOrderNamed } from '../../src/migration/page-orders/registry.ts';
import { defaultsOf } from '../../src/units/keys.ts';
import { smallSlot } from '../support/slots.ts';

const PAGES = 104;
/** The swap device holds the pages from the last to the first, so that no order of gfns looks like its order. */
const REVERSED = swapLine(Uint32Array.from({ length: PAGES }, (_, place) => PAGES - 1 - place));
const atPlace = (place: number): number => PAGES - 1 - place;

const guest = openMemory([
  smallSlot({ index: 0, firstGfn: 0, pages: 64 }),
  smallSlot({ index: 1, firstGfn: 64, pages: PAGES - 64 }),
]);

function allUnsent(): GuestPageSet {
  REVERSED.restart();
  const unsent = new GuestPageSet(guest);
  unsent.addAll();
  return unsent;
}

const gfnsOf = ({ slot, list, runs }: TakenRuns): number[] =>
  Array.from({ length: runs }, (_, run) =>
    Array.from(
      { length: list[2 * run + 1]! },
      (_page, i) => slot.layout.firstGfn + list[2 * run]! + i,
    ),
  ).flat();

/** Pushes one page at a time, so many times. */
const push = (order: PageOrder, unsent: GuestPageSet, times: number): number[] =>
  Array.from({ length: times }, () => gfnsOf(order.next(unsent, 1))).flat();

/** Makes an order as a migration does, by its name and the spec. */
function named(name: string, spec: object): PageOrder {
  const line = () => REVERSED;
  return pageOrderNamed(name).order(spec as never, { line } as never);
}

describe('a page order that a spec names', () => {
  const cases = [
    ['follow', {}, [0, 51, 52]],
    ['follow', { swapOrder: 'gfn' }, [0, 51, 52]],
    ['follow', { swapOrder: 'lru' }, [103, 49, 48]],
    ['linear', {}, [0, 1, 2]],
    ['linear', { swapOrder: 'allocation' }, [103, 102, 101]],
    // Without settings it has one pivot, both directions and no queue.
    ['bubbling', {}, [103, 49, 51, 48, 52]],
    ['bubbling', { bubbling: { pivots: 1, direction: 'backward' } }, [51, 52, 53]],
    ['twice', {}, [0, 51, 52]],
  ] as const;

  it.each(cases)('is %s with %j', (name, spec, expected) => {
    const unsent = allUnsent();
    const order = named(name, spec);
    const found = expected[0] === 51 ? [] : push(order, unsent, 1);
    unsent.drop(50);
    order.requested(50);
    expect([...found, ...push(order, unsent, expected.length - found.length)]).toEqual(expected);
    expect(order.held ?? 0).toBe(0);
  });

  it.each([
    [false, [102, 49, 51]],
    [true, [49, 51, 48]],
  ])('has the queue of its settings; a request discards it: %s', (discardsQueue, expected) => {
    const unsent = allUnsent();
    const settings = { pivots: 1, direction: 'dual', queuePages: 2, discardsQueue };
    const order = named('bubbling', { bubbling: settings });
    expect(push(order, unsent, 1)).toEqual([103]);
    expect(order.held).toBe(1);
    unsent.drop(50);
    order.requested(50);
    expect(push(order, unsent, 3)).toEqual(expected);
  });

  it('is one that there is', () => {
    expect(() => pageOrderNamed('random')).toThrow('there is no page order random');
  });

  it('keeps the settings of bubbling that are written, and adds none', () => {
    const settings = { pivots: 7, direction: 'dual', queuePages: 0, discardsQueue: false } as const;
    expect(bubbling.resolve({ bubbling: settings })).toEqual({ bubbling: settings });
    expect(bubbling.resolve({})).toEqual({});
  });

  it('has the documented defaults, and no use for discardsQueue without a queue', () => {
    const { shape } = bubbling.keys.bubbling;
    if (shape.is !== 'map') throw new Error('the settings are a map');
    expect(defaultsOf(shape.keys)).toEqual({
      pivots: 1,
      direction: 'dual',
      queuePages: 0,
      discardsQueue: false,
    });
    const needs = shape.keys['discardsQueue']!.needs!;
    expect(needs({ queuePages: 0 }, {})).toMatch(/^needs queuePages/);
    expect(needs({ queuePages: 1 }, {})).toBeUndefined();
  });
});

describe('bubbling', () => {
  const line = () => gfnLine(PAGES);

  it('forward with several pivots lets the bubble of page 0 grow past sent pages, and no other', () => {
    const unsent = allUnsent();
    const order = bubblingOrder({ pivots: 7, direction: 'forward' }, line);
    for (const gfn of [2, 50]) {
      unsent.drop(gfn);
      order.requested(gfn);
    }
    expect(push(order, unsent, 13)).toEqual([51, 3, 0, 52, 4, 1, 53, 5, 6, 54, 7, 55, 8]);
  });

  it('stops an edge for good, even if the page at which it stopped becomes unsent again', () => {
    const unsent = allUnsent();
    const order = bubblingOrder({ pivots: 2, direction: 'dual' }, line);
    unsent.dropRun(20, 2);
    order.requested(20);
    expect(push(order, unsent, 2)).toEqual([19, 0]);
    unsent.addRun(21, 1);
    expect(push(order, unsent, 4)).toEqual([18, 1, 17, 2]);
  });

  it('with one pivot finds the next unsent page in each direction', () => {
    const unsent = allUnsent();
    const order = bubblingOrder({ pivots: 1, direction: 'dual' }, line);
    unsent.dropRun(45, 10);
    order.requested(50);
    expect(push(order, unsent, 4)).toEqual([55, 44, 56, 43]);
  });
});

describe('a line of pages', () => {
  it('finds nothing behind its last unsent page', () => {
    const unsent = allUnsent();
    unsent.dropRun(90, 14);
    expect(gfnLine(PAGES).firstFrom(unsent, 80)).toBe(80);
    expect(gfnLine(PAGES).firstFrom(unsent, 90)).toBe(-1);
    expect(REVERSED.lastUpTo(unsent, 13)).toBe(-1);
    expect(REVERSED.firstFrom(unsent, 3)).toBe(14);
  });

  it.each([
    ['by gfn', gfnLine(PAGES), (place: number) => place],
    ['of a swap device', REVERSED, atPlace],
  ] as const)(
    '%s gives neighbours in either direction, up to a page that is not unsent',
    (...of) => {
      const [, along, gfnAt] = of;
      const places = ({ taken, position }: ReturnType<typeof along.take>) => {
        const found = gfnsOf(taken).map((gfn) => along.positionOf(gfn));
        return [found.toSorted((a, b) => a - b), position];
      };
      const unsent = allUnsent();
      expect(places(along.take(unsent, 5, 1, 3))).toEqual([[5, 6, 7], 8]);
      expect(places(along.take(unsent, 4, -1, 2))).toEqual([[3, 4], 2]);
      unsent.drop(gfnAt(12));
      expect(places(along.take(unsent, 8, 1, 9))).toEqual([[8, 9, 10, 11], 12]);
      expect(places(along.take(unsent, 2, -1, 9))).toEqual([[0, 1, 2], -1]);
      expect(places(along.take(unsent, 102, 1, 9))).toEqual([[102, 103], 104]);
    },
  );

  it('of a swap device forgets after a restart what had been sent', () => {
    const orders = [
      lineCursorOrder(true, () => REVERSED),
      bubblingOrder({ pivots: 1, direction: 'forward' }, () => REVERSED),
      withReadahead(
        lineCursorOrder(true, () => REVERSED),
        8,
        () => REVERSED,
      ),
    ];
    for (const order of orders) {
      const unsent = allUnsent();
      push(order, unsent, 10);
      order.requested(atPlace(0));
      // The search for this page walks over all that have been sent.
      expect(push(order, unsent, 1)).toEqual([atPlace(10)]);
      for (const place of [3, 7]) unsent.addRun(atPlace(place), 1);
      order.restart!();
      order.requested(atPlace(0));
      expect(push(order, unsent, 3)).toEqual([3, 7, 11].map(atPlace));
    }
  });

  it('of a swap device begins again at its first place', () => {
    const unsent = allUnsent();
    const order = lineCursorOrder(true, () => REVERSED);
    unsent.drop(atPlace(103));
    order.requested(atPlace(103));
    expect(push(order, unsent, 3)).toEqual([0, 1, 2].map(atPlace));
  });
});

describe('a queue ahead of the link', () => {
  it('gives what it holds in several takes when a frame holds fewer pages than before', () => {
    const unsent = allUnsent();
    unsent.dropRun(4, 3);
    const inner: PageOrder = {
      next: (set, most) => set.take(0, most),
      requested: () => undefined,
    };
    const order = queuedOrder(inner, 20, false);
    // Two takes of 10 pages are queued: 0 to 3 and 7 to 12, then 13 to 22.
    expect(gfnsOf(order.next(unsent, 10))).toEqual([0, 1, 2, 3, 7, 8, 9, 10, 11, 12]);
    expect(order.held).toBe(10);
    expect(gfnsOf(order.next(unsent, 10))).toEqual([13, 14, 15, 16, 17, 18, 19, 20, 21, 22]);
    unsent.addRun(0, 4);
    unsent.addRun(7, 6);
    expect(gfnsOf(order.next(unsent, 10))).toHaveLength(10);
    expect([3, 2, 4, 1].map((most) => gfnsOf(order.next(unsent, most)))).toEqual([
      [0, 1, 2],
      [3, 7],
      [8, 9, 10, 11],
      [12],
    ]);
  });

  it('with readahead says what it holds', () => {
    const unsent = allUnsent();
    const queued = queuedOrder(named('linear', {}), 3, false);
    const order = withReadahead(queued, 8, () => gfnLine(PAGES));
    push(order, unsent, 1);
    expect(order.held).toBe(2);
  });
});
