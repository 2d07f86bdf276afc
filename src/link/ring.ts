import { fillBytes } from '../memory/copy.ts';
import { loadKernels } from '../memory/kernels/load.ts';
import { memoryPool } from '../memory/memory-pool.ts';
import type { FrameMemory } from '../wire/frame.ts';

/**
 * A single-producer single-consumer ring of frames in shared memory:
 *
 *   byte   0   i32  head: bytes written, modulo 2^32
 *         64   i32  tail: bytes read, modulo 2^32
 *        128   i32  1 while the producer waits for room
 *        160   i32  1 when the producer is gone
 *        192        scratch of the producer
 *        256        scratch of the consumer
 *       4096        data, a power of two
 *
 * A record is 32 bytes (u32 frame length, u32 kind, f64 arrival time, u32 room) and the frame, in
 * its room, padded to 64 bytes (more room than length: a frame that is longer on the link); a record of kind `skip` fills the end when a frame would not fit in one piece. The
 * producer copies first and publishes the head after; a frame is never split, so that kernels and
 * checks run on it where it lies.
 */
const HEAD = 0;
const TAIL = 16;
const WAITING = 32;
const CLOSED = 40;
const PRODUCER_SCRATCH = 192;
const CONSUMER_SCRATCH = 256;
const DATA = 4096;
const RECORD_HEADER = 32;
const ALIGNMENT = 64;
const KIND_FRAME = 1;
const KIND_SKIP = 2;

export interface SharedRing {
  readonly memory: WebAssembly.Memory;
  readonly capacity: number;
}

/** `capacity` is a power of two of at least 64 KiB. Its memory is of the pool, to which `giveBackRing` returns it. */
export function createRing(capacity: number, prefault = true): SharedRing {
  const { memory, isFresh } = memoryPool.take(DATA + capacity);
  // Prefaulted here, so that no first touch lands in a migration.
  if (prefault) fillBytes(new Uint8Array(memory.buffer), 0);
  // Of a memory used again the data may stay: a consumer reads only what a producer has written.
  else if (!isFresh) fillBytes(new Uint8Array(memory.buffer, 0, DATA), 0);
  return { memory, capacity };
}

/** Ends the use of a ring: no thread and no link may look at it from now on. */
export function giveBackRing({ memory }: SharedRing): void {
  memoryPool.giveBack(memory);
}

/** Marks the ring's producer as gone; its consumer finds out once it has read what is there. */
export function closeRing(ring: SharedRing): void {
  Atomics.store(new Int32Array(ring.memory.buffer, 0, DATA / 4), CLOSED, 1);
}

/** Empties a ring that nobody uses at the moment: for a new connection over it. */
export function emptyRing(ring: SharedRing): void {
  const words = new Int32Array(ring.memory.buffer, 0, DATA / 4);
  for (const word of [HEAD, TAIL, WAITING]) Atomics.store(words, word, 0);
}

function frameMemory(ring: SharedRing, scratch: number): FrameMemory {
  const { buffer } = ring.memory;
  return {
    bytes: new Uint8Array(buffer),
    view: new DataView(buffer),
    kernels: loadKernels(ring.memory),
    scratch,
  };
}

export class RingProducer {
  readonly memory: FrameMemory;
  readonly #words: Int32Array;
  readonly #capacity: number;
  #head = 0;
  #tail = 0;

  constructor(ring: SharedRing) {
    this.memory = frameMemory(ring, PRODUCER_SCRATCH);
    this.#words = new Int32Array(ring.memory.buffer, 0, DATA / 4);
    this.#capacity = ring.capacity;
    this.restart();
  }

  /** Goes on where the ring stands, which others have emptied. */
  restart(): void {
    this.#head = Atomics.load(this.#words, HEAD);
    this.#tail = Atomics.load(this.#words, TAIL);
  }

  /**
   * Byte address for a frame of at most `maxBytes`, -1 while there is no room for it, or while
   * `mostQueued` bytes or more are under way.
   */
  reserve(maxBytes: number, mostQueued = Infinity): number {
    const need = RECORD_HEADER + maxBytes + ALIGNMENT;
    const spare = Math.max(0, this.#capacity - mostQueued);
    const isFree = (): boolean => this.#hasRoom(Math.max(need + this.#skipBefore(need), spare));
    if (!isFree()) {
      // Announce the wait, then look again: the consumer may just have made room.
      Atomics.store(this.#words, WAITING, 1);
      if (!isFree()) return -1;
      Atomics.store(this.#words, WAITING, 0);
    }
    const skip = this.#skipBefore(need);
    if (skip > 0) {
      this.memory.view.setUint32(this.#at() + 4, KIND_SKIP, true);
      this.memory.view.setUint32(this.#at(), skip, true);
      this.#head = (this.#head + skip) | 0;
      Atomics.store(this.#words, HEAD, this.#head);
    }
    return this.#at() + RECORD_HEADER;
  }

  /** Publishes the frame built in the reserved room; it takes up `room` bytes until it is released. */
  commit(bytes: number, arrivalNs: number, room: number = bytes): void {
    const { view } = this.memory;
    view.setUint32(this.#at(), bytes, true);
    view.setUint32(this.#at() + 4, KIND_FRAME, true);
    view.setFloat64(this.#at() + 8, arrivalNs, true);
    view.setUint32(this.#at() + 16, room, true);
    this.#head = (this.#head + recordBytes(room)) | 0;
    Atomics.store(this.#words, HEAD, this.#head);
  }

  #at(): number {
    return DATA + (this.#head & (this.#capacity - 1));
  }

  #skipBefore(need: number): number {
    const left = this.#capacity - (this.#head & (this.#capacity - 1));
    return left < need ? left : 0;
  }

  #hasRoom(bytes: number): boolean {
    if (this.#capacity - ((this.#head - this.#tail) >>> 0) >= bytes) return true;
    this.#tail = Atomics.load(this.#words, TAIL);
    return this.#capacity - ((this.#head - this.#tail) >>> 0) >= bytes;
  }
}

export interface ReceivedRecord {
  readonly at: number;
  readonly bytes: number;
  /** What it takes up in the ring. */
  readonly room: number;
  readonly arrivalNs: number;
}

export class RingConsumer {
  readonly memory: FrameMemory;
  readonly #words: Int32Array;
  readonly #capacity: number;
  #tail = 0;

  constructor(ring: SharedRing) {
    this.memory = frameMemory(ring, CONSUMER_SCRATCH);
    this.#words = new Int32Array(ring.memory.buffer, 0, DATA / 4);
    this.#capacity = ring.capacity;
    this.restart();
  }

  /** Goes on where the ring stands, which others have emptied. */
  restart(): void {
    this.#tail = Atomics.load(this.#words, TAIL);
  }

  /** The oldest record that has not been released, whether its time has come or not. */
  peek(): ReceivedRecord | undefined {
    const { view } = this.memory;
    while (Atomics.load(this.#words, HEAD) !== this.#tail) {
      const at = DATA + (this.#tail & (this.#capacity - 1));
      const bytes = view.getUint32(at, true);
      if (view.getUint32(at + 4, true) === KIND_FRAME) {
        const arrivalNs = view.getFloat64(at + 8, true);
        return { at: at + RECORD_HEADER, bytes, room: view.getUint32(at + 16, true), arrivalNs };
      }
      this.#tail = (this.#tail + bytes) | 0;
      Atomics.store(this.#words, TAIL, this.#tail);
    }
    return undefined;
  }

  isClosed(): boolean {
    return Atomics.load(this.#words, CLOSED) !== 0;
  }

  /** Frees the oldest record, of this much room; true when the producer waits for room and must be told. */
  release(room: number): boolean {
    this.#tail = (this.#tail + recordBytes(room)) | 0;
    Atomics.store(this.#words, TAIL, this.#tail);
    return Atomics.exchange(this.#words, WAITING, 0) === 1;
  }
}

function recordBytes(frameBytes: number): number {
  return Math.ceil((RECORD_HEADER + frameBytes) / ALIGNMENT) * ALIGNMENT;
}
