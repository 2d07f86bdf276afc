import { copyBytes } from '../../dist/memory/copy.js';
import { hold, type SuiteContext } from '../contest.ts';
import { randomNumbers, shuffled } from '../random.ts';
import { COPY_MEMCPY, COPY_NON_TEMPORAL, COPY_REP_MOVSB, type Reference } from '../reference.ts';
import { isToy } from '../report.ts';
import type { Row } from '../rows.ts';
import { isBeyondCache } from './pages.ts';
import { makeSlot, MIB, PAGE, touchAll } from './slots.ts';

/** This suite copies pages, a run at a time, as frames are built and installed (memory/copy.ts). */

const SETS = isToy ? [1 * MIB, 4 * MIB] : [2 * MIB, 192 * MIB];
const GIB = 1024 * MIB;
/** The distance of source and target in one memory; at 1 GiB, cache aliasing would show. */
const APART = isToy ? 8 * MIB : GIB;

interface Pair {
  readonly name: string;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  /** True when the memories are placed, and copied, as the program does it. */
  readonly isUsual?: boolean;
  /** True to copy with TypedArray.set alone, which moves 8 bytes at a time on shared memory. */
  readonly isSet?: boolean;
}

const RUNS = [
  { name: 'page by page', pages: 1, isShuffled: false },
  { name: 'runs of 16 pages', pages: 16, isShuffled: true },
  { name: 'random pages', pages: 1, isShuffled: true },
] as const;

const OTHER_WAYS = [
  { name: 'rep movsb', way: COPY_REP_MOVSB },
  { name: 'non-temporal AVX-512', way: COPY_NON_TEMPORAL },
];

export function copies({ reference, command }: SuiteContext): Row[] {
  const rows: Row[] = [];
  for (const pair of [...betweenMemories(reference.kernels), ...withinMemory()]) {
    for (const bytes of SETS) {
      for (const { name, pages, isShuffled } of RUNS) {
        const runs = listRuns(bytes / PAGE, pages, isShuffled);
        const isGoal = pages === 16 && isBeyondCache(bytes) && pair.isUsual === true;
        const contest = {
          what: `copy, ${pair.name}, ${bytes / MIB} MiB, ${name}`,
          unit: 'GB/s',
          amount: bytes,
          ours: { run: () => (pair.isSet ? setCopy(pair, runs) : ourCopy(pair, runs, bytes)) },
          c: cCopy(reference.kernels, pair, runs, COPY_MEMCPY),
          goal: isGoal ? 0.8 : undefined,
          others: OTHER_WAYS.filter(
            ({ way }) => pair.isUsual && reference.kernels?.canCopy(way),
          ).map((other) => ({ ...other, ...cCopy(reference.kernels, pair, runs, other.way)! })),
        } as const;
        rows.push(...hold(contest, command));
      }
    }
  }
  return rows;
}

/**
 * Returns pairs of memslots, as source and destination have them. JavaScript can't learn the address of
 * a memory, so only C can tell how far apart modulo 1 GiB the two are.
 */
function betweenMemories(c: Reference | undefined): Pair[] {
  const pages = Math.max(...SETS) / PAGE;
  const [source, plain, skewed] = [0, 0, 1].map((skewPages) => makeSlot({ pages, skewPages }));
  for (const place of [source!, plain!, skewed!]) touchAll(place.slot);
  if (c) {
    const [from, to] = [source!, plain!].map((place) => c.address(place.memory));
    console.log(`\nmemories begin at ${from} and ${to} modulo 1 GiB`);
  }
  const usual = { from: source!.slot.ram, to: skewed!.slot.ram };
  return [
    { name: 'two memories, skewed a page', ...usual, isUsual: true },
    { name: 'two memories, skewed a page, TypedArray.set', ...usual, isSet: true },
    { name: 'two memories, not skewed', from: source!.slot.ram, to: plain!.slot.ram },
  ];
}

function withinMemory(): Pair[] {
  const bytes = Math.max(...SETS);
  const { slot } = makeSlot({ pages: (APART + bytes) / PAGE + 1 });
  const from = slot.ram.subarray(0, bytes);
  const at = (offset: number): Uint8Array => slot.ram.subarray(offset, offset + bytes);
  for (const part of [from, slot.ram.subarray(APART)]) part.fill(1);
  return [
    { name: 'one memory, 1 GiB apart, skewed a page', from, to: at(APART + PAGE) },
    { name: 'one memory, 1 GiB apart, not skewed', from, to: at(APART) },
  ];
}

/** Returns runs of (first page, pages), u32 each, that cover a number of pages. */
function listRuns(pages: number, length: number, isShuffled: boolean): Uint32Array {
  const count = pages / length;
  const random = randomNumbers(5);
  const order = isShuffled
    ? shuffled(count, random)
    : Uint32Array.from({ length: count }, (_, i) => i);
  const runs = new Uint32Array(2 * count);
  order.forEach((run, i) => runs.set([run * length, length], 2 * i));
  return runs;
}

/** Copies runs of pages with our code, to the same offsets modulo `window`. */
export function ourCopy(
  { from, to }: Pick<Pair, 'from' | 'to'>,
  runs: Uint32Array,
  window: number,
): void {
  for (let i = 0; i < runs.length; i += 2) {
    const at = runs[i]! * PAGE;
    copyBytes(to, at % window, from.subarray(at, at + runs[i + 1]! * PAGE));
  }
}

function setCopy({ from, to }: Pair, runs: Uint32Array): void {
  for (let i = 0; i < runs.length; i += 2) {
    const at = runs[i]! * PAGE;
    to.set(from.subarray(at, at + runs[i + 1]! * PAGE), at);
  }
}

function cCopy(c: Reference | undefined, { from, to }: Pair, runs: Uint32Array, way: number) {
  // The window is larger than any offset, so a page is copied to its own offset.
  return c && { run: () => c.copyRuns(to, from, runs, PAGE, 2 ** 40, way) };
}
