/**
 * A page as words of four bytes, each of which is zero, one of the last words, nearly one of them, or new. It is the idea of
 * WKdm (Wilson, Kaplan, Smaragdakis, "The case for compressed caching in virtual memory systems", USENIX 1999): pages of
 * pointers and counters repeat the upper bits of their words. A dictionary has 16 words, in which a word's upper 22 bits
 * choose its place. A block has two bits for each word, its kind; then the new words; then two bytes for each word that
 * is nearly a known one, the place (four bits) and the low ten bits; then the places of those that are known, four bits each.
 */
const ZERO = 0;
const KNOWN = 1;
const NEAR = 2;
const NEW = 3;

const LOW_BITS = 10;
const LOW_MASK = (1 << LOW_BITS) - 1;
const PLACES = 16;

/** The pages of a migration are coded one after the other, in these rooms; each is as long as it needs to be. */
class Rooms {
  readonly dictionary = new Uint32Array(PLACES);
  readonly kinds: Uint8Array;
  readonly fresh: Uint32Array;
  readonly near: Uint16Array;
  readonly known: Uint8Array;

  constructor(words: number) {
    this.kinds = new Uint8Array(words);
    this.fresh = new Uint32Array(words);
    this.near = new Uint16Array(words);
    this.known = new Uint8Array(words);
  }
}

let rooms = new Rooms(1024);

function roomsFor(words: number): Rooms {
  if (rooms.kinds.length < words) rooms = new Rooms(words);
  rooms.dictionary.fill(0);
  return rooms;
}

const placeOf = (word: number): number => Math.imul(word >>> LOW_BITS, 0x9e3779b1) >>> 28;

/**
 * Writes a page, which begins at a multiple of four bytes, to byte `at` of `out`; returns the number of bytes, or -1 if
 * they would be more than `most`.
 */
export function encodeDictionaryWords(
  page: Uint8Array,
  out: Uint8Array,
  at: number,
  most: number,
): number {
  const words = new Uint32Array(page.buffer, page.byteOffset, page.length >>> 2);
  const { dictionary, kinds, fresh, near, known } = roomsFor(words.length);
  const kindBytes = words.length >>> 2;
  let news = 0;
  let nears = 0;
  let knowns = 0;
  // A page of new words is given up early.
  const mostNews = Math.floor((most - kindBytes) / 4);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === 0) {
      kinds[i] = ZERO;
      continue;
    }
    const place = placeOf(word);
    const old = dictionary[place]!;
    if (old === word) {
      kinds[i] = KNOWN;
      known[knowns++] = place;
      continue;
    }
    // A word that is nearly known, or new, takes the place.
    dictionary[place] = word;
    if (old >>> LOW_BITS === word >>> LOW_BITS && old !== 0) {
      kinds[i] = NEAR;
      near[nears++] = (place << LOW_BITS) | (word & LOW_MASK);
      continue;
    }
    kinds[i] = NEW;
    fresh[news++] = word;
    if (news > mostNews) return -1;
  }
  const length = blockBytes(words.length, news, nears, knowns);
  if (length > most) return -1;
  let to = at;
  for (let i = 0; i < words.length; i += 4) {
    out[to++] = kinds[i]! | (kinds[i + 1]! << 2) | (kinds[i + 2]! << 4) | (kinds[i + 3]! << 6);
  }
  for (let i = 0; i < news; i++) {
    const word = fresh[i]!;
    out[to++] = word & 0xff;
    out[to++] = (word >>> 8) & 0xff;
    out[to++] = (word >>> 16) & 0xff;
    out[to++] = word >>> 24;
  }
  for (let i = 0; i < nears; i++) {
    out[to++] = near[i]! & 0xff;
    out[to++] = near[i]! >>> 8;
  }
  for (let i = 0; i < knowns; i += 2)
    out[to++] = known[i]! | ((i + 1 < knowns ? known[i + 1]! : 0) << 4);
  return length;
}

/** Makes a page, which begins at a multiple of four bytes, of a block; returns false if that is not one of such a page. */
export function applyDictionaryWords(page: Uint8Array, block: Uint8Array): boolean {
  const words = new Uint32Array(page.buffer, page.byteOffset, page.length >>> 2);
  const { dictionary } = roomsFor(0);
  const kindBytes = words.length >>> 2;
  if (block.length < kindBytes) return false;
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < words.length; i++) counts[kindAt(block, i)]!++;
  const [, knowns, nears, news] = counts as [number, number, number, number];
  if (block.length !== blockBytes(words.length, news, nears, knowns)) return false;
  let freshAt = kindBytes;
  let nearAt = freshAt + 4 * news;
  const knownAt = nearAt + 2 * nears;
  let seen = 0;
  for (let i = 0; i < words.length; i++) {
    const kind = kindAt(block, i);
    let word = 0;
    if (kind === KNOWN) {
      const pair = block[knownAt + (seen >>> 1)]!;
      word = dictionary[(seen & 1) === 0 ? pair & 0xf : pair >>> 4]!;
      seen++;
    } else if (kind === NEAR) {
      const coded = block[nearAt]! | (block[nearAt + 1]! << 8);
      nearAt += 2;
      const place = (coded >>> LOW_BITS) & (PLACES - 1);
      word = ((dictionary[place]! & ~LOW_MASK) | (coded & LOW_MASK)) >>> 0;
      dictionary[place] = word;
    } else if (kind === NEW) {
      word =
        (block[freshAt]! |
          (block[freshAt + 1]! << 8) |
          (block[freshAt + 2]! << 16) |
          (block[freshAt + 3]! << 24)) >>>
        0;
      freshAt += 4;
      dictionary[placeOf(word)] = word;
    }
    words[i] = word;
  }
  return true;
}

const kindAt = (block: Uint8Array, index: number): number =>
  (block[index >>> 2]! >>> (2 * (index & 3))) & 3;

const blockBytes = (words: number, news: number, nears: number, knowns: number): number =>
  (words >>> 2) + 4 * news + 2 * nears + Math.ceil(knowns / 2);
