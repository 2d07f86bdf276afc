import { describe, expect, it } from 'vitest';
import { noteReferences } from '../../src/guest/groups.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { quicksortPages } from '../../src/guest/quicksort.ts';
import { allocationOrder, lruOrder } from '../../src/guest/swap-order.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { openMemory } from '../../src/memory/guest-memory.ts';
import { accessListAt } from '../../src/memory/layout.ts';
import { createSlot } from '../../src/memory/memslot.ts';

describe('the pages that a quicksort visits', () => {
  it('are in its first pass each page once, from both ends, and the same each time', () => {
    const visits = quicksortPages(64, 7);
    const first = [...visits.subarray(0, 64)];
    expect(first.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i));
    const low = first.filter((page) => page < first.at(-1)!);
    expect(low).toEqual(low.toSorted((a, b) => a - b));
    expect(new Set(first.slice(0, 2))).toEqual(new Set([0, 63]));
    expect(quicksortPages(64, 7)).toEqual(visits);
    expect(quicksortPages(64, 8)).not.toEqual(visits);
  });

  it('end within each page, ten visits of each one at the least', () => {
    const visits = quicksortPages(33, 1);
    for (let page = 0; page < 33; page++) {
      expect(visits.filter((visit) => visit === page).length).toBeGreaterThan(10);
    }
    // n log n: some 2 ln(33) = 7 passes, and ten visits in the end.
    expect(visits.length / 33).toBeLessThan(30);
    expect([...quicksortPages(1, 1)]).toEqual(Array.from({ length: 10 }, () => 0));
  });
});

describe('the order of a swap device', () => {
  const open = () => {
    const workload = (firstGfn: number, pages: number, vcpu: number): Workload => ({
      pattern: { kind: 'uniform' },
      firstGfn,
      pages,
      rate: 1,
      writes: 1,
      wordsPerPage: 1,
      vcpu,
      fromNs: 0,
      untilNs: Infinity,
    });
    const { plan, geometries } = planMemory(
      {
        memoryBytes: 12 * 4096,
        pageSize: 4096,
        vcpus: 2,
        memslots: 2,
        dirtyLog: 'bitmap',
        workloads: [workload(2, 4, 0), workload(8, 3, 1)],
        lruScanNs: 1e9,
      },
      1,
    );
    return { plan, memory: openMemory(geometries(0).map((geometry) => createSlot(geometry))) };
  };

  it('of allocation deals the processes their pages in turn, behind what nobody touches', () => {
    const { plan, memory } = open();
    expect([...allocationOrder(plan, memory)]).toEqual([0, 1, 6, 7, 11, 2, 8, 3, 9, 4, 10, 5]);
  });

  it('of reference has the last referenced first, and those of one scan as they were allocated', () => {
    const { plan, memory } = open();
    const [low, high] = memory.slots;
    low!.words[(low!.layout.references >>> 2) + 3] = 9;
    high!.words[(high!.layout.references >>> 2) + 4] = 9;
    low!.words[(low!.layout.references >>> 2) + 1] = 4;
    expect([...lruOrder(plan, memory)]).toEqual([3, 10, 1, 0, 6, 7, 11, 2, 8, 9, 4, 5]);
  });

  it('counts the scans from one, so that a page of the first scan has been referenced', () => {
    const { memory } = open();
    const slot = memory.slots[0]!;
    const list = accessListAt(slot.layout, 0);
    slot.words.set([3, 1], list >>> 2);
    const stream = { slot, list, record: 0, index: 0 };
    const scans = (): number[] => {
      const from = slot.layout.references >>> 2;
      return [...slot.words.subarray(from, from + 4)];
    };
    noteReferences(stream, 2, 5e9, undefined);
    expect(scans()).toEqual([0, 0, 0, 0]);
    noteReferences(stream, 2, 1e9 - 1, 1e9);
    expect(scans()).toEqual([0, 1, 0, 1]);
    noteReferences(stream, 1, 1e9, 1e9);
    expect(scans()).toEqual([0, 1, 0, 2]);
  });
});
