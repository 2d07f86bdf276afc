const DYING = 0;
const BUSY = 1;

/**
 * Keeps a thread from being terminated within a call of zlib. Node aborts the whole process when that happens between the
 * creation of a zlib handle and its initialisation ("close before init", src/node_zlib.cc of Node 20), which both lie within
 * deflateRawSync and inflateRawSync. The thread stores that it is busy and then loads whether it is to die; the killer stores
 * that first and then loads whether the thread is busy. So at least one of the two sees the other.
 */
export class ZlibGuard {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Begins calls of zlib; a thread that is about to be terminated stops here for good. */
  enter(): void {
    Atomics.store(this.#words, BUSY, 1);
    if (Atomics.load(this.#words, DYING) === 0) return;
    Atomics.store(this.#words, BUSY, 0);
    for (;;) Atomics.wait(this.#words, DYING, 1);
  }

  /** Ends calls of zlib. */
  leave(): void {
    Atomics.store(this.#words, BUSY, 0);
  }

  /** Returns when the thread is in no call of zlib, and will be in none: it may be terminated. */
  close(): void {
    Atomics.store(this.#words, DYING, 1);
    // A call takes less than a millisecond, unless the thread has to wait for a CPU.
    while (Atomics.load(this.#words, BUSY) !== 0) Atomics.wait(this.#words, BUSY, 1, 1);
  }
}
