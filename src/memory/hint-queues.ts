/**
 * The queues of free-page hinting (virtio's free_page_vq). Each vCPU has one, with the vCPU as its only producer and the
 * engine as its only consumer. A queue's 32-bit words:
 *
 *   0  head     how many entries the vCPU has put in, modulo 2^32
 *   1  tail     how many entries the engine has taken, modulo 2^32
 *  16  entries  two words each: the guest's first gfn and the number of pages of a free block;
 *               or -1 and the id of the command that the vCPU begins to answer (HINT_STOP: it has no more blocks)
 *
 * The vCPU stores an entry first and the head after.
 */
export interface SharedHints {
  readonly buffer: SharedArrayBuffer;
}

/** What the vCPU has put in a queue: a free block, or the command that the blocks behind it answer. */
export type HintEntry =
  { readonly gfn: number; readonly pages: number } | { readonly command: number };

/** The number of entries of a queue, QEMU's VIRTQUEUE_MAX_SIZE (include/hw/virtio/virtio.h). */
export const HINT_ENTRIES = 1024;
const HEAD = 0;
const TAIL = 1;
const ENTRIES = 16;
const COMMAND = -1;

/** Creates an empty queue for each vCPU. */
export function createHints(vcpus: number): SharedHints {
  return { buffer: new SharedArrayBuffer(vcpus * (ENTRIES + 2 * HINT_ENTRIES) * 4) };
}

function queueWords({ buffer }: SharedHints, vcpu: number): Int32Array {
  const words = ENTRIES + 2 * HINT_ENTRIES;
  return new Int32Array(buffer, vcpu * words * 4, words);
}

/** A vCPU's end of its queue. */
export class HintWriter {
  readonly #words: Int32Array;

  constructor(hints: SharedHints, vcpu: number) {
    this.#words = queueWords(hints, vcpu);
  }

  /** Puts a free block in; returns false if there is no room, as the last two entries are kept for commands. */
  putBlock(gfn: number, pages: number): boolean {
    return this.#put(gfn, pages, 2);
  }

  /** Puts in the command that is answered from here on; returns false if there is no room. */
  putCommand(command: number): boolean {
    return this.#put(COMMAND, command, 0);
  }

  #put(first: number, second: number, spare: number): boolean {
    const words = this.#words;
    const head = words[HEAD]!;
    const used = (head - Atomics.load(words, TAIL)) >>> 0;
    if (used + spare >= HINT_ENTRIES) return false;
    const at = ENTRIES + 2 * (head & (HINT_ENTRIES - 1));
    words[at] = first;
    words[at + 1] = second;
    Atomics.store(words, HEAD, (head + 1) | 0);
    return true;
  }
}

/** The engine's end of one queue. */
export class HintReader {
  readonly #words: Int32Array;

  constructor(hints: SharedHints, vcpu: number) {
    this.#words = queueWords(hints, vcpu);
  }

  /** Returns the next entry, which stays in the queue; undefined if there is none. */
  peek(): HintEntry | undefined {
    const words = this.#words;
    const tail = words[TAIL]!;
    if (tail === Atomics.load(words, HEAD)) return undefined;
    const at = ENTRIES + 2 * (tail & (HINT_ENTRIES - 1));
    const first = words[at]!;
    const second = words[at + 1]!;
    return first === COMMAND ? { command: second } : { gfn: first, pages: second };
  }

  /** Takes the entry out that `peek` has returned. */
  drop(): void {
    Atomics.store(this.#words, TAIL, (this.#words[TAIL]! + 1) | 0);
  }
}
