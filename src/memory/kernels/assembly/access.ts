// Guest accesses: writing (or reading) the pages that next-gfns.ts has listed, and marking them.
// Every formula here has its twin in ../twin/access.ts; the two must agree to the bit.

import {
  ACCESS_READ_BIT,
  MARK_ATOMIC,
  MARK_BYTE,
  MARK_NONE,
  MARK_PRIVATE,
  PAGE_WRITE_GATES,
  PATTERN_SEQUENTIAL,
  PATTERN_STRIDE,
  STREAM_CHECKSUM_HIGH,
  STREAM_CHECKSUM_LOW,
  STREAM_KEY_A,
  STREAM_KEY_B,
  STREAM_LANE,
  STREAM_N,
  STREAM_PAGES,
  STREAM_PAGE_SHIFT,
  STREAM_PATTERN,
  STREAM_RAM,
  STREAM_WORDS,
  STREAM_WRITES,
} from '../abi';

/** The lines of so many pages, one of 64 bytes in each, stay in the caches of a core from batch to batch. */
const NEAR_PAGES: u32 = 4096;

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

/**
 * Loads the word of each access of a list, which brings its line into the cache and its page into the TLB. This loop is
 * so short that the processor has many more misses in flight than in the loops that write. Nobody needs the result.
 */
function fetch(lane: usize, count: u32, gfns: usize, shift: usize): u32 {
  let seen: u32 = 0;
  const end = gfns + (<usize>count << 2);
  for (let at = gfns; at < end; at += 4) {
    seen |= load<u32>(lane + ((<usize>(load<u32>(at) & ~(<u32>ACCESS_READ_BIT))) << shift));
  }
  return seen;
}

function writeOneWord(stream: usize, count: u32, gfns: usize, mark: u32, map: usize): u32 {
  if (mark == MARK_PRIVATE) return writeAll(stream, count, gfns, map, 1, MARK_PRIVATE);
  if (mark == MARK_ATOMIC) return writeAll(stream, count, gfns, map, 1, MARK_ATOMIC);
  if (mark == MARK_BYTE) return writeAll(stream, count, gfns, map, 1, MARK_BYTE);
  return writeAll(stream, count, gfns, map, 1, MARK_NONE);
}

/**
 * Adds one to the version of each page that the list writes; returns how many writes these are. A read adds 0, as a
 * branch on what an access does would be mispredicted.
 */
// @ts-ignore: decorator
@inline
function countWrites(lane: usize, count: u32, gfns: usize, shift: usize): u32 {
  let writes: u32 = 0;
  const end = gfns + (<usize>count << 2);
  for (let at = gfns; at < end; at += 4) {
    const entry = load<u32>(at);
    const version = lane + ((<usize>(entry & ~(<u32>ACCESS_READ_BIT))) << shift);
    const write = (entry >> 31) ^ 1;
    store<u32>(version, load<u32>(version) + write);
    writes += write;
  }
  return writes;
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
  if (words > 0 && !isStriding && load<u32>(stream, STREAM_PAGES) > NEAR_PAGES) {
    fetch(lane, count, gfns, shift);
  }
  let head: u32 = 0;
  let writes: u32 = 0;
  if (words == 0 && mark == MARK_NONE) {
    writes = countWrites(lane, count, gfns, shift);
    head = count;
  } else if (words == 1 && !isStriding) {
    head = writeOneWord(stream, count, gfns, mark, map);
    writes = head;
  }
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
    const entry = load<u32>(gfns + (<usize>i << 2));
    const gfn = entry & ~(<u32>ACCESS_READ_BIT);
    const word = map + ((<usize>gfn >> 5) << 2);
    const before = load<u32>(word);
    // One branch for reads and marked pages together: mostly it is taken, so that the processor predicts it.
    if (((before >> (gfn & 31)) | (entry >> 31)) & 1) continue;
    store<u32>(word, before | (<u32>1 << (gfn & 31)));
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
