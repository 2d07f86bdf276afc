import type { GuestPlan } from '../../guest/stream-plan.ts';
import { readAccesses } from '../../guest/stream-record.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Memslot } from '../../memory/memslot.ts';
import type { TimelineSample } from '../report.ts';

const SAMPLE_MS = 20;

/** Samples how many accesses the guest has made, wherever it runs; racy reads, good for a graph. */
export class Timeline {
  readonly samples: TimelineSample[] = [];
  readonly #clock: Clock;
  readonly #slots: readonly Memslot[];
  readonly #streams: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, slots: readonly Memslot[], plan: GuestPlan) {
    this.#clock = clock;
    this.#slots = slots;
    this.#streams = plan.streams.length;
  }

  start(): void {
    this.sample();
    this.#timer = setInterval(() => this.sample(), SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.sample();
  }

  sample(): void {
    this.samples.push({ ns: this.#clock.now(), accesses: this.accesses() });
  }

  /** The destination's counters go on from the source's, so the larger one counts. */
  accesses(): number {
    let total = 0;
    for (let stream = 0; stream < this.#streams; stream++) {
      total += Math.max(...this.#slots.map((slot) => readAccesses(slot, stream)));
    }
    return total;
  }
}
