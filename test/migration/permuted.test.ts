import { describe, expect, it } from 'vitest';
import type { LogReader } from '../../src/memory/dirty-logs/log-reader.ts';
import { GuestPageSet, memoryOf } from '../../src/memory/guest-memory.ts';
import { writerMapAt } from '../../src/memory/layout.ts';
import { type Memslot, openSlot } from '../../src/memory/memslot.ts';
import { permutedWalk } from '../../src/migration/page-orders/permuted.ts';
import { smallSlot } from '../support/slots.ts';

/** Opens a guest with all its pages unsent, and a dirty log that writers 1 and 2 mark. */
function openGuest(sizes: readonly number[], mapUnit: 'bit' | 'byte' = 'bit') {
  let firstGfn = 0;
  const slots = sizes.map((pages, index) => {
    const slot = openSlot(smallSlot({ index, firstGfn, pages, mapUnit, backing: 'versions' }));
    firstGfn += pages;
    return slot;
  });
  const unsent = new GuestPageSet(memoryOf(slots));
  unsent.addAll();
  const mapsOf = ({ layout }: Memslot) => [writerMapAt(layout, 1, 0), writerMapAt(layout, 2, 1)];
  const log = { pages: unsent, liveMaps: mapsOf } as unknown as LogReader;
  const setMark = (slot: Memslot, page: number, isSet: boolean, writer: 0 | 1 = 0): void => {
    const bytes = new Uint8Array(slot.buffer);
    const map = mapsOf(slot)[writer]!;
    if (mapUnit === 'byte') bytes[map + page] = isSet ? 1 : 0;
    else if (isSet) bytes[map + (page >>> 3)]! |= 1 << (page & 7);
    else bytes[map + (page >>> 3)]! &= ~(1 << (page & 7));
  };
  return { slots, unsent, log, setMark };
}

type Guest = ReturnType<typeof openGuest>;

/** Takes `most` pages and returns their gfns. */
function take(
  walk: ReturnType<typeof permutedWalk>,
  { unsent, log }: Guest,
  most: number,
  withLog = false,
) {
  const taken = walk.take(unsent, most, withLog ? log : undefined);
  const gfns: number[] = [];
  for (let i = 0; i < taken.runs; i++) {
    expect(taken.list[2 * i + 1]).toBe(1);
    gfns.push(taken.slot.layout.firstGfn + taken.list[2 * i]!);
  }
  expect(taken.pages).toBe(gfns.length);
  return { gfns, skipped: taken.skipped };
}

const upTo = (pages: number): number[] => Array.from({ length: pages }, (_, gfn) => gfn);

describe('the walk of Clark et al. 2005', () => {
  it('goes by gfn through a guest of at most 1024 pages', () => {
    const guest = openGuest([1024]);
    const walk = permutedWalk(1024);
    expect(take(walk, guest, 5).gfns).toEqual([0, 1, 2, 3, 4]);
    expect(take(walk, guest, 2000).gfns).toEqual(upTo(1024).slice(5));
  });

  it('takes pages that are 1024 apart one after another in a larger guest', () => {
    const guest = openGuest([4096]);
    const walk = permutedWalk(4096);
    expect(take(walk, guest, 6).gfns).toEqual([0, 1024, 2048, 3072, 1, 1025]);
  });

  it('permutes once more what would lie behind the guest’s end, so that each page comes once', () => {
    const guest = openGuest([3000]);
    const walk = permutedWalk(3000);
    const found = take(walk, guest, 5).gfns;
    // 3 becomes 3072, where the guest has no page, and 3072 becomes 768.
    expect(found).toEqual([0, 1024, 2048, 768, 1]);
    while (guest.unsent.count > 0) found.push(...take(walk, guest, 500).gfns);
    expect(found.toSorted((a, b) => a - b)).toEqual(upTo(3000));
  });

  it('takes pages of one memslot at a time', () => {
    const guest = openGuest([1024, 1024]);
    const walk = permutedWalk(2048);
    expect([take(walk, guest, 8).gfns, take(walk, guest, 8).gfns]).toEqual([[0], [1024]]);
    const { gfns } = take(walk, guest, 8);
    expect(gfns).toEqual([1]);
  });

  it('passes over pages that are not unsent, and begins again behind the last page', () => {
    const guest = openGuest([8]);
    const walk = permutedWalk(8);
    for (const gfn of [0, 3, 7]) guest.unsent.drop(gfn);
    expect(take(walk, guest, 3).gfns).toEqual([1, 2, 4]);
    guest.unsent.addRun(0, 1);
    expect(take(walk, guest, 9).gfns).toEqual([5, 6]);
    expect(take(walk, guest, 9).gfns).toEqual([0]);
    expect(take(walk, guest, 9)).toEqual({ gfns: [], skipped: 0 });
  });

  it.each(['bit', 'byte'] as const)(
    'drops and counts what either writer had marked with a %s at the last look, in both memslots',
    (mapUnit) => {
      const guest = openGuest([70, 10], mapUnit);
      const [low, high] = [guest.slots[0]!, guest.slots[1]!];
      guest.setMark(low, 1, true, 0);
      guest.setMark(low, 33, true, 1);
      guest.setMark(low, 69, true, 1);
      guest.setMark(high, 9, true, 0);
      const walk = permutedWalk(80);
      const first = take(walk, guest, 68, true);
      const inLow = upTo(70).filter((gfn) => ![1, 33, 69].includes(gfn));
      expect(first).toEqual({ gfns: inLow, skipped: 3 });
      expect(take(walk, guest, 68, true)).toEqual({ gfns: upTo(80).slice(70, 79), skipped: 1 });
      expect(guest.unsent.count).toBe(0);
    },
  );

  it('looks at the log before every 1024th page that it takes, and not in between', () => {
    const guest = openGuest([2048]);
    const walk = permutedWalk(2048);
    const slot = guest.slots[0]!;
    const place = (n: number): number => (n % 2) * 1024 + Math.floor(n / 2);
    expect(take(walk, guest, 1000, true).skipped).toBe(0);
    guest.setMark(slot, place(1010), true);
    guest.setMark(slot, place(1030), true);
    // The batch ends after 1024 pages, however many are asked for.
    expect(take(walk, guest, 1000, true)).toEqual({
      gfns: upTo(1024).slice(1000).map(place),
      skipped: 0,
    });
    const second = take(walk, guest, 10, true);
    expect(second.skipped).toBe(1);
    expect(second.gfns).toEqual(
      [1024, 1025, 1026, 1027, 1028, 1029, 1031, 1032, 1033, 1034].map(place),
    );
  });

  it('takes a page whose mark was cleared after the look, since it does not come again', () => {
    const guest = openGuest([8]);
    const slot = guest.slots[0]!;
    guest.setMark(slot, 5, true);
    const walk = permutedWalk(8);
    expect(take(walk, guest, 2, true).gfns).toEqual([0, 1]);
    guest.setMark(slot, 5, false);
    expect(take(walk, guest, 8, true)).toEqual({ gfns: [2, 3, 4, 5, 6, 7], skipped: 0 });
  });

  it('looks anew in each pass through the guest', () => {
    const guest = openGuest([8]);
    const walk = permutedWalk(8);
    take(walk, guest, 8, true);
    guest.unsent.addRun(2, 3);
    guest.setMark(guest.slots[0]!, 3, true);
    expect(take(walk, guest, 8, true)).toEqual({ gfns: [2, 4], skipped: 1 });
  });
});
