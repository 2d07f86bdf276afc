import { beforeEach, describe, expect, it } from 'vitest';
import { GuestPageSet, openMemory } from '../../src/memory/guest-memory.ts';
import type { TakenRuns } from '../../src/memory/page-set.ts';
import type { PageOrder } from '../../src/migration/page-orders/page-order.ts';
import type { PageLine } from '../../src/migration/page-orders/line.ts';
import { Generator } from '../../src/random/generator.ts';
import { smallSlot } from '../support/slots.ts';

/** A page order, and what its documentation says of it. */
export interface PageOrderKind {
  create(line: PageLine): PageOrder;
  /** How the pages of a guest of so many lie in a row. */
  lineOf(pages: number): PageLine;
  /** How often a page may go out. */
  readonly times: 1 | 2;
  /**
   * Places in the line of the pages that are pushed one by one after the page at place 0 has been
   * pushed and then that at place 50 has been requested.
   */
  readonly afterRequest: readonly number[];
  /** Pages of an aligned group that a requested page is read with; 1: only itself. */
  readonly clusterPages: number;
}

const PAGES = 104;
/** Beyond this an order is taken to never end. */
const MOST_TURNS = 10 * PAGES;

const SLOTS = [
  { pages: 64, index: 0, firstGfn: 0 },
  { pages: PAGES - 64, index: 1, firstGfn: 64 },
];
/** One guest for all pushes, which come one after another: opening its memory is what takes time. */
const guest = openMemory(SLOTS.map(smallSlot));

/** All pages of the guest. */
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
    // All of a take lie in its memslot, and a run has pages.
    check(count > 0 && first + count <= pages, `a run of ${count} pages from ${first} on`);
    for (let page = first; page < first + count; page++) gfns.push(firstGfn + page);
  }
  return gfns;
}

/** What is checked in every turn; an `expect` of its own would take most of the time. */
function check(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}

/** A push by an order: how often each page has gone out, and the checks of every single take. */
class Push {
  readonly unsent = unsentPages();
  readonly order: PageOrder;
  readonly line: PageLine;
  /** Pages in the order in which they have gone out, requested ones among them. */
  readonly sent: number[] = [];
  #turns = 0;

  constructor(kind: PageOrderKind) {
    this.line = kind.lineOf(PAGES);
    this.order = kind.create(this.line);
  }

  /** Pages that have not gone out. */
  get left(): number {
    return this.unsent.count + (this.order.held ?? 0);
  }

  /** How often the pages have gone out: the one that has least often, and the one that has most. */
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

  /** A page that waits in a queue is on its way and goes out in its turn; another goes out at once. */
  request(gfn: number): void {
    if (!this.unsent.takePage(gfn)) return;
    this.sent.push(gfn);
    this.order.requested(gfn);
  }

  /** A connection is lost, and with it what had been sent of some pages. */
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

/** What every page order does. */
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
