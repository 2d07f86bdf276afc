import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/clock/event-queue.ts';

describe('an event queue', () => {
  it('orders by time, then class, then sequence', () => {
    const queue = new EventQueue<string>();
    queue.schedule('late', 20);
    queue.schedule('second', 10, 1);
    queue.schedule('third', 10, 1);
    queue.schedule('first', 10, 0);
    const order = Array.from({ length: 4 }, () => queue.take()?.item);
    expect(order).toEqual(['first', 'second', 'third', 'late']);
    expect(queue.take()).toBeUndefined();
    expect(queue.nextNs).toBe(Infinity);
  });

  it('moves an item that is scheduled again, and drops one that is never due', () => {
    const queue = new EventQueue<string>();
    queue.schedule('a', 5);
    queue.schedule('b', 7);
    queue.schedule('a', 9);
    queue.schedule('b', Infinity);
    expect(queue.size).toBe(1);
    expect(queue.take()).toMatchObject({ item: 'a', atNs: 9 });
  });

  it('plays any schedule as a sorted list would', () => {
    const change = fc.record({
      item: fc.integer({ min: 0, max: 12 }),
      atNs: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, Infinity),
      eventClass: fc.integer({ min: 0, max: 2 }),
      // Most changes take nothing, so that the queue grows; whatever is left is taken at the end.
      takes: fc.constantFrom(0, 0, 0, 0, 0, 1),
    });
    let longest = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 20, maxLength: 60 }), (changes) => {
        const queue = new EventQueue<number>();
        let list: { item: number; atNs: number; eventClass: number; sequence: number }[] = [];
        changes.forEach(({ item, atNs, eventClass, takes }, sequence) => {
          queue.schedule(item, atNs, eventClass);
          list = list.filter((entry) => entry.item !== item);
          if (atNs < Infinity) list.push({ item, atNs, eventClass, sequence });
          list.sort(
            (a, b) => a.atNs - b.atNs || a.eventClass - b.eventClass || a.sequence - b.sequence,
          );
          for (let take = 0; take < takes; take++) {
            expect(queue.nextNs).toBe(list[0]?.atNs ?? Infinity);
            expect(queue.take()?.item).toBe(list.shift()?.item);
          }
          expect(queue.size).toBe(list.length);
          longest = Math.max(longest, queue.size);
        });
        for (const { item } of list) expect(queue.take()?.item).toBe(item);
      }),
      { numRuns: 200, seed: 5 },
    );
    expect(longest).toBeGreaterThan(10);
  });
});
