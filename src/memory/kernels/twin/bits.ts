import { RUNS_CURSOR, RUNS_FIRST, RUNS_PAGES, RUNS_SKIPPED } from '../abi.ts';
import type { Views } from './views.ts';

// The twin of ../assembly/bits.ts: each exported function does what the kernel of its name does (../kernels.ts).

/** Returns the number of set bits of a 32-bit word (Hacker's Delight, section 5-1). */
export function popcount32(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  x = (x + (x >>> 4)) & 0x0f0f0f0f;
  return Math.imul(x, 0x01010101) >>> 24;
}

export function merge(v: Views, map: number, target: number, bytes: number): number {
  const { words } = v;
  let fresh = 0;
  for (let i = 0; i < bytes >>> 2; i++) {
    const at = (target >>> 2) + i;
    fresh += popcount32(words[(map >>> 2) + i]! & ~words[at]!);
    words[at]! |= words[(map >>> 2) + i]!;
  }
  return fresh;
}

export function mergeAndClear(v: Views, map: number, target: number, bytes: number): number {
  const { words } = v;
  let fresh = 0;
  for (let i = 0; i < bytes >>> 2; i++) {
    const marks = words[(map >>> 2) + i]!;
    if (marks === 0) continue;
    words[(map >>> 2) + i] = 0;
    const at = (target >>> 2) + i;
    fresh += popcount32(marks & ~words[at]!);
    words[at]! |= marks;
  }
  return fresh;
}

export function mergeAndClearBytes(v: Views, map: number, target: number, bytes: number): number {
  let fresh = 0;
  for (let page = 0; page < 8 * bytes; page++) {
    if (v.bytes[map + page] === 0) continue;
    v.bytes[map + page] = 0;
    const at = (target >>> 2) + (page >>> 5);
    if (((v.words[at]! >>> (page & 31)) & 1) === 0) fresh++;
    v.words[at]! |= 1 << (page & 31);
  }
  return fresh;
}

export function mergeAndClearAtomic(v: Views, map: number, target: number, bytes: number): number {
  const { words } = v;
  let fresh = 0;
  for (let i = 0; i < bytes >>> 2; i++) {
    // A plain load comes first: exchanging every word costs ten times as much as scanning an empty map.
    if (words[(map >>> 2) + i] === 0) continue;
    const marks = Atomics.exchange(words, (map >>> 2) + i, 0);
    const at = (target >>> 2) + i;
    fresh += popcount32(marks & ~words[at]!);
    words[at]! |= marks;
  }
  return fresh;
}

export function popcount(v: Views, map: number, bytes: number): number {
  let count = 0;
  for (let i = 0; i < bytes >>> 2; i++) count += popcount32(v.words[(map >>> 2) + i]!);
  return count;
}

function isMarkedLive(v: Views, maps: number, count: number, unit: number, bit: number): boolean {
  const { words } = v;
  for (let k = 0; k < count; k++) {
    const map = words[(maps >>> 2) + k]! >>> 0;
    if (unit === 1 && v.bytes[map + bit] !== 0) return true;
    if (unit === 0 && (words[(map >>> 2) + (bit >>> 5)]! >>> (bit & 31)) & 1) return true;
  }
  return false;
}

/** The twin of `takeRuns`. It goes bit by bit: slow, but plain to see, and with the same result as the kernel. */
export function takeRuns(
  v: Views,
  bits: number,
  from: number,
  end: number,
  maxPages: number,
  maxRuns: number,
  maps: number,
  mapCount: number,
  mapUnit: number,
  out: number,
): number {
  const { words } = v;
  const o = out >>> 2;
  let taken = 0;
  let skipped = 0;
  let runs = 0;
  let runEnd = -1;
  let cursor = from;
  // The kernel drops the live pages of a word of 64 as soon as it loads the word, also those after the place
  // at which a full list ends; the twin does the same.
  let droppedWord = -1;
  for (; cursor < end && taken < maxPages; cursor++) {
    if (cursor >>> 6 !== droppedWord) {
      droppedWord = cursor >>> 6;
      const wordEnd = Math.min(end, (droppedWord + 1) * 64);
      for (let bit = cursor; bit < wordEnd; bit++) {
        const at = (bits >>> 2) + (bit >>> 5);
        if (!((words[at]! >>> (bit & 31)) & 1) || !isMarkedLive(v, maps, mapCount, mapUnit, bit))
          continue;
        words[at]! &= ~(1 << (bit & 31));
        skipped++;
      }
    }
    const at = (bits >>> 2) + (cursor >>> 5);
    if (!((words[at]! >>> (cursor & 31)) & 1)) continue;
    if (cursor !== runEnd) {
      if (runs === maxRuns) break;
      words[o + RUNS_FIRST + 2 * runs] = cursor;
      words[o + RUNS_FIRST + 2 * runs + 1] = 0;
      runs++;
    }
    words[o + RUNS_FIRST + 2 * runs - 1]! += 1;
    words[at]! &= ~(1 << (cursor & 31));
    taken++;
    runEnd = cursor + 1;
  }
  words[o + RUNS_CURSOR] = cursor;
  words[o + RUNS_PAGES] = taken;
  words[o + RUNS_SKIPPED] = skipped;
  return runs;
}

/** The twin of `listRuns`, which goes bit by bit. */
export function listRuns(
  v: Views,
  bits: number,
  from: number,
  end: number,
  maxRuns: number,
  out: number,
): number {
  const { words } = v;
  const o = out >>> 2;
  const isSet = (bit: number): boolean =>
    ((words[(bits >>> 2) + (bit >>> 5)]! >>> (bit & 31)) & 1) === 1;
  let runs = 0;
  let cursor = from;
  while (cursor < end && runs < maxRuns) {
    if (!isSet(cursor)) {
      cursor++;
      continue;
    }
    const start = cursor;
    while (cursor < end && isSet(cursor)) cursor++;
    words[o + RUNS_FIRST + 2 * runs] = start;
    words[o + RUNS_FIRST + 2 * runs + 1] = cursor - start;
    runs++;
  }
  words[o + RUNS_CURSOR] = cursor;
  words[o + RUNS_PAGES] = 0;
  words[o + RUNS_SKIPPED] = 0;
  return runs;
}
