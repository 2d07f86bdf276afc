import { beforeEach, describe, expect, it } from 'vitest';
import { GuestPageSet, openMemory } from '../../src/memory/guest-memory.ts';
import type { TakenRuns } from '../../src/memory/page-set.ts';
import type { PageOrder } from '../../src/migration/page-orders/page-order.ts';
import type { PageLine } from '../../src/migration/page-orders/line.ts';
import { Generator } from '../../src/random/generator.ts';
import { smallSlot } from '../support/slots.ts';

/** A page order, and what its documentation says about it. */
export interface PageOrderKind {
  create(line: PageLine): PageOrder;
  /** Returns the line of a guest's pages, which the order follows. */
  lineOf(pages: number): PageLine;
  /** How many times a page may be sent. */
  readonly times: 1 | 2;
  /**
   * Places in the line of the pages that the order pushes, one by one, after it has pushed the page at
   * place 0 and the page at place 50 has then been requested.
   */
  readonly afterRequest: readonly number[];
  /** The size of the aligned group of pages with which a requested page is sent; 1 for the page alone. */
  readonly clusterPages: number;
}

const PAGES = 104;
/** After this many turns an order is taken to never end. */
const MOST_TURNS = 10 * PAGES;

const SLOTS = [
  { pages: 64, index: 0, firstGfn: 0 },
  { pages: PAGES - 64, index: 1, firstGfn: 64 },
];
/** All pushes share one guest and come one after another, because opening its memory takes the most time. */
const guest = openMemory(SLOTS.map(smallSlot));

/** Returns a set of all pages of the guest. */
function unsentPages(): GuestPageSet {
  const unsent = new GuestPageSet(guest);
  unsent.addAll();
  return unsent;
}

function pagesOf({ slot, list, runs }: TakenRuns): number[] {
  const { firstGfn, pages } = slot.layout;
  const gfns: number[] = [];
  for (let run = 0; run < runs; run++) {
    const [first, count] = [list[2 * run]!, list[2 * run + 1]!];
    // All pages of a take lie in its memslot, and no run is empty.
    check(count > 0 && first + count <= pages, `a run of ${count} pages from ${first} on`);
    for (let page = first; page < first + count; page++) gfns.push(firstGfn + page);
  }
  return gfns;
}

/** Throws when a condition does not hold. In every turn, `expect` would take most of the test's time. */
function check(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}

/** A push by a page order. It checks every take, and records which pages were sent. */
class Push {
  readonly unsent = unsentPages();
  readonly order: PageOrder;
  readonly line: PageLine;
  /** The pages in the order in which they were sent, including requested ones. */
  readonly sent: number[] = [];
  #turns = 0;

  constructor(kind: PageOrderKind) {
    this.line = kind.lineOf(PAGES);
    this.order = kind.create(this.line);
  }

  /** How many pages have not been sent. */
  get left(): number {
    return this.unsent.count + (this.order.held ?? 0);
  }

  /** The smallest and the largest number of times that a page has been sent. */
  get times(): readonly [number, number] {
    const counts = Array.from({ length: PAGES }, () => 0);
    for (const gfn of this.sent) counts[gfn]!++;
    return [Math.min(...counts), Math.max(...counts)];
  }

  next(most: number): number[] {
    check(++this.#turns < MOST_TURNS, 'the order does not end');
    const leftBefore = this.left;
    const taken = this.order.next(this.unsent, most);
    const gfns = pagesOf(taken);
    check(gfns.length === taken.pages, `${gfns.length} pages in the runs of ${taken.pages}`);
    check(new Set(gfns).size === gfns.length, 'a page twice in one take');
    check(gfns.length <= most, `${gfns.length} pages where ${most} were asked for`);
    check(gfns.length > 0 === leftBefore > 0, `${gfns.length} pages of ${leftBefore}`);
    this.sent.push(...gfns);
    return gfns;
  }

  /** Requests a page. It is sent at once, unless it waits in the order's queue and is sent in its turn. */
  request(gfn: number): void {
    if (!this.unsent.takePage(gfn)) return;
    this.sent.push(gfn);
    this.order.requested(gfn);
  }

  /** Loses the connection, and with it about half of the pages that were sent. */
  lose(random: Generator): void {
    for (const gfn of this.sent) if (random.below(2) === 0) this.unsent.addRun(gfn, 1);
    this.order.restart?.();
  }

  drain(random: Generator, requestsOf4 = 0): void {
    while (this.left > 0) {
      if (random.below(4) < requestsOf4) this.request(random.below(PAGES));
      else this.next(1 + random.below(9));
    }
  }
}

/** Tests what every page order must do. */
export function pageOrderConformance(name: string, kind: PageOrderKind): void {
  describe(`the page order ${name}`, () => {
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    let push: Push;
    beforeEach(() => {
      push = new Push(kind);
    });

    it.each([1, 4, 64])('pushes every page, %i at most at a time', (most) => {
      while (push.left > 0) push.next(most);
      expect(push.times).toEqual([1, kind.times]);
    });

    it('pushes every page that is not requested, wherever the requests are', () => {
      for (const seed of seeds) {
        push = new Push(kind);
        push.drain(new Generator(seed), 1 + (seed % 3));
        expect(push.times[0], `seed ${seed}`).toBe(1);
        expect(push.sent.length, `seed ${seed}`).toBeLessThanOrEqual(kind.times * PAGES);
        if (kind.times === 1) expect(push.sent).toHaveLength(PAGES);
      }
    });

    it('says what it holds: every page is unsent, held or gone', () => {
      const random = new Generator(3);
      while (push.left > 0) {
        if (random.below(3) === 0) push.request(random.below(PAGES));
        else push.next(1 + random.below(5));
        const { held = 0 } = push.order;
        const gone = new Set(push.sent.filter((gfn) => !push.unsent.has(gfn))).size;
        expect(push.unsent.count + held + gone).toBe(PAGES);
      }
    });

    it('ends: it takes nothing and holds nothing once all have gone', () => {
      push.drain(new Generator(1));
      expect([push.order.held ?? 0, push.next(8), push.next(1)]).toEqual([0, [], []]);
    });

    it('takes no more than is asked for, however much it was asked for before', () => {
      for (let most = 9; push.left > 0; most = most === 1 ? 9 : most - 1) push.next(most);
      expect(push.times[0]).toBe(1);
    });

    it('takes nothing of a guest that has nothing unsent', () => {
      push.unsent.clear();
      expect(push.next(8)).toEqual([]);
    });

    it('leaves pages alone that others have taken out', () => {
      const random = new Generator(8);
      const dropped = new Set<number>();
      while (push.left > 0) {
        const gfn = random.below(PAGES);
        if (random.below(2) === 0 && push.unsent.has(gfn) && !push.sent.includes(gfn)) {
          push.unsent.drop(gfn);
          dropped.add(gfn);
        } else push.next(1 + random.below(4));
      }
      expect(dropped.size).toBeGreaterThan(10);
      expect(push.sent.filter((gfn) => dropped.has(gfn))).toEqual([]);
    });

    it('goes on after a request as it is documented', () => {
      const { line } = push;
      expect(push.next(1)).toEqual([line.gfnAt(0)]);
      push.request(line.gfnAt(50));
      const places = kind.afterRequest.map(() => push.next(1).map((gfn) => line.positionOf(gfn)));
      expect(places.flat()).toEqual(kind.afterRequest);
    });

    it('holds nothing after a restart, and pushes again whatever is unsent then', () => {
      for (const seed of seeds) {
        const random = new Generator(seed);
        push = new Push(kind);
        for (let i = random.below(40); i > 0 && push.left > 0; i--) {
          if (random.below(3) === 0) push.request(random.below(PAGES));
          else push.next(1 + random.below(9));
        }
        push.lose(random);
        expect(push.order.held ?? 0).toBe(0);
        const unsent: number[] = [];
        push.unsent.eachRun((gfn, pages) => {
          for (let page = gfn; page < gfn + pages; page++) unsent.push(page);
        });
        push.sent.length = 0;
        push.drain(random, 1);
        expect([...new Set(push.sent)].toSorted((a, b) => a - b)).toEqual(unsent);
      }
    });

    it('does the same again when the same happens', () => {
      push.drain(new Generator(12), 1);
      const again = new Push(kind);
      again.drain(new Generator(12), 1);
      expect(again.sent).toEqual(push.sent);
    });

    it('reads with a page the others of its group, and no more', () => {
      const { line, order } = push;
      const { clusterPages } = kind;
      if (clusterPages === 1) {
        expect(order.readahead).toBeUndefined();
        return;
      }
      for (let place = 0; place < PAGES; place++) {
        const first = place - (place % clusterPages);
        const group = Array.from({ length: clusterPages }, (_, i) => first + i);
        const others = group.filter((other) => other !== place && other < PAGES);
        const read = order.readahead!(line.gfnAt(place)).map((gfn) => line.positionOf(gfn));
        expect(read).toEqual(others);
      }
    });
  });
}
