import { totalmem } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The bytes of a WebAssembly page; a WebAssembly memory has a whole number of them. */
export const WASM_PAGE = 65536;

/** A memory that the pool has lent to a user. */
export interface TakenMemory {
  /** It is at least as large as the user asked for. */
  readonly memory: WebAssembly.Memory;
  /** True when nobody has used it, so that it is zero; else it holds what its last user has left in it. */
  readonly isFresh: boolean;
}

/** A memory of the pool serves a request if it exceeds it by no more than a sixteenth and this many bytes. */
const SLACK_BYTES = 2 * WASM_PAGE;
/** When so many bytes have been given up, a garbage collection is worth the 20 ms that it takes. */
const COLLECTED_BYTES = 256 * 1024 * 1024;

/** What a pool is made of. */
export interface PoolParts {
  /** The most bytes that may wait in the pool. */
  readonly mostBytes: number;
  /** Has V8 free the memories to which nothing refers any more. */
  readonly collect: () => void;
}

/**
 * A pool of WebAssembly memories that the runs of one thread use one after another. V8 counts such a memory as an
 * object of a few bytes, so it sees no reason to collect those of earlier runs: without a pool sixty runs of a small
 * guest hold gigabytes. A memory used again is also cheaper than a new one, because for every page of a new one the
 * operating system has to find memory at the first touch.
 */
export class MemoryPool {
  readonly #parts: PoolParts;
  /** The memories that wait for a user; the one given back last stands last. */
  readonly #free = new Set<WebAssembly.Memory>();
  #freeBytes = 0;
  #givenUpBytes = 0;
  #creations = 0;
  #reuses = 0;

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** The number of memories created so far. */
  get created(): number {
    return this.#creations;
  }

  /** How many requests a memory of the pool has served. */
  get reused(): number {
    return this.#reuses;
  }

  /** The bytes of the memories that wait for a user. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /**
   * Returns a memory of at least `bytes`, which is at most 4 GiB: the smallest of the pool that is large enough and
   * not much too large, or else a new one.
   */
  take(bytes: number): TakenMemory {
    const most = bytes + Math.floor(bytes / 16) + SLACK_BYTES;
    let best: WebAssembly.Memory | undefined;
    for (const memory of this.#free) {
      const size = bytesOf(memory);
      if (size >= bytes && size <= most && size <= (best ? bytesOf(best) : most)) best = memory;
    }
    if (!best) return { memory: this.#create(bytes), isFresh: true };
    this.#free.delete(best);
    this.#freeBytes -= bytesOf(best);
    this.#reuses++;
    return { memory: best, isFresh: false };
  }

  /** Takes back a memory that no thread uses any more. Throws when it is in the pool already. */
  giveBack(memory: WebAssembly.Memory): void {
    if (this.#free.has(memory)) throw new Error('a memory was given back twice');
    this.#free.add(memory);
    this.#freeBytes += bytesOf(memory);
    this.#giveUpBeyond(this.#parts.mostBytes);
  }

  /** Gives up every memory that waits for a user and has V8 return it to the operating system. */
  empty(): void {
    this.#giveUpBeyond(0);
    this.#collect();
  }

  #create(bytes: number): WebAssembly.Memory {
    // The new memory counts towards the limit as well; memories that exceed it together with that are given up.
    this.#giveUpBeyond(Math.max(0, this.#parts.mostBytes - bytes));
    if (this.#givenUpBytes >= COLLECTED_BYTES) this.#collect();
    this.#creations++;
    const pages = Math.ceil(bytes / WASM_PAGE);
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  }

  /** Gives up the memories that have waited longest until no more than `mostBytes` wait. */
  #giveUpBeyond(mostBytes: number): void {
    for (const memory of this.#free) {
      if (this.#freeBytes <= mostBytes) return;
      this.#free.delete(memory);
      this.#freeBytes -= bytesOf(memory);
      this.#givenUpBytes += bytesOf(memory);
    }
  }

  #collect(): void {
    this.#givenUpBytes = 0;
    this.#parts.collect();
  }
}

function bytesOf({ buffer }: WebAssembly.Memory): number {
  return buffer.byteLength;
}

let collectGarbage: (() => void) | undefined;

/** Runs V8's garbage collector. Programs may call it only under a flag; a new context obeys one set at any time. */
function collect(): void {
  setFlagsFromString('--expose-gc');
  collectGarbage ??= runInNewContext('gc') as () => void;
  collectGarbage();
}

/** The pool of this thread. At most a quarter of the machine's memory waits in it. */
export const memoryPool = new MemoryPool({ mostBytes: Math.floor(totalmem() / 4), collect });
