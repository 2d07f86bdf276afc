import { writerMapAt } from '../../dist/memory/layout.js';
import type { Memslot } from '../../dist/memory/memslot.js';
import { hold, type SuiteContext } from '../contest.ts';
import type { Contestant } from '../measure.ts';
import { randomBitmap, randomNumbers } from '../random.ts';
import { MAP_ATOMIC, MAP_BITS, MAP_BYTES, MAP_WORDS } from '../reference.ts';
import { isToy } from '../report.ts';
import type { Row } from '../rows.ts';
import { type BenchSlot, makeSlot } from './slots.ts';

/**
 * A harvest moves the marks of a map into the page set, clears the map and counts the new pages. This
 * suite fills a pool of maps before each cycle, which is not timed, and harvests them one after the
 * other; every other map is merged into a set that already has pages.
 */

const PAGES = isToy ? 64 * 1024 : 1024 * 1024;
const POOL = 4;
const DENSITIES = [0, 0.001, 0.01, 0.1, 0.5, 1];
/** There are many cycles because each is short: it has as many harvests as there are maps. */
const CYCLES = isToy ? 3 : 101;

export const HARVESTS = [
  { name: 'bitmap', kind: MAP_BITS, unit: 'bit', kernel: 'mergeAndClear' },
  { name: 'bytemap', kind: MAP_BYTES, unit: 'byte', kernel: 'mergeAndClearBytes' },
  { name: 'atomic', kind: MAP_ATOMIC, unit: 'bit', kernel: 'mergeAndClearAtomic' },
] as const;

/** Returns the ratio to C to be reached; there is no goal for a guest of which most pages are dirty. */
export function harvestGoal(density: number): number | undefined {
  if (density === 0) return 0.7;
  return density <= 0.1 ? 0.8 : undefined;
}

export function harvests({ reference, command }: SuiteContext): Row[] {
  const rows: Row[] = [];
  for (const { name, kind, unit, kernel } of HARVESTS) {
    const place = makeSlot({ pages: PAGES, backing: 'versions', writers: POOL, mapUnit: unit });
    const { slot, memory } = place;
    const { mapBytes, pageSet, keptMap } = slot.layout;
    const pairs = Uint32Array.from({ length: 2 * POOL }, (_, i) =>
      i % 2 === 0 ? writerMapAt(slot.layout, i >>> 1, 0) : i % 4 === 1 ? pageSet : keptMap,
    );
    for (const density of DENSITIES) {
      const setup = refill(place, pairs, unit, density);
      const c = reference.kernels;
      const ours = (): void => {
        for (let i = 0; i < 2 * POOL; i += 2)
          slot.kernels[kernel](pairs[i]!, pairs[i + 1]!, mapBytes);
      };
      const contest = {
        what: `harvest of ${PAGES / 1024} Ki pages, ${name}, ${100 * density} % dirty`,
        unit: 'us',
        amount: POOL,
        ours: pooled(ours, setup),
        c: c && pooled(() => void c.harvest(memory, kind, pairs, mapBytes), setup),
        goal: harvestGoal(density),
        others:
          c && kind === MAP_BITS
            ? [
                {
                  name: 'a word at a time',
                  ...pooled(() => void c.harvest(memory, MAP_WORDS, pairs, mapBytes), setup),
                },
              ]
            : [],
        cycles: CYCLES,
      } as const;
      rows.push(...hold(contest, command));
    }
  }
  return rows;
}

/** Returns a contestant with one call a cycle, because a call uses up what the setup has filled. */
function pooled(run: () => void, setup: () => void): Contestant {
  return { run, setup, calls: 1 };
}

/** Returns a function that fills the maps of the pool with random marks and empties their sets. */
function refill(
  { slot, memory }: BenchSlot,
  pairs: Uint32Array,
  unit: 'bit' | 'byte',
  density: number,
): () => void {
  const random = randomNumbers(7);
  const images = Array.from({ length: pairs.length / 2 }, () => {
    const bits = randomBitmap(slot.layout.pages, density, random);
    return unit === 'bit' ? new Uint8Array(bits.buffer) : bytesOf(bits);
  });
  return () => {
    images.forEach((image, i) => {
      const target = pairs[2 * i + 1]!;
      memory.fill(0, target, target + slot.layout.mapBytes);
      memory.set(image, pairs[2 * i]);
    });
  };
}

/** Returns a byte map with the marks of a bitmap. */
export function bytesOf(bits: Int32Array): Uint8Array {
  return Uint8Array.from({ length: bits.length * 32 }, (_, i) => (bits[i >>> 5]! >>> (i & 31)) & 1);
}

/** Takes all pages out of the set at `bits`, at most `maxRuns` runs a call. Returns the number of runs. */
export function drain(slot: Memslot, bits: number, pages: number, out: number): number {
  const { kernels, words, layout } = slot;
  let runs = 0;
  for (let from = 0; from < pages; from = words[out >>> 2]!) {
    runs += kernels.takeRuns(bits, from, pages, pages, layout.maxRuns, 0, 0, 0, out);
  }
  return runs;
}
