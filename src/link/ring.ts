import { fillBytes } from '../memory/copy.ts';
import { loadKernels } from '../memory/kernels/load.ts';
import { memoryPool } from '../memory/memory-pool.ts';
import type { FrameMemory } from '../wire/frame.ts';

/**
 * A single-producer single-consumer ring of frames in shared memory:
 *
 *   byte   0   i32  head: number of bytes written, modulo 2^32
 *         64   i32  tail: number of bytes read, modulo 2^32
 *        128   i32  1 while the producer waits for room
 *        160   i32  1 once the producer is gone
 *        192        scratch of the producer
 *        256        scratch of the consumer
 *       4096        data, whose size is a power of two
 *
 * A record has a header of 32 bytes (u32 frame length, u32 kind, f64 arrival time, u32 room), then the
 * frame. `room` is the number of bytes that the record takes up for the frame, padded to 64 bytes; it
 * is more than the frame's length if the frame is longer on the link than in memory. A frame is never
 * split, so that kernels and checks can run on it in place: where one would not fit before the end of
 * the data, a record of kind `skip` fills the rest. The producer writes the frame first and publishes
 * the head after.
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

/** A ring as threads share it. */
export interface SharedRing {
  readonly memory: WebAssembly.Memory;
  /** The number of bytes of data. */
  readonly capacity: number;
}

/**
 * Creates an empty ring with `capacity` bytes of data, a power of two of at least 64 KiB. Its memory
 * comes from the pool, to which `giveBackRing` returns it.
 */
export function createRing(capacity: number, prefault = true): SharedRing {
  const { memory, isFresh } = memoryPool.take(DATA + capacity);
  // All bytes are touched here, so that no first touch of a page slows a migration down.
  if (prefault) fillBytes(new Uint8Array(memory.buffer), 0);
  // Old data in reused memory does no harm, since a consumer reads only what a producer has written.
  else if (!isFresh) fillBytes(new Uint8Array(memory.buffer, 0, DATA), 0);
  return { memory, capacity };
}

/** Gives the ring's memory back to the pool; no thread and no link may use the ring from now on. */
export function giveBackRing({ memory }: SharedRing): void {
  memoryPool.giveBack(memory);
}

/** Marks the ring's producer as gone; the consumer still reads the frames that are in the ring. */
export function closeRing(ring: SharedRing): void {
  Atomics.store(new Int32Array(ring.memory.buffer, 0, DATA / 4), CLOSED, 1);
}

/** Empties a ring for a new connection; neither its producer nor its consumer may use it meanwhile. */
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

/** The sending end of a ring. */
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
   * Returns the byte address of room for a frame of at most `maxBytes`, or -1 while there is none or
   * more than `mostQueued` bytes of the ring are in use.
   */
  reserve(maxBytes: number, mostQueued = Infinity): number {
    const need = RECORD_HEADER + maxBytes + ALIGNMENT;
    const spare = Math.max(0, this.#capacity - mostQueued);
    const isFree = (): boolean => this.#hasRoom(Math.max(need + this.#skipBefore(need), spare));
    if (!isFree()) {
      // The wait is announced before the second look, since the consumer may just have made room.
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

  /** Publishes the frame built in the reserved room; it takes up `room` bytes until the consumer releases it. */
  commit(bytes: number, arrivalNs: number, room: number = bytes): void {
    const { view } = this.memory;
    view.setUint32(this.#at(), bytes, true);
    view.setUint32(this.#at() + 4, KIND_FRAME, true);
    view.setFloat64(this.#at() + 8, arrivalNs, true);
    view.setUint32(this.#at() + 16, room, true);
    this.#head = (this.#head + recordBytes(room)) | 0;
    Atomics.store(this.#words, HEAD, this.#head);
  }

  /** Returns how many bytes of the ring are in use. */
  queuedBytes(): number {
    this.#tail = Atomics.load(this.#words, TAIL);
    return (this.#head - this.#tail) >>> 0;
  }

  /** Has the consumer wake this end when it releases its next record, as it does for a producer without room. */
  awaitRelease(): void {
    Atomics.store(this.#words, WAITING, 1);
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

/** A frame in the ring, as its consumer sees it. */
export interface ReceivedRecord {
  /** The byte address of the frame. */
  readonly at: number;
  /** The frame's length in memory. */
  readonly bytes: number;
  /** The number of bytes that the frame takes up in the ring. */
  readonly room: number;
  readonly arrivalNs: number;
}

/** The receiving end of a ring. */
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

  /** Returns the oldest record that has not been released, even if its arrival time lies ahead. */
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

  /** Returns whether the producer is gone. */
  isClosed(): boolean {
    return Atomics.load(this.#words, CLOSED) !== 0;
  }

  /** Frees the oldest record, which has this `room`; returns whether the producer waits and must be woken. */
  release(room: number): boolean {
    this.#tail = (this.#tail + recordBytes(room)) | 0;
    Atomics.store(this.#words, TAIL, this.#tail);
    return Atomics.exchange(this.#words, WAITING, 0) === 1;
  }
}

function recordBytes(frameBytes: number): number {
  return Math.ceil((RECORD_HEADER + frameBytes) / ALIGNMENT) * ALIGNMENT;
}
