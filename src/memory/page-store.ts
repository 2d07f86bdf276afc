/** The bytes of a chunk of a store, which is taken when the first of its slots is used. */
const CHUNK_BYTES = 1 << 20;

/** No slot of a store: slots are numbered from 1 on, so that an array of them that was never written has none. */
export const NO_SLOT = 0;

/**
 * A store of pages in numbered slots. Slots are reused in the order in which they were given back, the last one first,
 * so that a store takes no more memory than it has ever held at once.
 */
export class PageStore {
  readonly #bytes: number;
  readonly #slotsPerChunk: number;
  readonly #chunks: Uint8Array[] = [];
  readonly #free: number[] = [];
  /** A byte for each slot that has been used so far: 1 while it holds a page. */
  #inUse = new Uint8Array(64);
  readonly #most: number;
  #slots = 0;

  /** `bytes` is what stands for a page in memory (SlotLayout.storedBytes); `mostSlots` is the store's capacity. */
  constructor(bytes: number, mostSlots = Infinity) {
    this.#bytes = bytes;
    this.#slotsPerChunk = Math.max(1, Math.floor(CHUNK_BYTES / bytes));
    this.#most = mostSlots;
  }

  /** How many slots it has ever had in use at once, the numbers 1 to `slots`. */
  get slots(): number {
    return this.#slots;
  }

  /** Calls `take` with every slot that has been given back and not been used again. */
  eachFree(take: (slot: number) => void): void {
    for (const slot of this.#free) take(slot);
  }

  /** How many slots are in use. */
  get used(): number {
    return this.#slots - this.#free.length;
  }

  /** How many pages more it can hold. */
  get room(): number {
    return this.#most - this.used;
  }

  get isFull(): boolean {
    return this.room <= 0;
  }

  /** Stores a copy of a page; returns its slot. Throws RangeError when the store is full. */
  put(page: Uint8Array): number {
    if (this.isFull)
      throw new RangeError(`the store of pages is full: it holds ${this.used} pages`);
    const slot = this.#free.pop() ?? ++this.#slots;
    this.at(slot).set(page);
    this.#note(slot, 1);
    return slot;
  }

  /** The bytes of a slot. */
  at(slot: number): Uint8Array {
    const chunk = Math.floor((slot - 1) / this.#slotsPerChunk);
    const bytes = (this.#chunks[chunk] ??= new Uint8Array(this.#slotsPerChunk * this.#bytes));
    const from = ((slot - 1) % this.#slotsPerChunk) * this.#bytes;
    return bytes.subarray(from, from + this.#bytes);
  }

  /** Gives a slot back. From now on another page may be stored in it. */
  drop(slot: number): void {
    this.#note(slot, 0);
    this.#free.push(slot);
  }

  /** Whether a slot holds a page. */
  holds(slot: number): boolean {
    return this.#inUse[slot] === 1;
  }

  #note(slot: number, isInUse: 0 | 1): void {
    if (slot >= this.#inUse.length) {
      const grown = new Uint8Array(2 * this.#inUse.length);
      grown.set(this.#inUse);
      this.#inUse = grown;
    }
    this.#inUse[slot] = isInUse;
  }
}
