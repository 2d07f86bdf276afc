import type { GuestPlan } from '../../guest/stream-plan.ts';
import { readAccesses, slotOfStream } from '../../guest/stream-record.ts';
import type { Clock } from '../../clock/clock.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import type { TimelineSample } from '../report.ts';

const SAMPLE_MS = 20;

/** Samples how many accesses the guest has made, wherever it runs; racy reads, good for a graph. */
export class Timeline {
  readonly samples: TimelineSample[] = [];
  readonly #clock: Clock;
  readonly #memories: () => readonly GuestMemory[];
  readonly #plan: GuestPlan;
  #timer: NodeJS.Timeout | undefined;

  /** `memories`: those of the guest wherever it has been, which may become more. */
  constructor(clock: Clock, memories: () => readonly GuestMemory[], plan: GuestPlan) {
    this.#clock = clock;
    this.#memories = memories;
    this.#plan = plan;
  }

  start(): void {
    this.sample();
    this.#timer = setInterval(() => this.sample(), SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.sample();
  }

  sample(nowNs: number = this.#clock.now()): void {
    this.samples.push({ ns: nowNs, accesses: this.accesses() });
  }

  /** The counters of the place it was moved to go on from the source's, so the larger one counts. */
  accesses(): number {
    let total = 0;
    const memories = this.#memories();
    for (let stream = 0; stream < this.#plan.streams.length; stream++) {
      const made = memories.map((memory) =>
        readAccesses(slotOfStream(memory, this.#plan, stream), stream),
      );
      total += Math.max(...made);
    }
    return total;
  }
}
