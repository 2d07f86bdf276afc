// Dirty maps and page sets: merge-and-clear, counting, and taking runs of gfns.
// Twin: ../twin/bits.ts. Lengths are multiples of 64 bytes.

import { RUNS_CURSOR, RUNS_FIRST, RUNS_PAGES, RUNS_SKIPPED } from '../abi';

// @ts-ignore: decorator
@inline
function anySet(at: usize): bool {
  return v128.any_true(
    v128.or(
      v128.or(v128.load(at), v128.load(at, 16)),
      v128.or(v128.load(at, 32), v128.load(at, 48)),
    ),
  );
}

// @ts-ignore: decorator
@inline
function mergeWord(target: usize, marks: u64): u32 {
  const before = load<u64>(target);
  store<u64>(target, before | marks);
  return <u32>popcnt<u64>(marks & ~before);
}

/** ORs a map that nobody marks into `target`; returns the bits newly set there. */
export function merge(map: usize, target: usize, bytes: usize): u32 {
  let fresh: u32 = 0;
  for (let i: usize = 0; i < bytes; i += 64) {
    if (!anySet(map + i)) continue;
    for (let j: usize = i; j < i + 64; j += 8) fresh += mergeWord(target + j, load<u64>(map + j));
  }
  return fresh;
}

/** ORs a map that nobody marks any more into `target`, clears it, returns the bits newly set in `target`. */
export function mergeAndClear(map: usize, target: usize, bytes: usize): u32 {
  let fresh: u32 = 0;
  for (let i: usize = 0; i < bytes; i += 64) {
    if (!anySet(map + i)) continue;
    for (let j: usize = i; j < i + 64; j += 8) {
      const marks = load<u64>(map + j);
      if (marks == 0) continue;
      store<u64>(map + j, 0);
      fresh += mergeWord(target + j, marks);
    }
  }
  return fresh;
}

// @ts-ignore: decorator
@inline
function markedBytes(at: usize): u64 {
  const zero = i8x16.splat(0);
  return (
    <u64>i8x16.bitmask(i8x16.ne(v128.load(at), zero)) |
    (<u64>i8x16.bitmask(i8x16.ne(v128.load(at, 16), zero)) << 16) |
    (<u64>i8x16.bitmask(i8x16.ne(v128.load(at, 32), zero)) << 32) |
    (<u64>i8x16.bitmask(i8x16.ne(v128.load(at, 48), zero)) << 48)
  );
}

/** The same for a map of a byte a page; `bytes` is the length of the bitmap `target`. */
export function mergeAndClearBytes(map: usize, target: usize, bytes: usize): u32 {
  const zero = i8x16.splat(0);
  let fresh: u32 = 0;
  for (let i: usize = 0; i < bytes; i += 8) {
    const at = map + (i << 3);
    if (!anySet(at)) continue;
    fresh += mergeWord(target + i, markedBytes(at));
    v128.store(at, zero);
    v128.store(at, zero, 16);
    v128.store(at, zero, 32);
    v128.store(at, zero, 48);
  }
  return fresh;
}

/** The same for a map that writers go on marking with atomic ORs: every word is exchanged with zero. */
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

/** How many bits are set. */
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
 * Takes pages out of the set `bits`, from bit `from` up to bit `end`, as runs of gfns, until
 * `maxPages` are taken or `maxRuns` runs are full. Pages that are marked in one of the `mapCount`
 * live maps (their addresses lie at `maps`) are taken out too but only counted as skipped: their
 * marks stay, so that the next harvest brings them back. A page takes a bit in those maps, or with
 * `mapUnit` 1 a byte. Writes a run list to `out`, returns the
 * number of runs.
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
    let window = <u64>-1 << <u64>(cursor & 63);
    if (end - base < 64) window &= ~(<u64>-1 << <u64>(end - base));
    const word = load<u64>(bits + offset);
    let pending = word & window;
    let cleared: u64 = 0;
    if (mapCount != 0 && pending != 0) {
      cleared = pending & liveMarks(maps, mapCount, mapUnit, offset);
      skipped += <u32>popcnt<u64>(cleared);
      pending &= ~cleared;
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
 * Lists the runs of the set `bits` from bit `from` up to bit `end` without taking them, until
 * `maxRuns` are listed. Writes a run list to `out` (its cursor is where the next call goes on, its
 * counts of pages are 0), returns the number of runs.
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

/** The first bit from `from` on that is set (`flip` 0) or clear (`flip` all ones); `end` if there is none. */
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
