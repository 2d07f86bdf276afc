import { copyBytes } from '../dist/memory/copy.js';
import assert from 'node:assert/strict';
import {
  ACCESS_BATCH,
  MARK_ATOMIC,
  MARK_BYTE,
  MARK_NONE,
  MARK_PRIVATE,
} from '../dist/memory/kernels/abi.js';
import { accessListAt, scratchAreas, streamAt, writerMapAt } from '../dist/memory/layout.js';
import { randomBitmap, randomNumbers } from './random.ts';
import {
  COPY_MEMCPY,
  COPY_NON_TEMPORAL,
  COPY_REP_MOVSB,
  MAP_WORDS,
  type Reference,
} from './reference.ts';
import { bytesOf, drain, HARVESTS } from './suites/harvests.ts';
import { ourWrites, PATTERNS } from './suites/marks.ts';
import { type BenchSlot, makeSlot, PAGE, patternTableBytes, startStream } from './suites/slots.ts';

/**
 * Checks that both sides do the same work, without which a ratio means nothing. Two slots are equal; our
 * kernel runs on one and C's on the other, and afterwards every byte of both must still be equal. A
 * difference throws an AssertionError, which fails the bench.
 */
export function checkReference(c: Reference): void {
  checkAccesses(c);
  checkHarvests(c);
  checkRuns(c);
  checkPages(c);
  checkCopies(c);
}

function assertSame(ours: BenchSlot, other: BenchSlot, what: string): void {
  const equal = Buffer.from(ours.slot.buffer).equals(Buffer.from(other.slot.buffer));
  assert.ok(equal, `C and WASM leave different memories: ${what}`);
}

function checkAccesses(c: Reference): void {
  const pages = 600;
  for (const pattern of PATTERNS) {
    for (const mark of [MARK_NONE, MARK_PRIVATE, MARK_ATOMIC, MARK_BYTE]) {
      for (const writes of [1, 0.7]) {
        const [ours, other] = twoSlots({
          pages,
          mapUnit: 'byte',
          tableBytes: patternTableBytes(pattern, pages),
        });
        for (const { slot } of [ours, other]) startStream(slot, pattern, pages, writes);
        const { layout } = ours.slot;
        const map = writerMapAt(layout, 1, 0);
        const list = accessListAt(layout, 1);
        ourWrites(ours.slot, 3, mark, map)();
        c.access(other.memory, streamAt(layout, 0), 3, ACCESS_BATCH, list, mark, map);
        assertSame(ours, other, `accesses, ${pattern.kind}, mark ${mark}, ${writes} writes`);
      }
    }
  }
}

function checkHarvests(c: Reference): void {
  const random = randomNumbers(1);
  const plain = { ...HARVESTS[0], name: 'a word at a time', kind: MAP_WORDS };
  for (const { name, kind, unit, kernel } of [...HARVESTS, plain]) {
    for (const density of [0, 0.002, 0.3, 1]) {
      const [ours, other] = twoSlots({ pages: 5000, mapUnit: unit });
      const { layout } = ours.slot;
      const { mapBytes, pageSet } = layout;
      const map = writerMapAt(layout, 1, 0);
      const marks = randomBitmap(layout.pages, density, random);
      const before = new Uint8Array(randomBitmap(layout.pages, 0.3, random).buffer);
      for (const { memory } of [ours, other]) {
        memory.set(unit === 'bit' ? new Uint8Array(marks.buffer) : bytesOf(marks), map);
        memory.set(before, pageSet);
      }
      const fresh = ours.slot.kernels[kernel](map, pageSet, mapBytes);
      const theirs = c.harvest(other.memory, kind, Uint32Array.of(map, pageSet), mapBytes);
      assert.equal(theirs, fresh, `new pages of a harvest, ${name}, density ${density}`);
      assertSame(ours, other, `harvest, ${name}, density ${density}`);
    }
  }
}

function checkRuns(c: Reference): void {
  const random = randomNumbers(2);
  for (const density of [0, 0.01, 0.5, 1]) {
    const [ours, other] = twoSlots({ pages: 5000 });
    const { pageSet, pages, maxRuns } = ours.slot.layout;
    const { runList } = scratchAreas(ours.slot.layout);
    const set = new Uint8Array(randomBitmap(pages, density, random).buffer);
    for (const { memory } of [ours, other]) memory.set(set, pageSet);
    const runs = drain(ours.slot, pageSet, pages, runList);
    assert.equal(c.drainRuns(other.memory, pageSet, pages, maxRuns, runList), runs, 'runs');
    assertSame(ours, other, `runs of a set, density ${density}`);
  }
}

function checkPages(c: Reference): void {
  const [ours, other] = twoSlots({ pages: 20 });
  const random = randomNumbers(3);
  for (let i = 0; i < 16 * PAGE; i++) {
    // Page 3 stays zero; the others are noise.
    const byte = i >>> 12 === 3 ? 0 : random() * 256;
    ours.slot.ram[i] = byte;
    other.slot.ram[i] = byte;
  }
  const { ramOffset } = ours.slot.layout;
  const sums = ramOffset + 18 * PAGE;
  ours.slot.kernels.hashPages(ramOffset, PAGE, 16, sums);
  c.pageSums(other.memory, ramOffset, PAGE, 16, sums);
  assertSame(ours, other, 'page sums');
  const zeros = ours.slot.kernels.zeroMask(ramOffset, PAGE, 16);
  assert.equal(zeros, 1 << 3);
  assert.equal(c.zeroPages(other.memory, ramOffset, PAGE, 16), 1);
  assert.equal(c.zeroRuns(other.slot.ram, Uint32Array.of(0, 2, 3, 4), PAGE), 1);
  for (const at of [0, 63, 64, 2047, 4095]) {
    ours.slot.ram.copyWithin(PAGE, 0, PAGE);
    ours.slot.ram[PAGE + at]! ^= 1;
    const places = [ramOffset, ramOffset + PAGE, PAGE] as const;
    const found = ours.slot.kernels.firstDifference(...places);
    assert.equal(found, at);
    assert.equal(c.firstDifference(ours.memory, ...places), found, 'first difference');
  }
}

function checkCopies(c: Reference): void {
  const source = makeSlot({ pages: 64 });
  const random = randomNumbers(4);
  for (let i = 0; i < source.slot.ram.length; i++) source.slot.ram[i] = random() * 256;
  const runs = Uint32Array.of(40, 3, 0, 1, 7, 16);
  for (const way of [COPY_MEMCPY, COPY_REP_MOVSB, COPY_NON_TEMPORAL]) {
    if (!c.canCopy(way)) continue;
    const [ours, other] = twoSlots({ pages: 64 });
    for (let i = 0; i < runs.length; i += 2) {
      const at = runs[i]! * PAGE;
      copyBytes(ours.slot.ram, at, source.slot.ram.subarray(at, at + runs[i + 1]! * PAGE));
    }
    c.copyRuns(other.slot.ram, source.slot.ram, runs, PAGE, 2 ** 40, way);
    assertSame(ours, other, `copy ${way}`);
  }
}

function twoSlots(geometry: Parameters<typeof makeSlot>[0]): [BenchSlot, BenchSlot] {
  return [makeSlot(geometry), makeSlot(geometry)];
}
