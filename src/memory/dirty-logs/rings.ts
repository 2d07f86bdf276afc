/**
 * The rings of a log `ring`: one a vCPU (writer 1 on), single producer, single consumer, in a shared
 * buffer of their own, since a vCPU's ring takes pages of every memslot. 32-bit words:
 *
 *   0  head     entries pushed, modulo 2^32
 *   1  tail     entries taken by the engine, modulo 2^32
 *   2  waiting  1 while the vCPU waits for room
 *   3  stalls   how often it did
 *  16  entries  guest gfn, bit 31: the half (epoch modulo 2) whose mark it carries
 *
 * The vCPU stores its entries first and publishes the head after; room for a whole batch is looked
 * for before the batch's first access, so no vCPU waits between a data store and its mark.
 */
export interface SharedRings {
  readonly buffer: SharedArrayBuffer;
  /** Entries of each ring, a power of two. */
  readonly size: number;
}

const HEAD = 0;
const TAIL = 1;
const WAITING = 2;
const STALLS = 3;
const ENTRIES = 16;
const HALF_SHIFT = 31;
const GFN_MASK = 0x7fffffff;

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

  /** Entries that can be pushed now. */
  room(): number {
    const used = (this.#words[HEAD]! - Atomics.load(this.#words, TAIL)) >>> 0;
    return this.#size - used;
  }

  /**
   * Says that the vCPU will wait for room; false when there is some after all. The engine must be
   * told (its doorbell), and wakes the vCPU once it has made room.
   */
  announceStall(): boolean {
    const isNew = Atomics.exchange(this.#words, WAITING, 1) === 0;
    if (this.room() > 0) {
      Atomics.store(this.#words, WAITING, 0);
      return false;
    }
    // A stall that goes on after a bounded sleep is the same one.
    if (isNew) Atomics.add(this.#words, STALLS, 1);
    return true;
  }

  /** Pushes `count` slot-relative gfns of a slot that begins at `firstGfn`; there must be room. */
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

/** Where a memslot keeps what has been drained: the words of its memory, and in them a bitmap a half. */
export interface DrainedMaps {
  readonly firstGfn: number;
  /** The guest's gfn behind its last page. */
  readonly endGfn: number;
  readonly words: Int32Array;
  /** Index of the first word of either half's bitmap. */
  readonly halves: readonly [number, number];
}

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

  /** Whether the vCPU waits for room, or soon would. */
  isPressing(): boolean {
    const head = Atomics.load(this.#words, HEAD);
    return ((head - this.#words[TAIL]!) >>> 0) * 2 > this.#size || this.isWaiting();
  }

  isWaiting(): boolean {
    return Atomics.load(this.#words, WAITING) !== 0;
  }

  /**
   * Marks all entries there are in the maps of their halves; true when the vCPU waits for room and must
   * be woken.
   */
  drain(maps: readonly DrainedMaps[]): boolean {
    const head = Atomics.load(this.#words, HEAD);
    const tail = this.#words[TAIL]!;
    this.#entries += (head - tail) >>> 0;
    drainEntries(this.#words, this.#size, tail, head, maps);
    Atomics.store(this.#words, TAIL, head);
    return Atomics.exchange(this.#words, WAITING, 0) === 1;
  }

  /** Drops what is in the ring; only while nobody pushes. */
  clear(): void {
    Atomics.store(this.#words, TAIL, Atomics.load(this.#words, HEAD));
    this.#entries = 0;
    Atomics.store(this.#words, STALLS, 0);
  }
}
