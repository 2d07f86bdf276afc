import { hashOn, hashSeed, hashWords, mix32 } from '../../random/generator.ts';

/** Phrases of eight bytes from log lines, JSON and shell history. A page of them compresses about 4 : 1. */
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

/**
 * The four words from which a page's initial bytes are made: its generator (MADE_*), and what that begins with. Pages with
 * equal recipes have equal bytes, and other recipes give other bytes but for a chance of some 2^-32.
 */
export type Recipe = Int32Array;

export const RECIPE_WORDS = 4;
/** A page of zeros, whose other words are 0; and a page that the three generators make. */
export const MADE_ZERO = 0;
export const MADE_RANDOM = 1;
export const MADE_TEXT = 2;
export const MADE_AT_RATIO = 3;

/** Draws the recipe of a page that has contents, which depends on nothing but (seed, entry, gfn) and shares of a mix. */
export type Draw = (
  recipe: Recipe,
  seed: number,
  entry: number,
  gfn: number,
  shares?: MixedShares,
) => void;

/** Writes the bytes of a page that its recipe makes. */
export function makePage(page: Uint32Array, recipe: Recipe): void {
  if (recipe[0] === MADE_RANDOM) makeRandom(page, recipe);
  else if (recipe[0] === MADE_TEXT) makeText(page, recipe);
  else if (recipe[0] === MADE_AT_RATIO) makeAtRatio(page, recipe);
  else page.fill(0);
}

/** Draws a page of random words, which can't be compressed. */
export function drawRandom(recipe: Recipe, seed: number, entry: number, gfn: number): void {
  recipe[0] = MADE_RANDOM;
  const place = hashOn(hashOn(hashSeed(seed), entry), gfn);
  recipe[1] = hashOn(place, 1);
  recipe[2] = hashOn(place, 2);
  recipe[3] = hashOn(place, 3);
}

function makeRandom(page: Uint32Array, recipe: Recipe): void {
  let a = recipe[1]!;
  let b = recipe[2]!;
  let c = recipe[3]!;
  // This is the generator sfc32 (random/generator.ts), inlined because this loop fills guests of gigabytes.
  for (let i = 0; i < page.length; i++) {
    const t = (a + b + i) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    page[i] = t;
  }
}

/** Draws a page of text: a seeded sequence of eight-byte phrases. */
export function drawText(recipe: Recipe, seed: number, entry: number, gfn: number): void {
  recipe[0] = MADE_TEXT;
  recipe[1] = hashWords(seed, entry, gfn, 4);
  recipe[2] = recipe[3] = 0;
}

function makeText(page: Uint32Array, recipe: Recipe): void {
  let state = recipe[1]!;
  for (let i = 0; i < page.length; i += 2) {
    state = (Math.imul(state, 0x0019660d) + 0x3c6ef35f) | 0;
    const phrase = (state >>> 26) * 2;
    page[i] = PHRASES[phrase]!;
    page[i + 1] = PHRASES[phrase + 1]!;
  }
}

const DUPLICATE_CONTENTS = 64;

/** Draws a page that has one of 64 random contents, so that nearly every page has duplicates elsewhere. */
export function drawDuplicate(recipe: Recipe, seed: number, entry: number, gfn: number): void {
  drawRandom(recipe, seed, entry, -1 - (hashWords(seed, entry, gfn, 5) % DUPLICATE_CONTENTS));
}

/**
 * The number of non-zero pages of a 128 MiB Linux guest running Redis (with init_on_free=1), by the ratio to which
 * zlib level 1 compresses a page: below 0.1, 0.2, … 1.0, and above. It was measured over 23 957 pages, of which 7.1 %
 * had a duplicate.
 */
const RATIO_COUNTS = [2775, 4206, 2503, 6606, 1854, 1543, 3808, 368, 55, 84, 155];

/** What a scenario may set of a mix: shares of the non-zero pages. */
export interface MixedShares {
  /** The share of the pages that have a duplicate elsewhere. */
  readonly duplicateShare: number;
  /** The share of a page that is left after zlib level 1 has compressed it, on average. */
  readonly compressedShare: number;
}

/** The measured shares of the guest of RATIO_COUNTS. */
const MEASURED: MixedShares = { duplicateShare: 1712 / 23957, compressedShare: 0.347 };

/** Draws a page so that many of them together compress as a server's memory does: see RATIO_COUNTS. */
export function drawMixed(
  recipe: Recipe,
  seed: number,
  entry: number,
  gfn: number,
  shares: MixedShares = MEASURED,
): void {
  const isDuplicate = hashWords(seed, entry, gfn, 6) < shares.duplicateShare * 4294967296;
  const twin = hashWords(seed, entry, gfn, 7) % DUPLICATE_CONTENTS;
  const measured = drawRatio(hashWords(seed, entry, isDuplicate ? twin : gfn, 8));
  const ratio = rescaleRatio(measured, MEASURED.compressedShare, shares.compressedShare);
  recipe[0] = MADE_AT_RATIO;
  recipe[1] = hashWords(seed, entry, isDuplicate ? -1 - twin : gfn, 9);
  // 0.12 is what zlib level 1 leaves of a page without random blocks, found by trial.
  recipe[2] = Math.ceil(Math.max(0, (ratio - 0.12) / 0.95) * 4294967296);
  recipe[3] = 0;
}

/** Maps a ratio from a distribution with mean `from` to one of the same shape with mean `to`. */
function rescaleRatio(ratio: number, from: number, to: number): number {
  return to <= from ? (ratio * to) / from : 1 - ((1 - ratio) * (1 - to)) / (1 - from);
}

/** Draws a compression ratio from the distribution RATIO_COUNTS; `random` is a uniform 32-bit word. */
function drawRatio(random: number): number {
  let rest = (random / 4294967296) * 23957;
  for (const [bin, count] of RATIO_COUNTS.entries()) {
    if (rest < count) return Math.min(1, (bin + rest / count) / 10);
    rest -= count;
  }
  return 1;
}

/**
 * Makes a page of which a certain share is left after compression: a share of its 32-byte blocks, the recipe's third
 * word, is random; half of the others are zero, the rest repeat a phrase each.
 */
function makeAtRatio(page: Uint32Array, recipe: Recipe): void {
  const share = recipe[2]! >>> 0;
  let state = recipe[1]!;
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
