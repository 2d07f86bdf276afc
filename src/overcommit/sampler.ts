import { PAGE_SAMPLED } from '../memory/kernels/abi.ts';
import { slotOf } from '../memory/guest-memory.ts';
import { Generator } from '../random/generator.ts';
import { ActiveMemory, type SamplingConfig } from './active-memory.ts';
import type { GuestPages } from './guest-pages.ts';

/**
 * Samples how much of its memory a guest uses (Waldspurger, OSDI 2002, section 5.3): in each period of the guest's time
 * it stops the next access to some pages picked at random, and counts those that come.
 */
export class Sampler {
  readonly active: ActiveMemory;
  readonly #config: SamplingConfig;
  readonly #pages: GuestPages;
  readonly #random: Generator;
  /** The pages of this period. */
  readonly #sampled = new Set<number>();
  #touched = 0;
  #endNs: number;

  constructor(config: SamplingConfig, pages: GuestPages, seed: number) {
    this.#config = config;
    this.#pages = pages;
    this.#random = new Generator(seed, pages.guest);
    this.active = new ActiveMemory(config);
    this.#endNs = config.periodNs;
    this.#pick();
  }

  /** The fraction of its memory that the guest uses. */
  get fraction(): number {
    return this.active.fraction;
  }

  /** Notes the first access to a sampled page. */
  touch(): void {
    this.#touched++;
    this.active.observe(this.#touched / this.#sampled.size);
  }

  /** Ends the period, and begins the next one, if the guest has reached its end by `guestNs` of its own time. */
  advance(guestNs: number): void {
    if (guestNs < this.#endNs) return;
    this.active.endPeriod(this.#touched / this.#sampled.size);
    for (const gfn of this.#sampled) this.#release(gfn);
    const { periodNs } = this.#config;
    this.#endNs += (1 + Math.floor((guestNs - this.#endNs) / periodNs)) * periodNs;
    this.#touched = 0;
    this.#pick();
  }

  /** Takes over the estimate of the host from which the guest comes; the period that is under way begins anew. */
  goOnFrom(other: Sampler): void {
    this.active.goOnFrom(other.active);
    this.#endNs = other.#endNs;
    this.#touched = 0;
  }

  #release(gfn: number): void {
    const slot = slotOf(this.#pages.memory, gfn);
    this.#pages.gate.unmark(slot, gfn - slot.layout.firstGfn, PAGE_SAMPLED);
  }

  /** Picks as many different pages as are to be sampled: all of a guest that has no more. */
  #pick(): void {
    const { memory, gate } = this.#pages;
    const sampled = this.#sampled;
    sampled.clear();
    const count = Math.min(this.#config.pages, memory.pages);
    while (sampled.size < count) sampled.add(this.#random.below(memory.pages));
    for (const gfn of sampled) gate.mark(gfn, 1, PAGE_SAMPLED);
  }
}
