import { ACCESS_BATCH, MARK_PRIVATE } from '../../dist/memory/kernels/abi.js';
import { accessListAt, streamAt, writerMapAt } from '../../dist/memory/layout.js';
import { hold, type SuiteContext } from '../contest.ts';
import { randomBitmap, randomNumbers } from '../random.ts';
import { COPY_MEMCPY, MAP_BITS } from '../reference.ts';
import { isToy } from '../report.ts';
import type { Row } from '../rows.ts';
import { ourCopy } from './copies.ts';
import { ourWrites } from './marks.ts';
import { type BenchSlot, makeSlot, MIB, PAGE, startStream } from './slots.ts';

/** These kernels run over guests of any size, of which a share is dirty. */

const CYCLES = isToy ? 3 : 9;
const BATCHES = isToy ? 2 : 32;
/** The size of the ring to which pages are copied, as they are copied to a link's ring. */
const RING = 4 * MIB;
const RUN = 16;
/** How many runs of each slot a call handles, so that it ends soon; the next call takes the runs after them. */
const WINDOW_RUNS = 512;
/** The writer that marks pages, and the writers whose maps are the pool that is harvested. */
const MARKER = 1;
const POOL = [2, 3, 4, 5];

/** A guest, which consists of the first pages of some slots. */
export interface Guest {
  readonly mib: number;
  readonly slots: readonly BenchSlot[];
  readonly pagesPerSlot: number;
  readonly ring: BenchSlot;
}

/** One measurement: a guest's size and the share of it that is dirty. */
export interface Cell {
  readonly guest: Guest;
  readonly density: number;
  readonly what: string;
  readonly context: SuiteContext;
}

/** A kernel that is measured over sizes and densities. */
export interface Grown {
  readonly title: string;
  /** Measures a cell; the table of ratios shows the first row's. */
  readonly run: (cell: Cell) => Row[];
}

/** The kernels in the order of the run. Writes come last, because the zero scan needs zero pages. */
export const GROWN: Readonly<Record<string, Grown>> = {
  zero: { title: 'zero scan in runs of 16 pages', run: zeroScan },
  copy: { title: 'copy to a ring in runs of 16 pages', run: copy },
  harvest: { title: 'harvest, bitmap', run: harvest },
  marks: { title: 'uniform writes, bitmap', run: marks },
};

/** Makes guests of the given sizes in MiB, in ascending order; all share the slots of the largest. */
export function openGuests(sizes: readonly number[], slotMib: number): Guest[] {
  const pages = Math.min(sizes.at(-1)!, slotMib) * (MIB / PAGE);
  const count = Math.ceil((sizes.at(-1)! * MIB) / PAGE / pages);
  const slots = Array.from({ length: count }, () => makeSlot({ pages, writers: 2 + POOL.length }));
  for (const { slot } of slots) slot.ram.fill(0);
  const ring = makeSlot({ pages: RING / PAGE, skewPages: 1 });
  ring.slot.ram.fill(1);
  return sizes.map((mib) => {
    const used = Math.ceil(mib / slotMib);
    return { mib, slots: slots.slice(0, used), pagesPerSlot: (mib * MIB) / PAGE / used, ring };
  });
}

/** Some of the dirty runs of one slot. */
interface Window {
  readonly ram: Uint8Array;
  readonly runs: Uint32Array;
}

/** Returns the windows (one of each slot) for each call; all have the same number of runs. */
function windowsOf({ slots, pagesPerSlot }: Guest, density: number): Window[][] {
  const random = randomNumbers(13);
  const lists = slots.map(() => {
    const runs: number[] = [];
    for (let page = 0; page + RUN <= pagesPerSlot; page += RUN) {
      if (density === 1 || random() < density) runs.push(page, RUN);
    }
    return Uint32Array.from(runs.length > 0 ? runs : [0, RUN]);
  });
  const shortest = Math.min(...lists.map((list) => list.length));
  const length = Math.min(2 * WINDOW_RUNS, shortest);
  return Array.from({ length: Math.floor(shortest / length) }, (_, turn) =>
    slots.map(({ slot }, i) => ({
      ram: slot.ram,
      runs: lists[i]!.subarray(turn * length, (turn + 1) * length),
    })),
  );
}

/** Returns a function that handles the next windows at each call, and begins again after the last ones. */
function inTurn(windows: readonly Window[][], act: (window: Window) => void): () => void {
  let turn = 0;
  return () => {
    for (const window of windows[turn]!) act(window);
    turn = (turn + 1) % windows.length;
  };
}

function bytesOf(windows: readonly Window[][]): number {
  return (windows[0]!.length * windows[0]![0]!.runs.length * RUN * PAGE) / 2;
}

function zeroScan({ guest, density, what, context }: Cell): Row[] {
  const windows = windowsOf(guest, density);
  const c = context.reference.kernels;
  const kernels = new Map(guest.slots.map(({ slot }) => [slot.ram, slot]));
  const ours = inTurn(windows, ({ ram, runs }) => {
    const { kernels: own, layout } = kernels.get(ram)!;
    for (let i = 0; i < runs.length; i += 2) {
      own.zeroMask(layout.ramOffset + runs[i]! * PAGE, PAGE, RUN);
    }
  });
  const contest = {
    what,
    unit: 'GB/s',
    amount: bytesOf(windows),
    ours: { run: ours },
    c: c && { run: inTurn(windows, ({ ram, runs }) => void c.zeroRuns(ram, runs, PAGE)) },
    cycles: CYCLES,
  } as const;
  return hold(contest, context.command);
}

function copy({ guest, density, what, context }: Cell): Row[] {
  const windows = windowsOf(guest, density);
  const c = context.reference.kernels;
  const to = guest.ring.slot.ram;
  const contest = {
    what,
    unit: 'GB/s',
    amount: bytesOf(windows),
    ours: { run: inTurn(windows, ({ ram, runs }) => ourCopy({ from: ram, to }, runs, RING)) },
    c: c && {
      run: inTurn(windows, ({ ram, runs }) => c.copyRuns(to, ram, runs, PAGE, RING, COPY_MEMCPY)),
    },
    cycles: CYCLES,
  } as const;
  return hold(contest, context.command);
}

/**
 * Measures the harvest. The maps of the pool are cut into maps of the guest's size, so that a call does
 * as much work for a small guest as for a large one, and its own overhead does not matter.
 */
function harvest({ guest, density, what, context }: Cell): Row[] {
  const bytes = Math.max(64, guest.pagesPerSlot / 8);
  const parts = guest.slots.map(({ slot: { layout } }) => {
    const pieces = Array.from({ length: Math.floor(layout.mapBytes / bytes) }, (_, i) => i * bytes);
    const pairs = POOL.flatMap((writer) =>
      pieces.flatMap((piece) => [
        [writerMapAt(layout, writer, 0) + piece, layout.pageSet + piece],
        [writerMapAt(layout, writer, 1) + piece, layout.keptMap + piece],
      ]),
    );
    return Uint32Array.from(pairs.flat());
  });
  const setup = refill(guest, parts, bytes, density);
  const c = context.reference.kernels;
  const ours = (): void =>
    guest.slots.forEach(({ slot: { kernels } }, i) => {
      const pairs = parts[i]!;
      for (let k = 0; k < pairs.length; k += 2)
        kernels.mergeAndClear(pairs[k]!, pairs[k + 1]!, bytes);
    });
  const theirs = (kernels: NonNullable<typeof c>): void =>
    guest.slots.forEach(({ memory }, i) => kernels.harvest(memory, MAP_BITS, parts[i]!, bytes));
  const pages = parts.reduce((sum, pairs) => sum + (pairs.length / 2) * bytes * 8, 0);
  const contest = {
    what: `${what} of it`,
    unit: 'ns/page',
    amount: pages,
    ours: { run: ours, setup, calls: 1 },
    c: c && { run: () => theirs(c), setup, calls: 1 },
    cycles: 5 * CYCLES,
  } as const;
  return hold(contest, context.command).flatMap((row) => [row, perDirtyPage(row, density)]);
}

function perDirtyPage(row: Row, density: number): Row {
  const c = row.c === undefined ? {} : { c: row.c / density };
  return { ...row, what: `${row.what}, a dirty page`, ours: row.ours / density, ...c };
}

function refill(
  { slots }: Guest,
  parts: readonly Uint32Array[],
  bytes: number,
  density: number,
): () => void {
  const image = new Uint8Array(randomBitmap(bytes * 8, density, randomNumbers(17)).buffer);
  return () => {
    slots.forEach(({ memory }, i) => {
      const pairs = parts[i]!;
      for (let k = 0; k < pairs.length; k += 2) {
        memory.set(image, pairs[k]);
        memory.fill(0, pairs[k + 1], pairs[k + 1]! + bytes);
      }
    });
  };
}

/** Measures writes to the working set, which is a share of the pages. */
function marks({ guest, density, what, context }: Cell): Row[] {
  const { slots, pagesPerSlot } = guest;
  const pages = Math.max(1, Math.round(pagesPerSlot * density));
  for (const { slot } of slots) startStream(slot, { kind: 'uniform' }, pages);
  const { layout } = slots[0]!.slot;
  const map = writerMapAt(layout, MARKER, 0);
  const list = accessListAt(layout, MARKER);
  const record = streamAt(layout, 0);
  const c = context.reference.kernels;
  const ours = slots.map(({ slot }) => ourWrites(slot, BATCHES, MARK_PRIVATE, map));
  const theirs = (kernels: NonNullable<typeof c>): void =>
    slots.forEach(({ memory }) =>
      kernels.access(memory, record, BATCHES, ACCESS_BATCH, list, MARK_PRIVATE, map),
    );
  const contest = {
    what: `${what} of it written`,
    unit: 'ns/write',
    amount: slots.length * BATCHES * ACCESS_BATCH,
    ours: { run: () => ours.forEach((write) => write()) },
    c: c && { run: () => theirs(c) },
    cycles: CYCLES,
  } as const;
  return hold(contest, context.command);
}
