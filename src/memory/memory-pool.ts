import { totalmem } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A WebAssembly memory holds whole pages of this size. */
export const WASM_PAGE = 65536;

/** A memory that has left the pool for a user. */
export interface TakenMemory {
  /** At least as large as asked. */
  readonly memory: WebAssembly.Memory;
  /** It is zero, because nobody has used it; else it holds whatever its last user has left there. */
  readonly isFresh: boolean;
}

/** A memory of the pool serves a request when it is larger by no more than this and a sixteenth. */
const SLACK_BYTES = 2 * WASM_PAGE;
/** So many bytes given up are worth the 20 ms of a garbage collection. */
const COLLECTED_BYTES = 256 * 1024 * 1024;

export interface PoolParts {
  /** Bytes that lie in the pool at most. */
  readonly mostBytes: number;
  /** Makes V8 look for memories that nobody refers to any more. */
  readonly collect: () => void;
}

/**
 * WebAssembly memories that runs of one thread use one after another. V8 counts such a memory as an
 * object of a few bytes, so it sees no reason to collect those of earlier runs: without a pool sixty
 * runs of a small guest hold gigabytes. A memory used again is also cheaper than a new one, for whose
 * every page the operating system has to find memory at the first touch.
 */
export class MemoryPool {
  readonly #parts: PoolParts;
  /** The one given back last stands last. */
  #free: WebAssembly.Memory[] = [];
  #givenUpBytes = 0;
  #created = 0;
  #reused = 0;

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** Memories made so far. */
  get created(): number {
    return this.#created;
  }

  /** How often one was used again. */
  get reused(): number {
    return this.#reused;
  }

  /** Of the memories that wait for a user. */
  get freeBytes(): number {
    return this.#free.reduce((sum, memory) => sum + bytesOf(memory), 0);
  }

  /** A memory of at least `bytes`, at most 4 GiB: the smallest of the pool that is not much too large, or a new one. */
  take(bytes: number): TakenMemory {
    const most = bytes + Math.floor(bytes / 16) + SLACK_BYTES;
    let best: WebAssembly.Memory | undefined;
    for (const memory of this.#free) {
      const size = bytesOf(memory);
      if (size >= bytes && size <= most && size <= (best ? bytesOf(best) : most)) best = memory;
    }
    if (!best) return { memory: this.#create(bytes), isFresh: true };
    this.#free = this.#free.filter((memory) => memory !== best);
    this.#reused++;
    return { memory: best, isFresh: false };
  }

  /** Takes a memory back that no thread touches any more. Throws when it lies in the pool already. */
  giveBack(memory: WebAssembly.Memory): void {
    if (this.#free.includes(memory)) throw new Error('a memory was given back twice');
    this.#free.push(memory);
    this.#giveUpBeyond(this.#parts.mostBytes);
  }

  /** Gives up every memory that nobody uses: the operating system gets them back. */
  empty(): void {
    this.#giveUpBeyond(0);
    this.#collect();
  }

  #create(bytes: number): WebAssembly.Memory {
    // What does not fit beside the new one would only keep memory from it.
    this.#giveUpBeyond(Math.max(0, this.#parts.mostBytes - bytes));
    if (this.#givenUpBytes >= COLLECTED_BYTES) this.#collect();
    this.#created++;
    const pages = Math.ceil(bytes / WASM_PAGE);
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  }

  /** Gives up those that have waited longest until no more than `mostBytes` are left. */
  #giveUpBeyond(mostBytes: number): void {
    let left = this.freeBytes;
    while (left > mostBytes) {
      const bytes = bytesOf(this.#free.shift()!);
      left -= bytes;
      this.#givenUpBytes += bytes;
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

/** V8 offers its collector to programs only under a flag, which a new context heeds at any time. */
function collect(): void {
  setFlagsFromString('--expose-gc');
  collectGarbage ??= runInNewContext('gc') as () => void;
  collectGarbage();
}

/** The pool of this thread. A quarter of the machine's memory at most waits for its next user. */
export const memoryPool = new MemoryPool({ mostBytes: Math.floor(totalmem() / 4), collect });
