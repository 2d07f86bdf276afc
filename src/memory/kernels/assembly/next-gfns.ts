// The next gfns of a stream: which pages it accesses, and which of them it only reads.
// Every formula here has its twin in ../twin/access.ts; the two must agree to the bit.

import {
  ACCESS_READ_BIT,
  PATTERN_HOTSPOT,
  PATTERN_SEQUENTIAL,
  PATTERN_STRIDE,
  PATTERN_TRACE,
  PATTERN_UNIFORM,
  PATTERN_ZIPF,
  STREAM_ALL_WRITES,
  STREAM_FIRST_GFN,
  STREAM_HOT_PAGES,
  STREAM_HOT_THRESHOLD,
  STREAM_KEY_A,
  STREAM_KEY_B,
  STREAM_N,
  STREAM_PAGES,
  STREAM_PATTERN,
  STREAM_START,
  STREAM_STRIDE,
  STREAM_TABLE,
  STREAM_TABLE_LENGTH,
  STREAM_WRITE_THRESHOLD,
} from '../abi';

// @ts-ignore: decorator
@inline
function mix32(value: u32): u32 {
  let x = value;
  x ^= x >>> 16;
  x *= 0x7feb352d;
  x ^= x >>> 15;
  x *= 0x846ca68b;
  x ^= x >>> 16;
  return x;
}

// @ts-ignore: decorator
@inline
function draw(n: u64, keyA: u32, keyB: u32): u32 {
  return mix32(((<u32>n) * 0x9e3779b1) ^ keyA ^ mix32(<u32>(n >> 32) ^ keyB));
}

// @ts-ignore: decorator
@inline
function scale(random: u32, range: u32): u32 {
  return <u32>(((<u64>random) * (<u64>range)) >> 32);
}

// @ts-ignore: decorator
@inline
function mixFour(value: v128): v128 {
  let x = value;
  x = v128.xor(x, i32x4.shr_u(x, 16));
  x = i32x4.mul(x, i32x4.splat(0x7feb352d));
  x = v128.xor(x, i32x4.shr_u(x, 15));
  x = i32x4.mul(x, i32x4.splat(0x846ca68b));
  return v128.xor(x, i32x4.shr_u(x, 16));
}

/** Does `scale` for four numbers at a time: it takes the high words of the products. */
// @ts-ignore: decorator
@inline
function scaleFour(random: v128, range: v128): v128 {
  const low = i64x2.extmul_low_i32x4_u(random, range);
  const high = i64x2.extmul_high_i32x4_u(random, range);
  return v128.shuffle<u32>(low, high, 1, 3, 5, 7);
}

// @ts-ignore: decorator
@inline
function aliasOf(table: usize, slot: u32, second: u32): u32 {
  // Both words are loaded and one is selected, since the processor would mispredict a branch half the time.
  const entry = load<u64>(table + ((<usize>slot) << 3));
  return select<u32>(slot, <u32>(entry >> 32), second < <u32>entry);
}

// @ts-ignore: decorator
@inline
function pageOf(stream: usize, pattern: u32, first: u32, second: u32, pages: u32): u32 {
  if (pattern == PATTERN_UNIFORM) return scale(first, pages);
  if (pattern == PATTERN_HOTSPOT) {
    const hot = load<u32>(stream, STREAM_HOT_PAGES);
    return second < load<u32>(stream, STREAM_HOT_THRESHOLD)
      ? scale(first, hot)
      : hot + scale(first, pages - hot);
  }
  const slot = scale(first, pages);
  return aliasOf(<usize>load<u32>(stream, STREAM_TABLE), slot, second);
}

// @ts-ignore: decorator
@inline
function readFlag(second: u32, allWrites: bool, threshold: u32): u32 {
  return allWrites || mix32(second ^ 0x68e31da4) < threshold ? 0 : <u32>ACCESS_READ_BIT;
}

/** Returns the pages that four slots of an alias table stand for, each by its second draw. */
// @ts-ignore: decorator
@inline
function aliasFour(table: usize, slots: v128, seconds: v128): v128 {
  // An entry is the threshold below which the slot stands for itself, then the page for which it stands otherwise.
  const low = v128.load_lane<u64>(
    table + ((<usize>i32x4.extract_lane(slots, 1)) << 3),
    v128.load64_zero(table + ((<usize>i32x4.extract_lane(slots, 0)) << 3)),
    1,
  );
  const high = v128.load_lane<u64>(
    table + ((<usize>i32x4.extract_lane(slots, 3)) << 3),
    v128.load64_zero(table + ((<usize>i32x4.extract_lane(slots, 2)) << 3)),
    1,
  );
  const thresholds = v128.shuffle<u32>(low, high, 0, 2, 4, 6);
  const aliases = v128.shuffle<u32>(low, high, 1, 3, 5, 7);
  return v128.bitselect(slots, aliases, i32x4.lt_u(seconds, thresholds));
}

/**
 * Writes the next accesses of a stream that draws its pages, four at a time and without a branch that the processor
 * would mispredict; returns how many it wrote. It leaves the last ones, at most three, to the caller, and all of them
 * when the high words of their numbers n differ. `pattern` and `allWrites` are constants where this is inlined.
 */
// @ts-ignore: decorator
@inline
function nextFours(stream: usize, count: u32, out: usize, pattern: u32, allWrites: bool): u32 {
  const n0 = <u64>load<f64>(stream, STREAM_N);
  const keyB = load<u32>(stream, STREAM_KEY_B);
  const firstGfn = i32x4.splat(load<u32>(stream, STREAM_FIRST_GFN));
  const allPages = load<u32>(stream, STREAM_PAGES);
  const hotPages = load<u32>(stream, STREAM_HOT_PAGES);
  const hotThreshold = i32x4.splat(load<u32>(stream, STREAM_HOT_THRESHOLD));
  const writeThreshold = i32x4.splat(load<u32>(stream, STREAM_WRITE_THRESHOLD));
  const table = <usize>load<u32>(stream, STREAM_TABLE);
  if (<u32>n0 > <u32>n0 + count) return 0;
  const key = i32x4.splat(load<u32>(stream, STREAM_KEY_A) ^ mix32(<u32>(n0 >> 32) ^ keyB));
  const secondKey = i32x4.splat(keyB);
  const pages = i32x4.splat(allPages);
  const hot = i32x4.splat(hotPages);
  const cold = i32x4.splat(allPages - hotPages);
  const step = i32x4.splat(4 * 0x9e3779b1);
  // Each lane holds the number of its access times the golden ratio (as a fraction of 2^32).
  let turned = i32x4.mul(
    i32x4.add(i32x4.splat(<u32>n0), i32x4(0, 1, 2, 3)),
    i32x4.splat(0x9e3779b1),
  );
  const end = out + (<usize>(count & ~3) << 2);
  for (let at = out; at < end; at += 16) {
    const first = mixFour(v128.xor(turned, key));
    turned = i32x4.add(turned, step);
    const second = mixFour(v128.xor(first, secondKey));
    let page = pages;
    if (pattern == PATTERN_UNIFORM) page = scaleFour(first, pages);
    else if (pattern == PATTERN_ZIPF) page = aliasFour(table, scaleFour(first, pages), second);
    else {
      const isHot = i32x4.lt_u(second, hotThreshold);
      const inPart = scaleFour(first, v128.bitselect(hot, cold, isHot));
      page = i32x4.add(inPart, v128.andnot(hot, isHot));
    }
    let entry = i32x4.add(firstGfn, page);
    if (!allWrites) {
      const third = mixFour(v128.xor(second, i32x4.splat(0x68e31da4)));
      const readBit = i32x4.splat(<u32>ACCESS_READ_BIT);
      entry = v128.or(entry, v128.andnot(readBit, i32x4.lt_u(third, writeThreshold)));
    }
    v128.store(at, entry);
  }
  return count & ~3;
}

function nextWrites(stream: usize, count: u32, out: usize, pattern: u32): u32 {
  if (pattern == PATTERN_UNIFORM) return nextFours(stream, count, out, PATTERN_UNIFORM, true);
  if (pattern == PATTERN_ZIPF) return nextFours(stream, count, out, PATTERN_ZIPF, true);
  return nextFours(stream, count, out, PATTERN_HOTSPOT, true);
}

function nextMixed(stream: usize, count: u32, out: usize, pattern: u32): u32 {
  if (pattern == PATTERN_UNIFORM) return nextFours(stream, count, out, PATTERN_UNIFORM, false);
  if (pattern == PATTERN_ZIPF) return nextFours(stream, count, out, PATTERN_ZIPF, false);
  return nextFours(stream, count, out, PATTERN_HOTSPOT, false);
}

function nextRandom(stream: usize, count: u32, out: usize, pattern: u32): void {
  const keyA = load<u32>(stream, STREAM_KEY_A);
  const keyB = load<u32>(stream, STREAM_KEY_B);
  const firstGfn = load<u32>(stream, STREAM_FIRST_GFN);
  const pages = load<u32>(stream, STREAM_PAGES);
  const allWrites = load<u32>(stream, STREAM_ALL_WRITES) != 0;
  const threshold = load<u32>(stream, STREAM_WRITE_THRESHOLD);
  const n0 = <u64>load<f64>(stream, STREAM_N);
  let i = allWrites
    ? nextWrites(stream, count, out, pattern)
    : nextMixed(stream, count, out, pattern);
  for (; i < count; i++) {
    const first = draw(n0 + i, keyA, keyB);
    const second = mix32(first ^ keyB);
    const page = pageOf(stream, pattern, first, second, pages);
    store<u32>(out + (<usize>i << 2), (firstGfn + page) | readFlag(second, allWrites, threshold));
  }
}

function nextCursor(stream: usize, count: u32, out: usize, step: u32): void {
  const keyA = load<u32>(stream, STREAM_KEY_A);
  const keyB = load<u32>(stream, STREAM_KEY_B);
  const firstGfn = load<u32>(stream, STREAM_FIRST_GFN);
  const pages = load<u32>(stream, STREAM_PAGES);
  const allWrites = load<u32>(stream, STREAM_ALL_WRITES) != 0;
  const threshold = load<u32>(stream, STREAM_WRITE_THRESHOLD);
  const n0 = <u64>load<f64>(stream, STREAM_N);
  let page = <u32>((load<u32>(stream, STREAM_START) + (n0 % pages) * step) % pages);
  for (let i: u32 = 0; i < count; i++) {
    let read: u32 = 0;
    if (!allWrites) read = readFlag(mix32(draw(n0 + i, keyA, keyB) ^ keyB), false, threshold);
    store<u32>(out + (<usize>i << 2), (firstGfn + page) | read);
    page += step;
    if (page >= pages) page -= pages;
  }
}

function nextTrace(stream: usize, count: u32, out: usize): void {
  const firstGfn = load<u32>(stream, STREAM_FIRST_GFN);
  const table = <usize>load<u32>(stream, STREAM_TABLE);
  const length = load<u32>(stream, STREAM_TABLE_LENGTH);
  let position = <u32>(<u64>load<f64>(stream, STREAM_N) % length);
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(out + (<usize>i << 2), firstGfn + load<u32>(table + (<usize>position << 2)));
    position++;
    if (position == length) position = 0;
  }
}

/** Lists the stream's next `count` accesses at `out`: their gfns, with ACCESS_READ_BIT for those that read. */
export function nextGfns(stream: usize, count: u32, out: usize): void {
  const pattern = load<u32>(stream, STREAM_PATTERN);
  if (pattern == PATTERN_SEQUENTIAL) nextCursor(stream, count, out, 1);
  else if (pattern == PATTERN_STRIDE) nextCursor(stream, count, out, load<u32>(stream, STREAM_STRIDE));
  else if (pattern == PATTERN_TRACE) nextTrace(stream, count, out);
  else nextRandom(stream, count, out, pattern);
}
