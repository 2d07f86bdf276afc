// Guest accesses: choosing the next gfns of a stream, then writing (or reading) and marking their pages.
// Every formula here has its twin in ../twin/access.ts; the two must agree to the bit.

import {
  ACCESS_READ_BIT,
  MARK_ATOMIC,
  MARK_BYTE,
  MARK_NONE,
  MARK_PRIVATE,
  PAGE_WRITE_GATES,
  PATTERN_HOTSPOT,
  PATTERN_SEQUENTIAL,
  PATTERN_STRIDE,
  PATTERN_TRACE,
  PATTERN_UNIFORM,
  PATTERN_ZIPF,
  STREAM_ALL_WRITES,
  STREAM_CHECKSUM_HIGH,
  STREAM_CHECKSUM_LOW,
  STREAM_FIRST_GFN,
  STREAM_HOT_PAGES,
  STREAM_HOT_THRESHOLD,
  STREAM_KEY_A,
  STREAM_KEY_B,
  STREAM_LANE,
  STREAM_N,
  STREAM_PAGES,
  STREAM_PAGE_SHIFT,
  STREAM_PATTERN,
  STREAM_RAM,
  STREAM_START,
  STREAM_STRIDE,
  STREAM_TABLE,
  STREAM_TABLE_LENGTH,
  STREAM_WORDS,
  STREAM_WRITES,
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

/**
 * Writes the next accesses of a stream that only writes, uniform or zipf, four at a time; returns how many it wrote. It
 * leaves the last ones, at most three, to the caller, and all of them when the high words of their numbers n differ.
 */
function nextWrites(stream: usize, count: u32, out: usize, isZipf: bool): u32 {
  const n0 = <u64>load<f64>(stream, STREAM_N);
  const keyA = load<u32>(stream, STREAM_KEY_A);
  const keyB = load<u32>(stream, STREAM_KEY_B);
  const firstGfn = i32x4.splat(load<u32>(stream, STREAM_FIRST_GFN));
  const pages = i32x4.splat(load<u32>(stream, STREAM_PAGES));
  const table = <usize>load<u32>(stream, STREAM_TABLE);
  if (<u32>n0 > <u32>n0 + count) return 0;
  const key = i32x4.splat(keyA ^ mix32(<u32>(n0 >> 32) ^ keyB));
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
    let page = scaleFour(first, pages);
    if (isZipf) {
      const second = mixFour(v128.xor(first, i32x4.splat(keyB)));
      page = i32x4(
        aliasOf(table, i32x4.extract_lane(page, 0), i32x4.extract_lane(second, 0)),
        aliasOf(table, i32x4.extract_lane(page, 1), i32x4.extract_lane(second, 1)),
        aliasOf(table, i32x4.extract_lane(page, 2), i32x4.extract_lane(second, 2)),
        aliasOf(table, i32x4.extract_lane(page, 3), i32x4.extract_lane(second, 3)),
      );
    }
    v128.store(at, i32x4.add(firstGfn, page));
  }
  return count & ~3;
}

function nextRandom(stream: usize, count: u32, out: usize, pattern: u32): void {
  const keyA = load<u32>(stream, STREAM_KEY_A);
  const keyB = load<u32>(stream, STREAM_KEY_B);
  const firstGfn = load<u32>(stream, STREAM_FIRST_GFN);
  const pages = load<u32>(stream, STREAM_PAGES);
  const allWrites = load<u32>(stream, STREAM_ALL_WRITES) != 0;
  const threshold = load<u32>(stream, STREAM_WRITE_THRESHOLD);
  const n0 = <u64>load<f64>(stream, STREAM_N);
  let i: u32 = 0;
  if (allWrites && pattern == PATTERN_UNIFORM) i = nextWrites(stream, count, out, false);
  else if (allWrites && pattern == PATTERN_ZIPF) i = nextWrites(stream, count, out, true);
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

// @ts-ignore: decorator
@inline
function writeWords(lane: usize, words: u32, token: u32, keyB: u32): void {
  let t = token;
  for (let w: u32 = 0; w < words; w++) {
    const at = lane + (<usize>w << 3);
    const word = load<u64>(at);
    let low = (<u32>word ^ t) * 0x85ebca6b;
    low = rotl<u32>(low, 15);
    const high = (<u32>(word >> 32) ^ t ^ keyB) * 0xc2b2ae35 + low;
    let v = <u64>low | (<u64>high << 32);
    if (v == 0) v = 1;
    store<u64>(at, v);
    t += 0x9e3779b1;
  }
}

// @ts-ignore: decorator
@inline
function markPage(map: usize, gfn: u32, mark: u32): void {
  const word = map + ((<usize>gfn >> 5) << 2);
  if (mark == MARK_PRIVATE) store<u32>(word, load<u32>(word) | (<u32>1 << (gfn & 31)));
  else if (mark == MARK_ATOMIC) atomic.or<u32>(word, <u32>1 << (gfn & 31));
  else if (mark == MARK_BYTE) store<u8>(map + <usize>gfn, 1);
}

/**
 * Makes the accesses of a list up to the first one that reads, or none when the high words of their numbers n differ;
 * returns how many it made. `words` and `mark` are constants where this is inlined, which makes the loop short: the
 * processor then has more cache misses in flight at a time.
 */
// @ts-ignore: decorator
@inline
function writeAll(stream: usize, count: u32, gfns: usize, map: usize, words: u32, mark: u32): u32 {
  const keyB = load<u32>(stream, STREAM_KEY_B);
  const lane = <usize>load<u32>(stream, STREAM_RAM) + <usize>load<u32>(stream, STREAM_LANE);
  const shift = <usize>load<u32>(stream, STREAM_PAGE_SHIFT);
  const n0 = <u64>load<f64>(stream, STREAM_N);
  if (<u32>n0 > <u32>n0 + count) return 0;
  let token = tokenOf(n0, load<u32>(stream, STREAM_KEY_A));
  const end = gfns + (<usize>count << 2);
  let at = gfns;
  for (; at < end; at += 4) {
    const gfn = load<u32>(at);
    if (gfn & <u32>ACCESS_READ_BIT) break;
    writeWords(lane + (<usize>gfn << shift), words, token, keyB);
    token += 0x9e3779b1;
    markPage(map, gfn, mark);
  }
  return <u32>((at - gfns) >> 2);
}

function writeOneWord(stream: usize, count: u32, gfns: usize, mark: u32, map: usize): u32 {
  if (mark == MARK_PRIVATE) return writeAll(stream, count, gfns, map, 1, MARK_PRIVATE);
  if (mark == MARK_ATOMIC) return writeAll(stream, count, gfns, map, 1, MARK_ATOMIC);
  if (mark == MARK_BYTE) return writeAll(stream, count, gfns, map, 1, MARK_BYTE);
  return writeAll(stream, count, gfns, map, 1, MARK_NONE);
}

// @ts-ignore: decorator
@inline
function tokenOf(n: u64, keyA: u32): u32 {
  return (<u32>n) * 0x9e3779b1 + keyA + <u32>(n >> 32) * 0x85ebca77;
}

/**
 * Makes `count` accesses of the list `gfns`: a write stores its data first and then marks its page in `map`. Advances
 * n, the count of writes and the read checksum of the stream.
 */
export function touch(stream: usize, count: u32, gfns: usize, mark: u32, map: usize): void {
  const keyA = load<u32>(stream, STREAM_KEY_A);
  const keyB = load<u32>(stream, STREAM_KEY_B);
  const lane = <usize>load<u32>(stream, STREAM_RAM) + <usize>load<u32>(stream, STREAM_LANE);
  const words = load<u32>(stream, STREAM_WORDS);
  const shift = <usize>load<u32>(stream, STREAM_PAGE_SHIFT);
  const n0 = <u64>load<f64>(stream, STREAM_N);
  let checksumLow = load<u32>(stream, STREAM_CHECKSUM_LOW);
  let checksumHigh = load<u32>(stream, STREAM_CHECKSUM_HIGH);
  const pattern = load<u32>(stream, STREAM_PATTERN);
  // Words of a sequential or striding stream lie 4 KiB (or a multiple) apart, so they share a set of the L1 cache: with
  // more of them in flight the loop would evict lines that it still waits for.
  const isStriding = pattern == PATTERN_SEQUENTIAL || pattern == PATTERN_STRIDE;
  const head = words == 1 && !isStriding ? writeOneWord(stream, count, gfns, mark, map) : 0;
  let writes = head;
  for (let i = head; i < count; i++) {
    const entry = load<u32>(gfns + (<usize>i << 2));
    const gfn = entry & ~(<u32>ACCESS_READ_BIT);
    const at = lane + (<usize>gfn << shift);
    if (entry != gfn) {
      for (let w: u32 = 0; w < words; w++) {
        checksumLow = rotl<u32>((checksumLow ^ load<u32>(at + (<usize>w << 3))) * 0x27d4eb2f, 13);
        checksumHigh = (checksumHigh ^ load<u32>(at + (<usize>w << 3), 4)) * 0x165667b1 + checksumLow;
      }
      continue;
    }
    // A page without words has a version, which counts its writes.
    if (words == 0) store<u32>(at, load<u32>(at) + 1);
    else writeWords(at, words, tokenOf(n0 + i, keyA), keyB);
    writes++;
    markPage(map, gfn, mark);
  }
  store<u32>(stream, checksumLow, STREAM_CHECKSUM_LOW);
  store<u32>(stream, checksumHigh, STREAM_CHECKSUM_HIGH);
  store<f64>(stream, load<f64>(stream, STREAM_WRITES) + <f64>writes, STREAM_WRITES);
  store<f64>(stream, <f64>(n0 + count), STREAM_N);
}

/**
 * Marks the writes of a list in the bitmap `map`, which is the caller's own, and moves the gfns that were not marked
 * before to the head of the list; returns how many these are.
 */
export function markFresh(gfns: usize, count: u32, map: usize): u32 {
  let fresh: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const gfn = load<u32>(gfns + (<usize>i << 2));
    if (gfn & <u32>ACCESS_READ_BIT) continue;
    const word = map + ((<usize>gfn >> 5) << 2);
    const bit = <u32>1 << (gfn & 31);
    const before = load<u32>(word);
    if (before & bit) continue;
    store<u32>(word, before | bit);
    store<u32>(gfns + (<usize>fresh << 2), gfn);
    fresh++;
  }
  return fresh;
}

/** Returns how many accesses from the head of a list come before the first one that its page's gate stops. */
export function countPlain(gfns: usize, count: u32, gates: usize): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const entry = load<u32>(gfns + (<usize>i << 2));
    const gate = <u32>atomic.load<u8>(gates + <usize>(entry & ~(<u32>ACCESS_READ_BIT)));
    if (gate == 0) continue;
    if (!(entry & <u32>ACCESS_READ_BIT) || (gate & ~(<u32>PAGE_WRITE_GATES))) return i;
  }
  return count;
}

/** Writes `epoch` into the reference word of every page of an access list. */
export function noteReferences(gfns: usize, count: u32, references: usize, epoch: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const gfn = load<u32>(gfns + (<usize>i << 2)) & ~(<u32>ACCESS_READ_BIT);
    store<u32>(references + (<usize>gfn << 2), epoch);
  }
}
