import Benchmark from 'benchmark';
import { planGuest, tableBytes } from '../dist/guest/stream-plan.js';
import { writePlan } from '../dist/guest/stream-record.js';
import type { Pattern, Workload } from '../dist/guest/workload.js';
import { MARK_ATOMIC, MARK_NONE, MARK_PRIVATE } from '../dist/memory/kernels/abi.js';
import { accessListAt, scratchAreas, streamAt, writerMapAt } from '../dist/memory/layout.js';
import { createSlot, type Memslot, openSlot } from '../dist/memory/memslot.js';
import { isToy, printTable } from './report.ts';

/**
 * The hot loops, each beside a reference that is measured in the same run on the same memory: a
 * ratio above 1 means faster than the reference. Absolute times are this machine's.
 */

// With set-up code benchmark.js would compile functions anew, without their closures.
Benchmark.support.decompilation = false;

const MIB = 1024 * 1024;
const GUEST_BYTES = (isToy ? 8 : 256) * MIB;
const PAGES = GUEST_BYTES / 4096;
const BATCH = 1024;
const OPTIONS = isToy ? { maxTime: 0.02, minSamples: 2 } : { maxTime: 1, minSamples: 20 };

interface Case {
  readonly name: string;
  /** Work done in one call, and in what unit the table says the cost of one. */
  readonly units: number;
  readonly run: () => void;
}

/** Runs the cases in one suite; the first is the reference of the ratios. */
function compare(title: string, unit: string, cases: readonly Case[]): void {
  const rows: string[][] = [['', `ns/${unit}`, '±', 'samples', 'ratio']];
  const seconds: number[] = [];
  const suite = new Benchmark.Suite();
  for (const { name, run } of cases) suite.add(name, run, OPTIONS);
  suite.on('error', (event: Benchmark.Event) => {
    const { error } = event.target as unknown as { error: Error };
    throw error;
  });
  suite.on('cycle', (event: Benchmark.Event) => {
    const bench = event.target as unknown as Benchmark;
    const index = seconds.push(bench.stats.mean / cases[seconds.length]!.units) - 1;
    rows.push([
      cases[index]!.name,
      (seconds[index]! * 1e9).toPrecision(3),
      `${bench.stats.rme.toFixed(1)} %`,
      String(bench.stats.sample.length),
      (seconds[0]! / seconds[index]!).toFixed(2),
    ]);
  });
  suite.run({ async: false });
  printTable(title, rows);
}

function guest(pattern: Pattern): { slot: Memslot; record: number; list: number } {
  const workload: Workload = {
    pattern,
    firstGfn: 0,
    pages: PAGES,
    rate: Infinity,
    writes: 1,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
  const plan = planGuest([workload], 1, [{ firstGfn: 0, pages: PAGES }], 4096, 1);
  const geometry = { pages: PAGES, pageSize: 4096, writers: 2, streams: 2, skewPages: 0 };
  const slot = openSlot(createSlot({ ...geometry, tableBytes: tableBytes(plan, 0) }));
  slot.ram.fill(1);
  writePlan(slot, plan);
  return { slot, record: streamAt(slot.layout, 0), list: accessListAt(slot.layout, 1) };
}

function accesses(): void {
  const patterns: Pattern[] = [
    { kind: 'sequential' },
    { kind: 'uniform' },
    { kind: 'zipf', theta: 0.99 },
  ];
  for (const pattern of patterns) {
    const { slot, record, list } = guest(pattern);
    const map = writerMapAt(slot.layout, 1, 0);
    const access = (mark: number, address: number) => (): void => {
      slot.kernels.nextGfns(record, BATCH, list);
      slot.kernels.touch(record, BATCH, list, mark, address);
    };
    compare(`${pattern.kind} writes over ${GUEST_BYTES / MIB} MiB`, 'write', [
      { name: 'no log (reference)', units: BATCH, run: access(MARK_NONE, 0) },
      { name: 'bitmap', units: BATCH, run: access(MARK_PRIVATE, map) },
      { name: 'atomic', units: BATCH, run: access(MARK_ATOMIC, slot.layout.sharedMap) },
    ]);
  }
}

function harvests(): void {
  const pages = isToy ? 64 * 1024 : 1024 * 1024;
  const shared = createSlot({
    pages,
    pageSize: 4096,
    // Its maps are those of 4 GiB; its bytes would not fit beside them.
    backing: 'versions',
    writers: 2,
    streams: 1,
    tableBytes: 0,
    skewPages: 0,
  });
  const slot = openSlot(shared);
  const twin = openSlot(shared, 'twin');
  const { mapBytes, pageSet } = slot.layout;
  for (const density of [0, 0.001, 0.01, 0.1, 1]) {
    const marks = new Int32Array(mapBytes / 4);
    const step = density === 0 ? Infinity : Math.round(1 / density);
    for (let page = 0; page < pages; page += step) marks[page >>> 5]! |= 1 << (page & 31);
    const map = writerMapAt(slot.layout, 1, 0);
    const harvest =
      (kernels: Memslot['kernels'], name: 'mergeAndClear' | 'mergeAndClearAtomic') => () => {
        slot.words.set(marks, map >>> 2);
        kernels[name](map, pageSet, mapBytes);
      };
    compare(
      `harvest of ${pages} pages, ${density * 100} % dirty (with refilling the map)`,
      'page',
      [
        {
          name: 'TypeScript (reference)',
          units: pages,
          run: harvest(twin.kernels, 'mergeAndClear'),
        },
        { name: 'bitmap', units: pages, run: harvest(slot.kernels, 'mergeAndClear') },
        { name: 'atomic', units: pages, run: harvest(slot.kernels, 'mergeAndClearAtomic') },
      ],
    );
  }
}

function wholePages(): void {
  const { slot } = guest({ kind: 'sequential' });
  const { ramOffset } = slot.layout;
  const { hash } = scratchAreas(slot.layout);
  const half = GUEST_BYTES / 2;
  const each = (act: (at: number) => void) => (): void => {
    for (let at = 0; at < half; at += 4096) act(at);
  };
  const copy = (): void => slot.ram.set(slot.ram.subarray(0, half), half);
  slot.ram.fill(0);
  compare(`${half / MIB} MiB of 4 KiB pages`, 'page', [
    { name: 'memcpy (reference)', units: half / 4096, run: copy },
    {
      name: 'zero scan',
      units: half / 4096,
      run: each((at) => slot.kernels.isZero(ramOffset + at, 4096)),
    },
    {
      name: 'page hash',
      units: half / 4096,
      run: each((at) => slot.kernels.pageHash(ramOffset + at, 4096, hash)),
    },
    {
      name: 'page compare',
      units: half / 4096,
      run: each((at) => slot.kernels.firstDifference(ramOffset + at, ramOffset + half + at, 4096)),
    },
  ]);
}

accesses();
harvests();
wholePages();
