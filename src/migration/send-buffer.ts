import type { TakenRuns } from '../memory/page-set.ts';
import { countRaw } from '../wire/encoder.ts';

/** A zero page takes about this many bytes of a frame. */
const ZERO_PAGE_BYTES = 16;

/** Returns the pages in a list of their own; a taken list is valid only until the next take. */
export const ownRuns = (taken: TakenRuns): TakenRuns => ({ ...taken, list: taken.list.slice() });

/** Returns about how many bytes a frame of these pages takes on the link. */
export function wireBytes(taken: TakenRuns, pageSize: number, seeksZeros: boolean): number {
  const raw = seeksZeros ? countRaw(taken) : taken.pages;
  return raw * pageSize + (taken.pages - raw) * ZERO_PAGE_BYTES;
}

/**
 * The buffers of the socket and the kernel while post-copy pushes pages: what has been handed over leaves in order. A
 * page that is requested has to wait behind it, unless it has a channel of its own. In pre-copy the frames themselves
 * wait ahead of the link instead (Link.lookahead).
 */
export class SendBuffer {
  readonly #mostBytes: number;
  readonly #pageSize: number;
  readonly #seeksZeros: boolean;
  readonly #queue: { readonly taken: TakenRuns; readonly bytes: number }[] = [];
  #bytes = 0;
  #pages = 0;

  /** It is full with `mostBytes`; `seeksZeros` says whether zero pages are sent without their bytes. */
  constructor(mostBytes: number, pageSize: number, seeksZeros: boolean) {
    this.#mostBytes = mostBytes;
    this.#pageSize = pageSize;
    this.#seeksZeros = seeksZeros;
  }

  /** The number of pages that wait. */
  get pages(): number {
    return this.#pages;
  }

  /** Whether it takes no more, with so many bytes that have been taken out of it and wait to leave. */
  isFullWith(leavingBytes: number): boolean {
    return this.#bytes + leavingBytes >= this.#mostBytes;
  }

  /** The pages of the frame that leaves next. */
  get first(): TakenRuns | undefined {
    return this.#queue[0]?.taken;
  }

  /** Hands pages over, which leave in one frame after all that wait. */
  add(taken: TakenRuns): void {
    const bytes = wireBytes(taken, this.#pageSize, this.#seeksZeros);
    this.#queue.push({ taken: ownRuns(taken), bytes });
    this.#bytes += bytes;
    this.#pages += taken.pages;
  }

  shift(): TakenRuns | undefined {
    const entry = this.#queue.shift();
    if (!entry) return undefined;
    this.#bytes -= entry.bytes;
    this.#pages -= entry.taken.pages;
    return entry.taken;
  }

  /** Forgets what waits, which was lost with the connection. */
  clear(): void {
    this.#queue.length = 0;
    this.#bytes = 0;
    this.#pages = 0;
  }
}
