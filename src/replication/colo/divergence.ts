import type { GuestPlan } from '../../guest/stream-plan.ts';
import { readAccesses, slotOfStream } from '../../guest/stream-record.ts';
import type { StreamVariants } from '../../guest/stream-variants.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import { hashOn, hashWords } from '../../random/generator.ts';

/** This number keeps these draws apart from all else that is drawn from a seed. */
const DRAWS = 0xc010;

export interface SeededDivergenceParts {
  readonly memory: GuestMemory;
  readonly plan: GuestPlan;
  readonly variants: StreamVariants;
  /** The probability for each access. */
  readonly share: number;
  readonly seed: number;
}

/** Has streams of a guest go their own way after accesses that a seed has drawn. */
export class SeededDivergence {
  readonly #parts: SeededDivergenceParts;
  readonly #hash: number;
  readonly #threshold: number;
  #seen: number[];

  constructor(parts: SeededDivergenceParts) {
    this.#parts = parts;
    this.#hash = hashWords(parts.seed, DRAWS);
    this.#threshold = parts.share * 4294967296;
    this.#seen = parts.plan.streams.map(() => 0);
  }

  /** Takes the accesses made so far as known: they were made elsewhere. */
  adopt(): void {
    const { plan } = this.#parts;
    this.#seen = plan.streams.map((_, stream) => this.#accesses(stream));
  }

  /** Draws for the accesses that have been made since the last call. */
  draw(): void {
    if (this.#threshold === 0) return;
    for (let stream = 0; stream < this.#seen.length; stream++) {
      const n = this.#accesses(stream);
      const hash = hashOn(this.#hash, stream);
      for (let access = this.#seen[stream]! + 1; access <= n; access++) {
        const drawn = hashOn(hash, access);
        if (drawn >= this.#threshold) continue;
        this.#parts.variants.diverge(stream, hashOn(drawn, 1) || 1);
        break;
      }
      this.#seen[stream] = n;
    }
  }

  #accesses(stream: number): number {
    const { memory, plan } = this.#parts;
    return readAccesses(slotOfStream(memory, plan, stream), stream);
  }
}
