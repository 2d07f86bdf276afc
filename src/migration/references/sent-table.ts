/**
 * Where a host remembers which contents it has sent to another host: for the hash of a page, a guest and a gfn that the
 * page was sent as. It is a cache of bounded size: an entry takes 16 bytes, the low word of the hash chooses a set of
 * eight entries, and a new entry takes the place of the set's oldest one when the set is full.
 *
 *   word 0   low word of the page's 64-bit hash
 *   word 1   high word
 *   word 2   the guest's number + 1; 0: the entry is free
 *   word 3   the gfn
 *
 * An entry is not kept up to date: the page may have been sent again since, with other contents. Whoever takes a
 * reference from it has to have it checked where the page is.
 */
export class SentTable {
  readonly #words: Uint32Array;
  readonly #sets: number;
  /** The place of each set's entry that the next one replaces. */
  readonly #hands: Uint8Array;
  #entries = 0;

  /** Makes a table that takes at most `mostBytes`, but has at least one set, and at most a place for `mostPages` twice. */
  constructor(mostBytes: number, mostPages: number) {
    const bytes = Math.min(mostBytes, 2 * mostPages * ENTRY_BYTES);
    this.#sets = 2 ** Math.max(0, Math.floor(Math.log2(bytes / (WAYS * ENTRY_BYTES + 1))));
    this.#words = new Uint32Array(this.#sets * WAYS * ENTRY_WORDS);
    this.#hands = new Uint8Array(this.#sets);
  }

  /** How many pages it knows. */
  get entries(): number {
    return this.#entries;
  }

  /** The bytes of memory that it takes. */
  get bytes(): number {
    return this.#words.byteLength + this.#hands.byteLength;
  }

  /** Returns the entry of a hash, -1 when there is none. It is valid until the table changes. */
  find(low: number, high: number): number {
    const first = this.#firstOf(low);
    for (let at = first; at < first + WAYS * ENTRY_WORDS; at += ENTRY_WORDS) {
      if (this.#words[at + 2] === 0) continue;
      if (this.#words[at] === low && this.#words[at + 1] === high) return at;
    }
    return -1;
  }

  guestOf(entry: number): number {
    return this.#words[entry + 2]! - 1;
  }

  gfnOf(entry: number): number {
    return this.#words[entry + 3]!;
  }

  /** Notes that a page with this hash was sent as a page of a guest; the latest such page counts. */
  note(low: number, high: number, guest: number, gfn: number): void {
    const known = this.find(low, high);
    const at = known < 0 ? this.#place(low) : known;
    this.#words[at] = low;
    this.#words[at + 1] = high;
    this.#words[at + 2] = guest + 1;
    this.#words[at + 3] = gfn;
  }

  /** Forgets that a hash is that of this page. */
  forget(low: number, high: number, guest: number, gfn: number): void {
    const at = this.find(low, high);
    if (at < 0 || this.guestOf(at) !== guest || this.gfnOf(at) !== gfn) return;
    this.#words[at + 2] = 0;
    this.#entries--;
  }

  #firstOf(low: number): number {
    return (low & (this.#sets - 1)) * WAYS * ENTRY_WORDS;
  }

  #place(low: number): number {
    const first = this.#firstOf(low);
    for (let at = first; at < first + WAYS * ENTRY_WORDS; at += ENTRY_WORDS) {
      if (this.#words[at + 2] !== 0) continue;
      this.#entries++;
      return at;
    }
    const set = low & (this.#sets - 1);
    const way = this.#hands[set]!;
    this.#hands[set] = (way + 1) % WAYS;
    return first + way * ENTRY_WORDS;
  }
}

const ENTRY_WORDS = 4;
const ENTRY_BYTES = 4 * ENTRY_WORDS;
const WAYS = 8;
