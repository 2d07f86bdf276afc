import { describe, expect, it } from 'vitest';
import { groupsOf } from '../../src/guest/dealing.ts';
import { planGuest } from '../../src/guest/stream-plan.ts';
import { traceIntervals } from '../../src/guest/trace.ts';
import type { Pattern, Workload } from '../../src/guest/workload.ts';

const SLOTS = [
  { firstGfn: 0, pages: 100 },
  { firstGfn: 100, pages: 60 },
  { firstGfn: 160, pages: 40 },
];

function workload(pattern: Pattern, region = { firstGfn: 50, pages: 150 }): Workload {
  return {
    pattern,
    ...region,
    rate: 1000,
    writes: 1,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
}

/** Deals `count` accesses to the first vCPU, `batch` at a time; what each stream got, in order. */
function deal(pattern: Pattern, count: number, batch: number, vcpus = 1, vcpu = 0) {
  const { streams } = planGuest([workload(pattern)], vcpus, SLOTS, 4096, 7);
  const [group] = groupsOf(streams, vcpu);
  const made = group!.streams.map(() => 0);
  const order: number[] = [];
  for (let left = count; left > 0;) {
    const { place, most } = group!.deal((k) => made[k]!);
    const dealt = Math.min(left, batch, most);
    for (let i = 0; i < dealt; i++) order.push(place);
    made[place]! += dealt;
    left -= dealt;
  }
  const plans = group!.streams.map((index) => streams[index]!);
  return { made, order, plans };
}

describe('a region across memslots', () => {
  it('is a stream a slot, each with its part', () => {
    const { streams } = planGuest([workload({ kind: 'uniform' })], 2, SLOTS, 4096, 7);
    expect(streams.map(({ vcpu, slot, firstGfn, pages }) => [vcpu, slot, firstGfn, pages])).toEqual(
      [0, 1].flatMap((vcpu) => [
        [vcpu, 0, 50, 50],
        [vcpu, 1, 0, 60],
        [vcpu, 2, 0, 40],
      ]),
    );
    expect(new Set(streams.map(({ keyA }) => keyA)).size).toBe(6);
    expect(streams.map(({ leader }) => leader)).toEqual([0, 0, 0, 3, 3, 3]);
  });

  it('is dealt uniform accesses by pages', () => {
    const { made } = deal({ kind: 'uniform' }, 15_000, 1);
    expect(made).toEqual([5000, 6000, 4000]);
  });

  it('is dealt hotspot accesses by hot and cold pages', () => {
    // 70 hot pages: 50 in the first part, 20 of the second's 60.
    const { made, plans } = deal({ kind: 'hotspot', hotPages: 70, hotAccesses: 0.7 }, 10_000, 1);
    const cold = 0.3 / 80;
    const shares = [0.5, 0.2 + 40 * cold, 40 * cold];
    made.forEach((count, i) => expect(count / 10_000).toBeCloseTo(shares[i]!, 3));
    expect(plans.map(({ pattern }) => pattern)).toEqual(['uniform', 'hotspot', 'uniform']);
    expect(plans[1]).toMatchObject({ hotPages: 20 });
    expect(plans[1]!.hotAccesses).toBeCloseTo(0.2 / (0.2 + 40 * cold), 9);
  });

  it.each([1, 7, 1024])('is walked by one sequential cursor, %i at a time', (batch) => {
    const { order, plans } = deal({ kind: 'sequential' }, 400, batch);
    const counts = plans.map(() => 0);
    const walked = order.map((place) => {
      const { start, pages } = plans[place]!;
      const before = [0, 50, 110][place]!;
      return before + ((start + counts[place]!++) % pages);
    });
    expect(walked).toEqual(Array.from({ length: 400 }, (_, n) => n % 150));
  });

  it('is begun by a later vCPU where its share begins', () => {
    const { order, plans } = deal({ kind: 'sequential' }, 150, 16, 2, 1);
    // 75 pages into the region: 25 into the second part.
    expect(plans[1]).toMatchObject({ isFirst: true, start: 25 });
    const runs = order.filter((place, i) => place !== order[i - 1]);
    expect(runs).toEqual([1, 2, 0, 1]);
    expect(order.filter((place) => place === 1).slice(0, 35)).toHaveLength(35);
  });

  it('is walked by a stride that leaves no part out, whatever divides what', () => {
    for (const stridePages of [1, 3, 40, 60, 149]) {
      const { made } = deal({ kind: 'stride', stridePages }, 5000, 64);
      expect(made.every((count) => count > 0)).toBe(true);
    }
  });

  it('of a trace keeps every page of it, each in its slot', () => {
    const runs = [[0, 150], [10, 1, 60, 1, 149, 1], []];
    const intervals = traceIntervals({ intervalMs: 100, pageSize: 4096, runs }, 1);
    const trace = { kind: 'trace', intervals, speed: 1, end: 'loop' } as const;
    const { streams, tables } = planGuest([workload(trace)], 1, SLOTS, 4096, 7);
    expect(streams.map(({ leader }) => leader)).toEqual([0, 1, 2]);
    const entries = streams.map(({ table }) => tables[table]!.entries);
    expect(entries.map(({ length }) => length)).toEqual([51, 61, 41]);
    streams.forEach(({ pages }, i) => {
      expect(Math.max(...entries[i]!)).toBe(pages - 1);
    });
  });
});
