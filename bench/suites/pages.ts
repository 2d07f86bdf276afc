import { hold, type SuiteContext } from '../contest.ts';
import { randomNumbers } from '../random.ts';
import { isToy } from '../report.ts';
import type { Row } from '../rows.ts';
import { type BenchSlot, makeSlot, MIB, PAGE, touchAll } from './slots.ts';

/**
 * This suite measures the zero scan, the sums and the comparison of pages, for a set that fits in the
 * cache and one that does not. Our kernels are called as the program calls them, for a batch of pages;
 * C handles the whole set in one call.
 */

const SETS = isToy ? [1 * MIB, 4 * MIB] : [2 * MIB, 192 * MIB];
/** Pages in a call of our kernels: a zero mask has 32 bits, and a frame has 16 pages. */
const ZERO_BATCH = 32;
const SUM_BATCH = 16;

export const isBeyondCache = (bytes: number): boolean => bytes > 64 * MIB;

interface Set {
  readonly place: BenchSlot;
  /** Where the set's pages begin, where as many other pages begin, and where sums are written. */
  readonly at: number;
  readonly other: number;
  readonly sums: number;
  readonly bytes: number;
  readonly name: string;
}

export function zeroScan(context: SuiteContext): Row[] {
  return eachSet((set) => {
    const { memory, slot } = set.place;
    slot.ram.fill(0);
    const full = zeroContest(set, context, 'zero scan');
    // The first byte of each page is not zero, so that the scan ends at its first step.
    for (let page = 0; page < set.bytes; page += PAGE) memory[set.at + page] = 1;
    return [...full, ...zeroContest(set, context, 'zero scan of pages that are not', 'ns/page')];
  });
}

function zeroContest(
  { place, at, bytes, name }: Set,
  { reference, command }: SuiteContext,
  what: string,
  unit: 'GB/s' | 'ns/page' = 'GB/s',
): Row[] {
  const c = reference.kernels;
  const { kernels } = place.slot;
  const run = (): void => {
    for (let page = at; page < at + bytes; page += ZERO_BATCH * PAGE) {
      kernels.zeroMask(page, PAGE, ZERO_BATCH);
    }
  };
  const contest = {
    what: `${what}, ${name}`,
    unit,
    amount: unit === 'GB/s' ? bytes : bytes / PAGE,
    ours: { run },
    c: c && { run: () => void c.zeroPages(place.memory, at, PAGE, bytes / PAGE) },
    // Only a set that is not in the cache has a goal: C reads it at the speed of memory.
    goal: unit === 'GB/s' && isBeyondCache(bytes) ? 0.9 : undefined,
  };
  return hold(contest, command);
}

export function hash({ reference, command }: SuiteContext): Row[] {
  return eachSet(({ place, at, sums, bytes, name }) => {
    fillRandom(place, at, bytes);
    const c = reference.kernels;
    const { kernels } = place.slot;
    const count = bytes / PAGE;
    const run = (): void => {
      for (let page = 0; page < count; page += SUM_BATCH) {
        kernels.hashPages(at + page * PAGE, PAGE, SUM_BATCH, sums + page * 8);
      }
    };
    const goal = isBeyondCache(bytes) ? { goal: 0.6 } : {};
    const contest = {
      what: `page sum, ${name}`,
      unit: 'GB/s',
      amount: bytes,
      ours: { run },
      c: c && { run: () => c.xxh3Sums(place.memory, at, PAGE, count, sums) },
      cName: "XXH3's loop",
      ...goal,
    } as const;
    const same = {
      name: 'the same sum',
      run: () => c?.pageSums(place.memory, at, PAGE, count, sums),
    };
    return hold({ ...contest, others: [same] }, command);
  });
}

export function compare({ reference, command }: SuiteContext): Row[] {
  return eachSet(({ place, at, other, bytes, name }) => {
    place.slot.ram.fill(1);
    const c = reference.kernels;
    const { kernels } = place.slot;
    const run = (): void => {
      for (let page = 0; page < bytes; page += PAGE) {
        kernels.firstDifference(at + page, other + page, PAGE);
      }
    };
    const contest = {
      what: `page comparison, ${name}`,
      unit: 'GB/s',
      amount: bytes,
      ours: { run },
      c: c && { run: () => void c.firstDifference(place.memory, at, other, bytes) },
    } as const;
    return hold(contest, command);
  });
}

function eachSet(rows: (set: Set) => Row[]): Row[] {
  const largest = Math.max(...SETS);
  // An odd number of pages lies between the two sets, so that their distance is no power of two.
  const gap = 37 * PAGE;
  const pages = (2 * largest + gap + 2 * MIB) / PAGE;
  const place = makeSlot({ pages });
  touchAll(place.slot);
  const { ramOffset } = place.slot.layout;
  return SETS.flatMap((bytes) =>
    rows({
      place,
      at: ramOffset,
      other: ramOffset + bytes + gap,
      sums: ramOffset + 2 * largest + gap,
      bytes,
      name: bytes < MIB ? `${bytes / 1024} KiB` : `${bytes / MIB} MiB`,
    }),
  );
}

function fillRandom({ memory }: BenchSlot, at: number, bytes: number): void {
  const random = randomNumbers(3);
  const words = new Uint32Array(memory.buffer, at, bytes / 4);
  for (let i = 0; i < words.length; i++) words[i] = random() * 4294967296;
}
