import { describe, expect, it } from 'vitest';
import { Generator } from '../../src/random/generator.ts';
import { comparePages } from '../../src/runtime/common/compare.ts';
import { pageRanges } from '../../src/runtime/common/ranges.ts';
import {
  ENDED_N,
  PAUSED_N,
  plantByte,
  ProvenGuest,
  type ProvenGuestOptions,
  type Place,
} from '../support/proven-guest.ts';

const CHUNK = 1024 * 1024;
const SEED = Number(process.env['PROOF_SEED'] ?? 1);

const SHAPES: readonly (readonly [string, ProvenGuestOptions])[] = [
  ['pages of 4 KiB, three slots, one piece of work', { memslots: 3, pages: 1500 }],
  ['pages of 4 KiB, one slot, three pieces', { threads: 3 }],
  ['pages of 4 KiB, two slots, five pieces, full', { threads: 5, memslots: 2, verify: 'full' }],
  ['pages of 64 KiB, three slots', { pageSize: 65_536, pages: 70, memslots: 3 }],
  [
    'pages of 2 MiB, two slots, two pieces',
    { pageSize: 2 ** 21, pages: 5, memslots: 2, threads: 2 },
  ],
  ['versions, two slots', { backing: 'versions', memslots: 2 }],
  ['a guest that stayed, two slots', { outcome: 'diverged', memslots: 2, threads: 2 }],
  ['a guest that stayed, versions', { outcome: 'failed', backing: 'versions' }],
];

/** First and last bytes of the first and last pages of guest, slots, chunks and pieces of work, and random ones. */
function placesIn({ final, run, threads }: ProvenGuest): Place[] {
  const { storedBytes } = final.slots[0]!.layout;
  const chunkPages = Math.max(1, Math.floor(CHUNK / storedBytes));
  const gfns = new Set<number>([0, final.pages - 1]);
  const add = (gfn: number): void => void (gfn >= 0 && gfn < final.pages && gfns.add(gfn));
  for (const { slot, firstPage, pages } of pageRanges(run.sides.source, threads)) {
    const first = final.slots[slot]!.layout.firstGfn + firstPage;
    for (let from = 0; from < pages; from += chunkPages) {
      for (const gfn of [first + from - 1, first + from, first + from + 1]) add(gfn);
    }
    add(first + pages - 1);
  }
  const random = new Generator(SEED, final.pages);
  for (let i = 0; i < 12; i++) gfns.add(random.below(final.pages));
  const inPage = [0, storedBytes - 1, 16_383, 16_384].filter((offset) => offset < storedBytes);
  return [...gfns].map((gfn, i) => ({
    gfn,
    // Every place of a page comes up: its ends, the ends of the pieces in which it is searched, and random ones.
    offset: i % 5 < inPage.length ? inPage[i % 5]! : random.below(storedBytes),
  }));
}

const guests = new Map<string, Promise<ProvenGuest>>();
const guestOf = (name: string, options: ProvenGuestOptions): Promise<ProvenGuest> => {
  const made = guests.get(name) ?? ProvenGuest.make(options);
  guests.set(name, made);
  return made;
};

describe.each(SHAPES)('the proof of %s', (name, options) => {
  it('finds nothing wrong with a guest that is right, and says what it looked at', async () => {
    const guest = await guestOf(name, options);
    const { final, run } = guest;
    const { storedBytes } = final.slots[0]!.layout;
    const isReplay = run.config.verify === 'replay' && run.report.outcome === 'completed';
    const streams = run.plan.streams.length;
    const proof = await guest.prove();
    expect(proof).toMatchObject({
      kind: isReplay ? 'replay' : 'full',
      replayedBy: 'twin',
      ok: true,
      problems: [],
      differingPages: 0,
      pagesCompared: final.pages,
      bytesCompared: final.pages * storedBytes,
    });
    expect(proof).not.toHaveProperty('firstDifference');
    // About half of the accesses are reads.
    const made = streams * (isReplay ? ENDED_N - PAUSED_N : ENDED_N);
    if (options.backing === 'versions') expect(proof.readsChecked).toBe(0);
    else expect(proof.readsChecked / made).toBeCloseTo(0.45, 1);
  });

  it('finds a byte that differs, wherever it is', async () => {
    const guest = await guestOf(name, options);
    const places = placesIn(guest);
    const random = new Generator(SEED, 8);
    for (const place of places) {
      const mask = 1 + random.below(255);
      let bytes: object = {};
      const proof = await guest.prove(() => void (bytes = plantByte(guest.final, place, mask)));
      expect(proof, `PROOF_SEED=${SEED}`).toMatchObject({
        ok: false,
        differingPages: 1,
        firstDifference: { ...place, ...bytes },
      });
    }
    expect(places.length).toBeGreaterThan(4);
  });

  it('counts all pages that differ, and names the first', async () => {
    const guest = await guestOf(name, options);
    const { pages } = guest.final;
    const gfns = [pages - 1, 1, pages >> 1];
    const proof = await guest.prove(() => {
      for (const gfn of gfns) {
        for (const offset of [3, 2]) plantByte(guest.final, { gfn, offset }, 0x40);
      }
    });
    expect(proof).toMatchObject({ ok: false, differingPages: 3 });
    expect(proof.firstDifference).toMatchObject({ gfn: 1, offset: 2 });
  });
});

describe('a comparison of part of a slot', () => {
  it('sees each of its pages, and no other', async () => {
    const guest = await guestOf('one slot', { pages: 800 });
    const [expected] = guest.source.slots;
    const [found] = guest.destination.slots;
    const { pageSize, pages } = expected!.layout;
    found!.ram.set(expected!.ram);
    // Three chunks of 256 pages, and a part of one; neither begins or ends where the slot does.
    const [first, end] = [7, 7 + 3 * 256 + 11];
    for (let page = 0; page < pages; page++) {
      const at = page * pageSize + ((page * 97) % pageSize);
      found!.ram[at]! ^= 1;
      const isInside = page >= first && page < end;
      const expectedResult = isInside
        ? { differingPages: 1, firstGfn: page }
        : { differingPages: 0 };
      expect(comparePages(expected!, found!, first, end - first), `page ${page}`).toEqual(
        expectedResult,
      );
      found!.ram[at]! ^= 1;
    }
  });
});

describe('the pieces into which a guest is cut', () => {
  it.each([1, 2, 3, 5, 8, 100])(
    '%i of them are every page once, each in one slot',
    async (parts) => {
      const guest = await guestOf('three slots', { memslots: 3, pages: 50 });
      const seen = new Map<number, number>();
      const ranges = pageRanges(guest.run.sides.source, parts);
      for (const { slot, firstPage, pages } of ranges) {
        const { layout } = guest.source.slots[slot]!;
        expect(pages).toBeGreaterThan(0);
        expect(firstPage + pages).toBeLessThanOrEqual(layout.pages);
        for (let page = firstPage; page < firstPage + pages; page++) {
          const gfn = layout.firstGfn + page;
          seen.set(gfn, (seen.get(gfn) ?? 0) + 1);
        }
      }
      expect(seen.size).toBe(50);
      expect(Math.max(...seen.values())).toBe(1);
      expect(ranges.length).toBeLessThanOrEqual(parts + 2);
    },
  );
});
