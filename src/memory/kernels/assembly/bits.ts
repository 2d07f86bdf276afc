// Dirty maps and page sets: merging and clearing them, counting their bits, and taking runs of gfns out of them.
// Their twin is ../twin/bits.ts. Lengths are multiples of 64 bytes.

import { RUNS_CURSOR, RUNS_FIRST, RUNS_PAGES, RUNS_SKIPPED } from '../abi';

/** Returns the OR of the four vectors of a line of 64 bytes. */
// @ts-ignore: decorator
@inline
function lineOf(at: usize): v128 {
  return v128.or(
    v128.or(v128.load(at), v128.load(at, 16)),
    v128.or(v128.load(at, 32), v128.load(at, 48)),
  );
}

// @ts-ignore: decorator
@inline
function anySet(at: usize): bool {
  return v128.any_true(lineOf(at));
}

// @ts-ignore: decorator
@inline
function mergeWord(target: usize, marks: u64): u32 {
  const before = load<u64>(target);
  store<u64>(target, before | marks);
  return <u32>popcnt<u64>(marks & ~before);
}

/** ORs 16 bytes of marks into `target`; returns those that are new there. */
// @ts-ignore: decorator
@inline
function mergeVector(target: usize, marks: v128): v128 {
  const before = v128.load(target);
  v128.store(target, v128.or(before, marks));
  return v128.andnot(marks, before);
}

/** Returns the carries of the bitwise sum of three vectors: the bits that at least two of them have. */
// @ts-ignore: decorator
@inline
function carryOf(a: v128, b: v128, c: v128): v128 {
  return v128.or(v128.and(a, b), v128.and(v128.xor(a, b), c));
}

/** Counts the bits of a vector that are set, as four sums, one for each 32-bit lane. */
// @ts-ignore: decorator
@inline
function countOf(bits: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(i8x16.popcnt(bits)));
}

// @ts-ignore: decorator
@inline
function sumOf(sums: v128): u32 {
  return (
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  );
}

/**
 * ORs `map` into `target`, clears it if `isCleared`, and returns how many bits are new in `target`. It goes by lines
 * of 64 bytes: the processor would mispredict a branch for each word, since dirty pages lie anywhere. New bits
 * are counted as Harley and Seal do, with a carry-save adder over each line's four vectors, so that a line costs one
 * population count.
 */
// @ts-ignore: decorator
@inline
function mergeMap(map: usize, target: usize, bytes: usize, isCleared: bool): u32 {
  const zero = i8x16.splat(0);
  let ones = zero;
  let twos = zero;
  let fours = zero;
  for (let i: usize = 0; i < bytes; i += 64) {
    const at = map + i;
    const to = target + i;
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue;
    if (isCleared) {
      v128.store(at, zero);
      v128.store(at, zero, 16);
      v128.store(at, zero, 32);
      v128.store(at, zero, 48);
    }
    const fresh0 = mergeVector(to, a);
    const fresh1 = mergeVector(to + 16, b);
    const fresh2 = mergeVector(to + 32, c);
    const fresh3 = mergeVector(to + 48, d);
    const carry0 = carryOf(fresh0, fresh1, ones);
    ones = v128.xor(v128.xor(fresh0, fresh1), ones);
    const carry1 = carryOf(fresh2, fresh3, ones);
    ones = v128.xor(v128.xor(fresh2, fresh3), ones);
    fours = i32x4.add(fours, countOf(carryOf(carry0, carry1, twos)));
    twos = v128.xor(v128.xor(carry0, carry1), twos);
  }
  return 4 * sumOf(fours) + 2 * sumOf(countOf(twos)) + sumOf(countOf(ones));
}

/** ORs a map that nobody marks any more into `target`; returns how many bits are new there. */
export function merge(map: usize, target: usize, bytes: usize): u32 {
  return mergeMap(map, target, bytes, false);
}

/** ORs a map that nobody marks any more into `target` and clears it; returns how many bits are new in `target`. */
export function mergeAndClear(map: usize, target: usize, bytes: usize): u32 {
  return mergeMap(map, target, bytes, true);
}

/** Returns a bit for each of 64 bytes, set when the byte is marked. */
// @ts-ignore: decorator
@inline
function markedBytes(at: usize): u64 {
  const zero = i8x16.splat(0);
  return ~(
    <u64>i8x16.bitmask(i8x16.eq(v128.load(at), zero)) |
    (<u64>i8x16.bitmask(i8x16.eq(v128.load(at, 16), zero)) << 16) |
    (<u64>i8x16.bitmask(i8x16.eq(v128.load(at, 32), zero)) << 32) |
    (<u64>i8x16.bitmask(i8x16.eq(v128.load(at, 48), zero)) << 48)
  );
}

// @ts-ignore: decorator
@inline
function mergeByteLine(line: usize, target: usize): u32 {
  const zero = i8x16.splat(0);
  const marks = markedBytes(line);
  v128.store(line, zero);
  v128.store(line, zero, 16);
  v128.store(line, zero, 32);
  v128.store(line, zero, 48);
  return mergeWord(target, marks);
}

/**
 * Does what `mergeAndClear` does, for a map that holds a byte a page; `bytes` is the length of the bitmap `target`. It
 * goes by four lines of 64 bytes at a time: when one page in a hundred is dirty, every other line has a dirty page, and
 * the processor can't predict which.
 */
export function mergeAndClearBytes(map: usize, target: usize, bytes: usize): u32 {
  let fresh: u32 = 0;
  for (let i: usize = 0; i < bytes; i += 32) {
    const at = map + (i << 3);
    const low = v128.or(lineOf(at), lineOf(at + 64));
    const high = v128.or(lineOf(at + 128), lineOf(at + 192));
    if (!v128.any_true(v128.or(low, high))) continue;
    fresh += mergeByteLine(at, target + i);
    fresh += mergeByteLine(at + 64, target + i + 8);
    fresh += mergeByteLine(at + 128, target + i + 16);
    fresh += mergeByteLine(at + 192, target + i + 24);
  }
  return fresh;
}

/** Does what `mergeAndClear` does, for a map that writers go on marking with atomic ORs: it exchanges words with 0. */
export function mergeAndClearAtomic(map: usize, target: usize, bytes: usize): u32 {
  let fresh: u32 = 0;
  for (let i: usize = 0; i < bytes; i += 64) {
    if (!anySet(map + i)) continue;
    for (let j: usize = i; j < i + 64; j += 8) {
      if (load<u64>(map + j) == 0) continue;
      fresh += mergeWord(target + j, atomic.xchg<u64>(map + j, 0));
    }
  }
  return fresh;
}

/** Returns how many bits are set. */
export function popcount(map: usize, bytes: usize): u32 {
  let count: u32 = 0;
  for (let i: usize = 0; i < bytes; i += 64) {
    if (!anySet(map + i)) continue;
    for (let j: usize = i; j < i + 64; j += 8) count += <u32>popcnt<u64>(load<u64>(map + j));
  }
  return count;
}

// @ts-ignore: decorator
@inline
function liveMarks(maps: usize, mapCount: u32, mapUnit: u32, offset: usize): u64 {
  let live: u64 = 0;
  for (let k: u32 = 0; k < mapCount; k++) {
    const map = <usize>load<u32>(maps + (<usize>k << 2));
    live |= mapUnit == 0 ? load<u64>(map + offset) : markedBytes(map + (offset << 3));
  }
  return live;
}

/**
 * Takes pages out of the set `bits`, from bit `from` up to bit `end`, as runs of gfns, until `maxPages` pages are taken
 * or the list has `maxRuns` runs. Pages that one of the `mapCount` live maps marks (their addresses are listed at
 * `maps`) are taken out too but only counted as skipped: their marks stay, so that the next harvest brings them back.
 * A page takes a bit in those maps, or a byte when `mapUnit` is 1. Writes a run list to `out`; returns the number of
 * runs.
 */
export function takeRuns(
  bits: usize,
  from: u32,
  end: u32,
  maxPages: u32,
  maxRuns: u32,
  maps: usize,
  mapCount: u32,
  mapUnit: u32,
  out: usize,
): u32 {
  let cursor = from;
  let taken: u32 = 0;
  let skipped: u32 = 0;
  let runs: u32 = 0;
  let run = out + (RUNS_FIRST << 2);
  let runEnd: u32 = <u32>-1;
  while (cursor < end && taken < maxPages) {
    const offset = (<usize>cursor >> 6) << 3;
    if ((cursor & 511) == 0 && !anySet(bits + offset)) {
      cursor += 512;
      continue;
    }
    const base = cursor & ~63;
    const word = load<u64>(bits + offset);
    if (word == 0) {
      cursor = base + 64;
      continue;
    }
    let window = <u64>-1 << <u64>(cursor & 63);
    if (end - base < 64) window &= ~(<u64>-1 << <u64>(end - base));
    let pending = word & window;
    let cleared: u64 = 0;
    if (mapCount != 0 && pending != 0) {
      cleared = pending & liveMarks(maps, mapCount, mapUnit, offset);
      skipped += <u32>popcnt<u64>(cleared);
      pending &= ~cleared;
    }
    // A full word that continues the run needs no search; most words are such while a guest is first sent.
    if (pending == <u64>-1 && base == runEnd && maxPages - taken >= 64) {
      store<u32>(run - 4, load<u32>(run - 4) + 64);
      store<u64>(bits + offset, 0);
      taken += 64;
      runEnd += 64;
      cursor = runEnd;
      continue;
    }
    let full = false;
    while (pending != 0) {
      const bit = <u32>ctz<u64>(pending);
      const gfn = base + bit;
      if (gfn != runEnd && runs == maxRuns) {
        full = true;
        cursor = gfn;
        break;
      }
      let length = <u32>ctz<u64>(~(pending >> <u64>bit));
      if (length > maxPages - taken) length = maxPages - taken;
      if (gfn == runEnd) {
        store<u32>(run - 4, load<u32>(run - 4) + length);
      } else {
        store<u32>(run, gfn);
        store<u32>(run, length, 4);
        run += 8;
        runs++;
      }
      const mask = (length == 64 ? <u64>-1 : (<u64>1 << <u64>length) - 1) << <u64>bit;
      cleared |= mask;
      pending &= ~mask;
      taken += length;
      runEnd = gfn + length;
      if (taken == maxPages) {
        full = true;
        cursor = runEnd;
        break;
      }
    }
    if (cleared != 0) store<u64>(bits + offset, word & ~cleared);
    if (full) break;
    cursor = base + 64;
  }
  store<u32>(out + (RUNS_CURSOR << 2), min(cursor, end));
  store<u32>(out + (RUNS_PAGES << 2), taken);
  store<u32>(out + (RUNS_SKIPPED << 2), skipped);
  return runs;
}

/**
 * Lists the runs of the set `bits` from bit `from` up to bit `end` without taking them, until `maxRuns` are listed.
 * Writes a run list to `out`, whose cursor is where the next call goes on and whose page counts are 0; returns the
 * number of runs.
 */
export function listRuns(bits: usize, from: u32, end: u32, maxRuns: u32, out: usize): u32 {
  let runs: u32 = 0;
  let cursor = from;
  while (cursor < end && runs < maxRuns) {
    const start = nextBit(bits, cursor, end, 0);
    if (start >= end) {
      cursor = end;
      break;
    }
    cursor = nextBit(bits, start, end, <u64>-1);
    const run = out + (RUNS_FIRST << 2) + (<usize>runs << 3);
    store<u32>(run, start);
    store<u32>(run, cursor - start, 4);
    runs++;
  }
  store<u32>(out + (RUNS_CURSOR << 2), cursor);
  store<u32>(out + (RUNS_PAGES << 2), 0);
  store<u32>(out + (RUNS_SKIPPED << 2), 0);
  return runs;
}

/** Returns the first bit from `from` on that is set (`flip` 0) or clear (`flip` all ones), `end` if there is none. */
// @ts-ignore: decorator
@inline
function nextBit(bits: usize, from: u32, end: u32, flip: u64): u32 {
  let at = from;
  while (at < end) {
    const word = (load<u64>(bits + ((<usize>at >> 6) << 3)) ^ flip) >> <u64>(at & 63);
    if (word != 0) return min<u32>(end, at + <u32>ctz<u64>(word));
    at = (at & ~63) + 64;
  }
  return end;
}
