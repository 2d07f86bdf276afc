// Guest accesses: the next gfns of a stream, then write (or read) and mark.
// Every formula here has its twin in ../twin/access.ts; the two must agree to the bit.

import {
  ACCESS_READ_BIT,
  MARK_ATOMIC,
  MARK_BYTE,
  MARK_PRIVATE,
  PAGE_PRESENT,
  PATTERN_HOTSPOT,
  PATTERN_SEQUENTIAL,
  PATTERN_STRIDE,
  PATTERN_TRACE,
  PATTERN_UNIFORM,
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
function pageOf(stream: usize, pattern: u32, first: u32, second: u32, pages: u32): u32 {
  if (pattern == PATTERN_UNIFORM) return scale(first, pages);
  if (pattern == PATTERN_HOTSPOT) {
    const hot = load<u32>(stream, STREAM_HOT_PAGES);
    return second < load<u32>(stream, STREAM_HOT_THRESHOLD)
      ? scale(first, hot)
      : hot + scale(first, pages - hot);
  }
  const slot = scale(first, pages);
  const entry = <usize>load<u32>(stream, STREAM_TABLE) + ((<usize>slot) << 3);
  return second < load<u32>(entry) ? slot : load<u32>(entry, 4);
}

// @ts-ignore: decorator
@inline
function readFlag(second: u32, allWrites: bool, threshold: u32): u32 {
  return allWrites || mix32(second ^ 0x68e31da4) < threshold ? 0 : <u32>ACCESS_READ_BIT;
}

function nextRandom(stream: usize, count: u32, out: usize, pattern: u32): void {
  const keyA = load<u32>(stream, STREAM_KEY_A);
  const keyB = load<u32>(stream, STREAM_KEY_B);
  const firstGfn = load<u32>(stream, STREAM_FIRST_GFN);
  const pages = load<u32>(stream, STREAM_PAGES);
  const allWrites = load<u32>(stream, STREAM_ALL_WRITES) != 0;
  const threshold = load<u32>(stream, STREAM_WRITE_THRESHOLD);
  const n0 = <u64>load<f64>(stream, STREAM_N);
  for (let i: u32 = 0; i < count; i++) {
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

/** Writes the gfns (with their read bits) of the stream's next `count` accesses to `out`. */
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
    let low = (load<u32>(at) ^ t) * 0x85ebca6b;
    low = rotl<u32>(low, 15);
    const high = (load<u32>(at, 4) ^ t ^ keyB) * 0xc2b2ae35 + low;
    if ((low | high) == 0) low = 1;
    store<u32>(at, low);
    store<u32>(at, high, 4);
    t += 0x9e3779b1;
  }
}

/**
 * Performs `count` accesses from the list `gfns`: a write stores its data first and marks after.
 * Advances n, the write count and the read checksum of the stream. `map` is the map to mark.
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
  let writes: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
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
    const n = n0 + i;
    const token = (<u32>n) * 0x9e3779b1 + keyA + <u32>(n >> 32) * 0x85ebca77;
    // A page that is only counted: its version.
    if (words == 0) store<u32>(at, load<u32>(at) + 1);
    else writeWords(at, words, token, keyB);
    writes++;
    const word = map + ((<usize>gfn >> 5) << 2);
    if (mark == MARK_PRIVATE) store<u32>(word, load<u32>(word) | (<u32>1 << (gfn & 31)));
    else if (mark == MARK_ATOMIC) atomic.or<u32>(word, <u32>1 << (gfn & 31));
    else if (mark == MARK_BYTE) store<u8>(map + <usize>gfn, 1);
  }
  store<u32>(stream, checksumLow, STREAM_CHECKSUM_LOW);
  store<u32>(stream, checksumHigh, STREAM_CHECKSUM_HIGH);
  store<f64>(stream, load<f64>(stream, STREAM_WRITES) + <f64>writes, STREAM_WRITES);
  store<f64>(stream, <f64>(n0 + count), STREAM_N);
}

/**
 * Marks the writes of a list in the bitmap `map`, which is the caller's own, and moves those gfns to
 * the head of the list that were not marked before; returns how many.
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

/** How many accesses from the head of a list find their pages present. */
export function countPresent(gfns: usize, count: u32, presence: usize): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const gfn = load<u32>(gfns + (<usize>i << 2)) & ~(<u32>ACCESS_READ_BIT);
    if (atomic.load<u8>(presence + <usize>gfn) != PAGE_PRESENT) return i;
  }
  return count;
}

/** Notes for every page of an access list that it was referenced in an epoch. */
export function noteReferences(gfns: usize, count: u32, references: usize, epoch: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const gfn = load<u32>(gfns + (<usize>i << 2)) & ~(<u32>ACCESS_READ_BIT);
    store<u32>(references + (<usize>gfn << 2), epoch);
  }
}
