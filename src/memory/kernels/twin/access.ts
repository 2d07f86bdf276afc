import * as abi from '../abi.ts';
import type { Views } from './views.ts';

/**
 * A stream's accesses in plain TypeScript. The proof replays with this code, so it is written to be read beside
 * ../assembly/access.ts, and shares nothing with it but the layout of the stream record.
 */

const TWO_32 = 4294967296;

function mix32(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

/** Returns random × range ÷ 2^32, rounded down; the product is exact, since `range` stays below 2^21. */
function scale(random: number, range: number): number {
  return ((random >>> 0) * range * (1 / TWO_32)) | 0;
}

/**
 * Returns 1 if a < b, else 0, of two 32-bit words without a sign (Hacker's Delight, section 2-12). Half of the branches
 * on a draw would be mispredicted, and each would wait for what it compares to come from memory.
 */
function below(a: number, b: number): number {
  return ((~a & b) | (~(a ^ b) & (a - b))) >>> 31;
}

/** Returns `a` if `isA` is 1, `b` if it is 0. */
function select(isA: number, a: number, b: number): number {
  return b ^ ((a ^ b) & -isA);
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function pageOf(words: Int32Array, s: number, pattern: number, first: number, second: number) {
  const pages = words[s + (abi.STREAM_PAGES >> 2)]!;
  if (pattern === abi.PATTERN_UNIFORM) return scale(first, pages);
  if (pattern === abi.PATTERN_HOTSPOT) {
    const hot = words[s + (abi.STREAM_HOT_PAGES >> 2)]!;
    const isHot = below(second, words[s + (abi.STREAM_HOT_THRESHOLD >> 2)]!);
    return select(isHot, 0, hot) + scale(first, select(isHot, hot, pages - hot));
  }
  const slot = scale(first, pages);
  const entry = (words[s + (abi.STREAM_TABLE >> 2)]! >>> 2) + slot * 2;
  return select(below(second, words[entry]!), slot, words[entry + 1]!);
}

/** The twin of `nextGfns`. */
export function nextGfns(v: Views, stream: number, count: number, out: number): void {
  const pattern = v.words[(stream + abi.STREAM_PATTERN) >>> 2]!;
  const isCursor = pattern === abi.PATTERN_SEQUENTIAL || pattern === abi.PATTERN_STRIDE;
  if (pattern === abi.PATTERN_TRACE) return nextTrace(v, stream, count, out);
  // The draws of a batch share the high word of their numbers n, but for a batch that reaches the next one.
  const n0 = v.doubles[stream >>> 3]!;
  const untilNext = TWO_32 - (n0 % TWO_32);
  const most = Math.min(count, untilNext);
  nextDrawn(v, stream, n0, most, out, isCursor);
  if (most < count) nextDrawn(v, stream, n0 + most, count - most, out + 4 * most, isCursor);
}

function nextTrace({ words, doubles }: Views, stream: number, count: number, out: number): void {
  const s = stream >>> 2;
  const o = out >>> 2;
  const firstGfn = words[s + (abi.STREAM_FIRST_GFN >> 2)]!;
  const table = words[s + (abi.STREAM_TABLE >> 2)]! >>> 2;
  const length = words[s + (abi.STREAM_TABLE_LENGTH >> 2)]! >>> 0;
  const n0 = doubles[stream >>> 3]!;
  for (let i = 0; i < count; i++) words[o + i] = firstGfn + words[table + ((n0 + i) % length)]!;
}

/**
 * Reads the entries of an alias table that the next accesses draw, which brings them into the cache. This loop is so
 * short that the processor waits for many of them at a time. Throws when an entry stands for no page.
 */
function fetchAliases(
  words: Int32Array,
  table: number,
  pages: number,
  low: number,
  key: number,
  count: number,
): void {
  let aliases = 0;
  for (let i = 0; i < count; i++) {
    const slot = scale(mix32(Math.imul(low + i, 0x9e3779b1) ^ key), pages);
    aliases |= words[table + 2 * slot + 1]!;
  }
  if (aliases < 0) throw new Error('an alias table of a workload is damaged');
}

function nextDrawn(
  { words }: Views,
  stream: number,
  n0: number,
  count: number,
  out: number,
  isCursor: boolean,
): void {
  const s = stream >>> 2;
  const o = out >>> 2;
  const keyB = words[s + (abi.STREAM_KEY_B >> 2)]!;
  const key = words[s + (abi.STREAM_KEY_A >> 2)]! ^ mix32(Math.floor(n0 / TWO_32) ^ keyB);
  const pattern = words[s + (abi.STREAM_PATTERN >> 2)]!;
  const firstGfn = words[s + (abi.STREAM_FIRST_GFN >> 2)]!;
  const pages = words[s + (abi.STREAM_PAGES >> 2)]!;
  const start = words[s + (abi.STREAM_START >> 2)]!;
  const step = pattern === abi.PATTERN_STRIDE ? words[s + (abi.STREAM_STRIDE >> 2)]! : 1;
  const allWrites = words[s + (abi.STREAM_ALL_WRITES >> 2)]!;
  const threshold = words[s + (abi.STREAM_WRITE_THRESHOLD >> 2)]!;
  // `| 0` takes n modulo 2^32 exactly, as n is below 2^53.
  const low = n0 | 0;
  if (pattern === abi.PATTERN_ZIPF) {
    fetchAliases(words, words[s + (abi.STREAM_TABLE >> 2)]! >>> 2, pages, low, key, count);
  }
  for (let i = 0; i < count; i++) {
    const first = mix32(Math.imul(low + i, 0x9e3779b1) ^ key);
    const second = mix32(first ^ keyB);
    const page = isCursor
      ? (start + ((n0 + i) % pages) * step) % pages
      : pageOf(words, s, pattern, first, second);
    const writes = allWrites | below(mix32(second ^ 0x68e31da4), threshold);
    words[o + i] = (firstGfn + page) | ((writes ^ 1) << 31);
  }
}

/**
 * Replaces each word by mix(word, token), which is never 0. The result depends on the order of the writes, so a lost or
 * doubled write shows in the proof.
 */
function writeWords(words: Int32Array, lane: number, count: number, token: number, keyB: number) {
  let t = token;
  for (let w = 0; w < count; w++) {
    const at = lane + 2 * w;
    let low = rotateLeft(Math.imul(words[at]! ^ t, 0x85ebca6b), 15);
    const high = (Math.imul(words[at + 1]! ^ t ^ keyB, 0xc2b2ae35) + low) | 0;
    if ((low | high) === 0) low = 1;
    words[at] = low;
    words[at + 1] = high;
    t = (t + 0x9e3779b1) | 0;
  }
}

/** Adds one to the version of each page that a list writes, and 0 to others; returns how many writes these are. */
function countWrites(
  words: Int32Array,
  versions: number,
  pageWords: number,
  count: number,
  gfns: number,
): number {
  let writes = 0;
  for (let i = gfns; i < gfns + count; i++) {
    const entry = words[i]!;
    const at = versions + (entry & 0x7fffffff) * pageWords;
    const write = (entry >>> 31) ^ 1;
    words[at] = (words[at]! + write) | 0;
    writes += write;
  }
  return writes;
}

/** The twin of `touch`. */
export function touch(
  v: Views,
  stream: number,
  count: number,
  gfns: number,
  mark: number,
  map: number,
): void {
  const { words } = v;
  const s = stream >>> 2;
  const keyA = words[s + (abi.STREAM_KEY_A >> 2)]!;
  const keyB = words[s + (abi.STREAM_KEY_B >> 2)]!;
  const wordCount = words[s + (abi.STREAM_WORDS >> 2)]!;
  const pageWords = 2 ** (words[s + (abi.STREAM_PAGE_SHIFT >> 2)]! - 2);
  const lane = ((words[s + (abi.STREAM_RAM >> 2)]! >>> 0) + words[s + (abi.STREAM_LANE >> 2)]!) / 4;
  const n0 = v.doubles[stream >>> 3]!;
  let checksumLow = words[s + (abi.STREAM_CHECKSUM_LOW >> 2)]!;
  let checksumHigh = words[s + (abi.STREAM_CHECKSUM_HIGH >> 2)]!;
  let writes = 0;
  const isCounted = wordCount === 0 && mark === abi.MARK_NONE;
  if (isCounted) writes = countWrites(words, lane, pageWords, count, gfns >>> 2);
  for (let i = isCounted ? count : 0; i < count; i++) {
    const entry = words[(gfns >>> 2) + i]!;
    const gfn = entry & 0x7fffffff;
    const at = lane + gfn * pageWords;
    if (entry < 0) {
      for (let w = 0; w < wordCount; w++) {
        const low = words[at + 2 * w]!;
        const high = words[at + 2 * w + 1]!;
        checksumLow = rotateLeft(Math.imul(checksumLow ^ low, 0x27d4eb2f), 13);
        checksumHigh = (Math.imul(checksumHigh ^ high, 0x165667b1) + checksumLow) | 0;
      }
      continue;
    }
    const n = n0 + i;
    const high = Math.floor(n / TWO_32);
    const token = (Math.imul(n | 0, 0x9e3779b1) + keyA + Math.imul(high, 0x85ebca77)) | 0;
    if (wordCount === 0) words[at] = (words[at]! + 1) | 0;
    else writeWords(words, at, wordCount, token, keyB);
    writes++;
    const word = (map >>> 2) + (gfn >>> 5);
    if (mark === abi.MARK_PRIVATE) words[word] = words[word]! | (1 << (gfn & 31));
    else if (mark === abi.MARK_ATOMIC) Atomics.or(words, word, 1 << (gfn & 31));
    else if (mark === abi.MARK_BYTE) v.bytes[map + gfn] = 1;
  }
  words[s + (abi.STREAM_CHECKSUM_LOW >> 2)] = checksumLow;
  words[s + (abi.STREAM_CHECKSUM_HIGH >> 2)] = checksumHigh;
  v.doubles[(stream + abi.STREAM_WRITES) >>> 3]! += writes;
  v.doubles[stream >>> 3] = n0 + count;
}

/** The twin of `markFresh`. */
export function markFresh(v: Views, gfns: number, count: number, map: number): number {
  const { words } = v;
  let fresh = 0;
  for (let i = 0; i < count; i++) {
    const gfn = words[(gfns >>> 2) + i]!;
    if (gfn < 0) continue;
    const word = (map >>> 2) + (gfn >>> 5);
    if ((words[word]! >>> (gfn & 31)) & 1) continue;
    words[word]! |= 1 << (gfn & 31);
    words[(gfns >>> 2) + fresh] = gfn;
    fresh++;
  }
  return fresh;
}

/** The twin of `countPlain`. */
export function countPlain(v: Views, gfns: number, count: number, gates: number): number {
  for (let i = 0; i < count; i++) {
    const entry = v.words[(gfns >>> 2) + i]!;
    const gate = Atomics.load(v.bytes, gates + (entry & 0x7fffffff));
    const stops = entry < 0 ? gate & ~abi.PAGE_WRITE_GATES : gate;
    if (stops !== 0) return i;
  }
  return count;
}

/** The twin of `noteReferences`. */
export function noteReferences(
  v: Views,
  gfns: number,
  count: number,
  references: number,
  epoch: number,
): void {
  for (let i = 0; i < count; i++) {
    v.words[(references >>> 2) + (v.words[(gfns >>> 2) + i]! & 0x7fffffff)] = epoch;
  }
}
