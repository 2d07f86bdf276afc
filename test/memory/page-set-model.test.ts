import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSlot } from '../../src/memory/memslot.ts';
import { PageSet, type TakenRuns } from '../../src/memory/page-set.ts';
import { smallSlot } from '../support/slots.ts';

type Model = Set<number>;

/** The pages, in order, of those that satisfy a condition. */
const pagesWith = (pages: number, holds: (page: number) => boolean): number[] =>
  Array.from({ length: pages }, (_, page) => page).filter(holds);

const membersOf = (set: PageSet, pages: number): number[] =>
  pagesWith(pages, (page) => set.has(page));

const sorted = (model: Model): number[] => [...model].toSorted((a, b) => a - b);

const listed = ({ list, runs }: TakenRuns): number[] =>
  Array.from({ length: runs }, (_, run) =>
    Array.from({ length: list[2 * run + 1]! }, (_page, i) => list[2 * run]! + i),
  ).flat();

const runsOf = (set: PageSet): number[] => {
  const found: number[] = [];
  set.eachRun((gfn, pages) => {
    for (let page = gfn; page < gfn + pages; page++) found.push(page);
  });
  return found;
};

/** A slot with two sets, each beside the set of numbers that it should equal. */
function openPair(pages: number, mapUnit: 'bit' | 'byte') {
  const slot = openSlot(smallSlot({ pages, mapUnit }));
  const sets = [new PageSet(slot), new PageSet(slot, slot.layout.asideMap)] as const;
  const models: readonly [Model, Model] = [new Set(), new Set()];
  return { slot, sets, models };
}

const operation = fc.record({
  name: fc.constantFrom(
    ...(['addRun', 'addRun', 'addRun', 'addRun', 'dropRun', 'drop', 'move'] as const),
    ...(['common', 'common', 'take', 'all', 'clear'] as const),
  ),
  on: fc.constantFrom(0, 1),
  from: fc.nat({ max: 127 }),
  count: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 128 })),
});

type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

/** Does an operation on a set and on its model; `from` and `to` are within the slot. */
function apply(pair: ReturnType<typeof openPair>, { name, on, from, count }: Operation): void {
  const { slot, sets, models } = pair;
  const { pages } = slot.layout;
  const first = from % pages;
  const end = Math.min(pages, first + count);
  const off = on === 0 ? 1 : 0;
  const [set, other] = [sets[on], sets[off]];
  const [model, otherModel] = [models[on], models[off]];
  const range = pagesWith(pages, (page) => page >= first && page < end);
  if (name === 'addRun') {
    set.addRun(first, end - first);
    for (const page of range) model.add(page);
  } else if (name === 'dropRun') {
    set.dropRun(first, end - first);
    for (const page of range) model.delete(page);
  } else if (name === 'drop') {
    set.drop(first);
    model.delete(first);
  } else if (name === 'move') {
    set.moveRange(first, end - first, other);
    for (const page of range) if (model.delete(page)) otherModel.add(page);
  } else if (name === 'common') {
    set.removeCommon(other, first, end);
    for (const page of range) if (otherModel.has(page)) model.delete(page);
  } else if (name === 'take') {
    const expected = range.filter((page) => model.has(page)).slice(0, 7);
    const taken = set.take(first, 7, [], end);
    expect([taken.pages, taken.skipped, listed(taken)]).toEqual([expected.length, 0, expected]);
    for (const page of expected) model.delete(page);
  } else if (name === 'all') {
    set.addAll();
    for (let page = 0; page < pages; page++) model.add(page);
  } else {
    set.clear();
    model.clear();
  }
}

/** The pages at which searches begin: both ends of each word, and of the slot. */
const startsIn = (pages: number): number[] =>
  [0, 31, 32, 63, 64, pages - 1].filter((page) => page < pages);

/** What the sets say of themselves. */
const seenIn = ({ slot, sets }: ReturnType<typeof openPair>) =>
  sets.map((set) => ({
    count: set.count,
    // A set that is opened on the same bitmap counts anew, so no bit may lie behind the last page.
    bits: new PageSet(slot, set.address).count,
    members: membersOf(set, slot.layout.pages),
    runs: runsOf(set),
    searches: startsIn(slot.layout.pages).map((page) => [set.firstFrom(page), set.lastUpTo(page)]),
  }));

/** What they should say. */
const expectedOf = ({ slot, models }: ReturnType<typeof openPair>) =>
  models.map((model) => {
    const members = sorted(model);
    const searches = startsIn(slot.layout.pages).map((page) => [
      members.find((member) => member >= page) ?? -1,
      members.findLast((member) => member <= page) ?? -1,
    ]);
    return { count: model.size, bits: model.size, members, runs: members, searches };
  });

describe('two page sets of a slot', () => {
  // The numbers of pages stand for a slot below a word, of whole words, and of words with a rest.
  it.each([20, 64, 77, 128])('do what sets of numbers do, in a slot of %i pages', (pages) => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 12, maxLength: 24 }), (operations) => {
        const pair = openPair(pages, 'bit');
        for (const set of pair.sets) set.clear();
        for (const one of operations) {
          apply(pair, one);
          expect(seenIn(pair)).toEqual(expectedOf(pair));
        }
      }),
      { numRuns: 25, seed: 11 },
    );
  });

  it('have neighbours that no operation touches', () => {
    const { slot, sets } = openPair(77, 'bit');
    const maps = new Uint8Array(slot.buffer, 0, slot.layout.ramOffset);
    const { mapBytes } = slot.layout;
    const outside = (): number[] =>
      [sets[0].address - 1, sets[0].address + mapBytes].map((at) => maps[at]!);
    maps[sets[0].address - 1] = 0xa5;
    maps[sets[0].address + mapBytes] = 0xa5;
    sets[0].addAll();
    sets[0].dropRun(3, 74);
    sets[0].clear();
    expect(outside()).toEqual([0xa5, 0xa5]);
  });
});

describe('a take of a page set', () => {
  it.each(['bit', 'byte'] as const)(
    'skips and counts what live maps of a %s a page mark',
    (mapUnit) => {
      const { slot, sets } = openPair(77, mapUnit);
      const [set] = sets;
      const { layout } = slot;
      const live = [0, 1].map(
        (half) => layout.sharedMap - (2 - half) * (layout.writerMapBytes + 64),
      );
      const marks = new Uint8Array(slot.buffer);
      const mark = (map: number, page: number): void => {
        if (mapUnit === 'byte') marks[map + page] = 1;
        else marks[map + (page >>> 3)]! |= 1 << (page & 7);
      };
      mark(live[0]!, 5);
      mark(live[1]!, 7);
      set.clear();
      set.addRun(4, 6);
      const taken = set.take(0, 64, live);
      expect([listed(taken), taken.pages, taken.skipped]).toEqual([[4, 6, 8, 9], 4, 2]);
      expect(taken.slot).toBe(slot);
      expect([set.count, membersOf(set, 77)]).toEqual([0, []]);
      // A take that is told of one map only does not look at the other.
      set.addRun(4, 6);
      expect(listed(set.take(0, 64, live.slice(1)))).toEqual([4, 5, 6, 8, 9]);
      set.addRun(4, 6);
      expect(listed(set.take(0, 64))).toEqual([4, 5, 6, 7, 8, 9]);
    },
  );

  it('goes on where the last one ended, to the end of the slot', () => {
    const [set] = openPair(77, 'bit').sets;
    set.clear();
    set.addRun(70, 7);
    const first = set.take(0, 4);
    expect([listed(first), first.cursor]).toEqual([[70, 71, 72, 73], 74]);
    const second = set.take(first.cursor, 4);
    expect([listed(second), second.cursor]).toEqual([[74, 75, 76], 77]);
  });

  it('takes more runs than one list holds in several takes, and lists them all', () => {
    const slot = openSlot(smallSlot({ pages: 4096 }));
    const set = new PageSet(slot);
    set.clear();
    for (let page = 0; page < 4096; page += 2) set.addRun(page, 1);
    const expected = Array.from({ length: 2048 }, (_, i) => 2 * i);
    expect(slot.layout.maxRuns).toBeLessThan(expected.length);
    expect(runsOf(set)).toEqual(expected);
    const found: number[] = [];
    for (let cursor = 0; cursor < 4096;) {
      const taken = set.take(cursor, 4096);
      found.push(...listed(taken));
      ({ cursor } = taken);
    }
    expect(found).toEqual(expected);
  });

  it('counts the pages that a kernel says it has added', () => {
    const [set] = openPair(77, 'bit').sets;
    set.clear();
    set.grewBy(3);
    set.grewBy(2);
    expect(set.count).toBe(5);
  });
});
