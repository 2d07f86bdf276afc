import { hashWords, mix32 } from '../../random/generator.ts';

/** Eight-byte words of log lines, JSON and shell history: a page of them compresses about 4 : 1. */
const VOCABULARY =
  'request session "value": user_id= 2024-06- GET /api timeout default [ERROR] ' +
  '"name": status= 200 OK   server  content -length /usr/lib config= "type": update ' +
  'connect process thread= kernel: memory  return  if (len) string  buffer  error: ' +
  'SELECT  FROM    WHERE id INSERT  commit  cluster node-01 node-02 replica ' +
  'https:// .example .com/img cookie= Mozilla accept: gzip,br charset utf-8 " ' +
  'cache hit miss= queue   worker  latency p99 ms= bytes   packets eth0 rx tx  ' +
  'started stopped restart  health  ready   image=  deploy  release version ';

const PHRASES = Uint32Array.from(vocabularyWords());

function* vocabularyWords(): Generator<number> {
  const bytes = Buffer.from(VOCABULARY.padEnd(512, ' ').slice(0, 512), 'latin1');
  for (let at = 0; at < 512; at += 4) yield bytes.readUInt32LE(at);
}

/** Incompressible words. */
export function fillRandom(page: Uint32Array, seed: number, entry: number, gfn: number): void {
  let a = hashWords(seed, entry, gfn, 1);
  let b = hashWords(seed, entry, gfn, 2);
  let c = hashWords(seed, entry, gfn, 3);
  // sfc32, written out: this loop fills guests of gigabytes.
  for (let i = 0; i < page.length; i++) {
    const t = (a + b + i) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    page[i] = t;
  }
}

/** Text-like: a seeded sequence of eight-byte phrases. */
export function fillText(page: Uint32Array, seed: number, entry: number, gfn: number): void {
  let state = hashWords(seed, entry, gfn, 4);
  for (let i = 0; i < page.length; i += 2) {
    state = (Math.imul(state, 0x0019660d) + 0x3c6ef35f) | 0;
    const phrase = (state >>> 26) * 2;
    page[i] = PHRASES[phrase]!;
    page[i + 1] = PHRASES[phrase + 1]!;
  }
}

const DUPLICATE_CONTENTS = 64;

/** One of 64 contents, so that nearly every page has equals elsewhere. */
export function fillDuplicate(page: Uint32Array, seed: number, entry: number, gfn: number): void {
  fillRandom(page, seed, entry, -1 - (hashWords(seed, entry, gfn, 5) % DUPLICATE_CONTENTS));
}

/**
 * Cumulative shares of non-zero pages of a 128 MiB Linux guest running Redis, by the ratio that
 * zlib level 1 leaves of a page: below 0.1, 0.2, … 1.0 and above (measured with init_on_free=1:
 * 2775 4206 2503 6606 1854 1543 3808 368 55 84 155 of 23 957 pages; 7.1 % had a duplicate).
 */
const RATIO_COUNTS = [2775, 4206, 2503, 6606, 1854, 1543, 3808, 368, 55, 84, 155];

/** What of that a scenario may set: shares of the non-zero pages. */
export interface MixedShares {
  /** Pages that have equals elsewhere. */
  readonly duplicateShare: number;
  /** What zlib level 1 leaves of a page, on average. */
  readonly compressedShare: number;
}

/** As measured: see RATIO_COUNTS. */
const MEASURED: MixedShares = { duplicateShare: 1712 / 23957, compressedShare: 0.347 };

/** Pages of many kinds, as a server's memory has them: see RATIO_COUNTS. */
export function fillMixed(
  page: Uint32Array,
  seed: number,
  entry: number,
  gfn: number,
  shares: MixedShares = MEASURED,
): void {
  const isDuplicate = hashWords(seed, entry, gfn, 6) < shares.duplicateShare * 4294967296;
  const twin = hashWords(seed, entry, gfn, 7) % DUPLICATE_CONTENTS;
  const measured = drawRatio(hashWords(seed, entry, isDuplicate ? twin : gfn, 8));
  const ratio = moved(measured, MEASURED.compressedShare, shares.compressedShare);
  fillAtRatio(page, seed, entry, isDuplicate ? -1 - twin : gfn, ratio);
}

/** A ratio of a distribution with mean `from`, in one of the same shape with mean `to`. */
function moved(ratio: number, from: number, to: number): number {
  return to <= from ? (ratio * to) / from : 1 - ((1 - ratio) * (1 - to)) / (1 - from);
}

function drawRatio(random: number): number {
  let rest = (random / 4294967296) * 23957;
  for (const [bin, count] of RATIO_COUNTS.entries()) {
    if (rest < count) return Math.min(1, (bin + rest / count) / 10);
    rest -= count;
  }
  return 1;
}

/**
 * Fills a page so that about `ratio` of it is left after compression: of its 32-byte blocks a
 * matching share is random, half of the others are zero, the rest repeat a phrase each (0.12 of the
 * page is what zlib level 1 needs for those; tried out).
 */
function fillAtRatio(page: Uint32Array, seed: number, entry: number, gfn: number, ratio: number) {
  const share = Math.max(0, (ratio - 0.12) / 0.95) * 4294967296;
  let state = hashWords(seed, entry, gfn, 9);
  for (let block = 0; block < page.length; block += 8) {
    state = (Math.imul(state, 0x0019660d) + 0x3c6ef35f) | 0;
    const isRandom = mix32(state) < share;
    const phrase = (state >>> 28) * 2;
    for (let i = block; i < block + 8; i++) {
      if (isRandom) page[i] = mix32(state + Math.imul(i, 0x9e3779b1));
      else page[i] = state & 0x400000 ? 0 : PHRASES[phrase + (i & 1)]!;
    }
  }
}
