/**
 * The rings of a log `ring`. Each vCPU has one, with the vCPU as its only producer and the engine as its only consumer.
 * They lie in a shared buffer of their own, since a vCPU's ring takes pages of all memslots. A ring's 32-bit words:
 *
 *   0  head     how many entries the vCPU has pushed, modulo 2^32
 *   1  tail     how many entries the engine has taken, modulo 2^32
 *   2  waiting  1 while the vCPU waits for room
 *   3  stalls   how often the vCPU has waited for room
 *  16  entries  the guest's gfn; bit 31 is the half (epoch modulo 2) to which the mark belongs
 *
 * The vCPU stores its entries first and the head after. It makes sure of room for a whole batch before the batch's
 * first access, so it never waits between a data store and its mark.
 */
export interface SharedRings {
  readonly buffer: SharedArrayBuffer;
  /** The number of entries of each ring, a power of two. */
  readonly size: number;
}

const HEAD = 0;
const TAIL = 1;
const WAITING = 2;
const STALLS = 3;
const ENTRIES = 16;
const HALF_SHIFT = 31;
const GFN_MASK = 0x7fffffff;

/** Creates empty rings of `size` entries, a power of two. */
export function createRings(vcpus: number, size: number): SharedRings {
  return { buffer: new SharedArrayBuffer(Math.max(1, vcpus) * (ENTRIES + size) * 4), size };
}

function ringWords({ buffer, size }: SharedRings, vcpu: number): Int32Array {
  return new Int32Array(buffer, vcpu * (ENTRIES + size) * 4, ENTRIES + size);
}

/** A vCPU's end of its ring. */
export class RingWriter {
  readonly #words: Int32Array;
  readonly #size: number;

  constructor(rings: SharedRings, vcpu: number) {
    this.#words = ringWords(rings, vcpu);
    this.#size = rings.size;
  }

  /** Returns the number of entries that can be pushed now. */
  room(): number {
    const used = (this.#words[HEAD]! - Atomics.load(this.#words, TAIL)) >>> 0;
    return this.#size - used;
  }

  /**
   * Announces that the vCPU will wait for room; returns false when there is room after all. The caller then rings the
   * engine's doorbell, and the engine wakes the vCPU once it has made room.
   */
  announceStall(): boolean {
    const isNew = Atomics.exchange(this.#words, WAITING, 1) === 0;
    if (this.room() > 0) {
      Atomics.store(this.#words, WAITING, 0);
      return false;
    }
    // Sleeps have a bound; a vCPU that still waits after one is in the same stall.
    if (isNew) Atomics.add(this.#words, STALLS, 1);
    return true;
  }

  /**
   * Pushes the `count` gfns from index `at` of `gfns` on; they count from `firstGfn`, where their slot begins. The ring
   * must have room for them.
   */
  push(gfns: Int32Array, at: number, count: number, firstGfn: number, epoch: number): void {
    const head = this.#words[HEAD]!;
    const half = (epoch & 1) << HALF_SHIFT;
    for (let i = 0; i < count; i++) {
      const slot = ENTRIES + ((head + i) & (this.#size - 1));
      this.#words[slot] = (gfns[at + i]! + firstGfn) | half;
    }
    Atomics.store(this.#words, HEAD, (head + count) | 0);
  }
}

/** Where a memslot keeps the marks drained from rings: a bitmap for each half in the slot's memory. */
export interface DrainedMaps {
  readonly firstGfn: number;
  /** The guest's gfn after the slot's last page. */
  readonly endGfn: number;
  /** The words of the slot's memory. */
  readonly words: Int32Array;
  /** The index of the first word of each half's bitmap. */
  readonly halves: readonly [number, number];
}

/** Marks the entries from `tail` up to `head` in the maps of their slots and halves. */
function drainEntries(
  ring: Int32Array,
  size: number,
  tail: number,
  head: number,
  maps: readonly DrainedMaps[],
): void {
  let { firstGfn, endGfn, words, halves } = maps[0]!;
  for (let at = tail; at !== head; at = (at + 1) | 0) {
    const entry = ring[ENTRIES + (at & (size - 1))]!;
    const gfn = entry & GFN_MASK;
    if (gfn < firstGfn || gfn >= endGfn) {
      ({ firstGfn, endGfn, words, halves } = maps.find((map) => gfn < map.endGfn)!);
    }
    const page = gfn - firstGfn;
    words[halves[entry >>> HALF_SHIFT]! + (page >>> 5)]! |= 1 << (page & 31);
  }
}

/** The engine's end of one ring. */
export class RingReader {
  readonly #words: Int32Array;
  readonly #size: number;
  #entries = 0;

  constructor(rings: SharedRings, vcpu: number) {
    this.#words = ringWords(rings, vcpu);
    this.#size = rings.size;
  }

  get entries(): number {
    return this.#entries;
  }

  get stalls(): number {
    return Atomics.load(this.#words, STALLS);
  }

  /** Whether the ring is more than half full or the vCPU waits for room. */
  isPressing(): boolean {
    const head = Atomics.load(this.#words, HEAD);
    return ((head - this.#words[TAIL]!) >>> 0) * 2 > this.#size || this.isWaiting();
  }

  isWaiting(): boolean {
    return Atomics.load(this.#words, WAITING) !== 0;
  }

  /**
   * Takes all entries out of the ring and marks them in the maps of their halves. Returns true when the vCPU waits for
   * room, so that it must be woken.
   */
  drain(maps: readonly DrainedMaps[]): boolean {
    const head = Atomics.load(this.#words, HEAD);
    const tail = this.#words[TAIL]!;
    this.#entries += (head - tail) >>> 0;
    drainEntries(this.#words, this.#size, tail, head, maps);
    Atomics.store(this.#words, TAIL, head);
    return Atomics.exchange(this.#words, WAITING, 0) === 1;
  }

  /** Empties the ring and its counters; to be called only while nobody pushes. */
  clear(): void {
    Atomics.store(this.#words, TAIL, Atomics.load(this.#words, HEAD));
    this.#entries = 0;
    Atomics.store(this.#words, STALLS, 0);
  }
}
