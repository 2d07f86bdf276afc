import { hashWords } from '../random/generator.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Memslot } from '../memory/memslot.ts';
import * as abi from '../memory/kernels/abi.ts';
import { streamAt } from '../memory/layout.ts';
import type { GuestPlan, StreamPlan } from './stream-plan.ts';
import { readAccesses, slotOfStream } from './stream-record.ts';

/** A stream that has made its accesses by another variant since its access number `n`. */
export interface Divergence {
  readonly stream: number;
  readonly n: number;
  /** 0 is the stream as it was planned; any other 32-bit number gives other pages, other tokens, other outputs. */
  readonly variant: number;
}

/** Has a stream make its accesses by a variant from now on; to be called only between two of its batches. */
export function setVariant(
  slot: Memslot,
  { keyA, keyB }: Pick<StreamPlan, 'keyA' | 'keyB'>,
  stream: number,
  variant: number,
): void {
  const at = streamAt(slot.layout, stream);
  const key = (planned: number, word: number): number =>
    variant === 0 ? planned : hashWords(planned, variant, word);
  slot.words[(at + abi.STREAM_KEY_A) >>> 2] = key(keyA, 1);
  slot.words[(at + abi.STREAM_KEY_B) >>> 2] = key(keyB, 2);
}

/**
 * The variants by which the streams of a guest make their accesses at one place. A guest that runs at two places at once
 * may do other things at each, as real guests do whose threads meet in another order. What it does stays a function of
 * its counters and its divergences, so that it can be replayed.
 */
export class StreamVariants {
  readonly #memory: GuestMemory;
  readonly #plan: GuestPlan;
  /** For each stream, its divergences in the order of accesses. */
  #log: readonly Divergence[][];

  constructor(memory: GuestMemory, plan: GuestPlan) {
    this.#memory = memory;
    this.#plan = plan;
    this.#log = plan.streams.map(() => []);
  }

  /** The variant of each stream now. */
  get current(): readonly number[] {
    return this.#log.map((own) => own.at(-1)?.variant ?? 0);
  }

  /** All divergences of the guest that is at this place, wherever they were. */
  get divergences(): readonly Divergence[] {
    return this.#log.flat();
  }

  /** Returns the variant by which a stream made an access, counted from 1. */
  at(stream: number, access: number): number {
    const own = this.#log[stream]!;
    for (let i = own.length - 1; i >= 0; i--) {
      if (own[i]!.n < access) return own[i]!.variant;
    }
    return 0;
  }

  /** Has a stream go its own way from now on. */
  diverge(stream: number, variant: number): void {
    const n = readAccesses(slotOfStream(this.#memory, this.#plan, stream), stream);
    this.#log[stream]!.push({ stream, n, variant });
    this.#set(stream, variant);
  }

  /**
   * Takes over the variants of the guest at another place, as its state says, and the divergences that led there, as
   * far as they lie before the counters that have been loaded here.
   */
  load(variants: readonly number[], divergences: readonly Divergence[]): void {
    this.#log = this.#plan.streams.map((_, stream) => {
      const n = readAccesses(slotOfStream(this.#memory, this.#plan, stream), stream);
      return divergences.filter((one) => one.stream === stream && one.n <= n);
    });
    variants.forEach((variant, stream) => this.#set(stream, variant));
  }

  #set(stream: number, variant: number): void {
    const slot = slotOfStream(this.#memory, this.#plan, stream);
    setVariant(slot, this.#plan.streams[stream]!, stream, variant);
  }
}
