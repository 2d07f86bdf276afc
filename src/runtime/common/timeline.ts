import type { GuestPlan } from '../../guest/stream-plan.ts';
import { readAccesses, slotOfStream } from '../../guest/stream-record.ts';
import type { Clock } from '../../clock/clock.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import type { TimelineSample } from '../report.ts';

const SAMPLE_MS = 20;

/** Samples how many accesses the guest has made, wherever it runs. The reads race with the vCPUs; a graph allows it. */
export class Timeline {
  readonly samples: TimelineSample[] = [];
  readonly #clock: Clock;
  readonly #memories: () => readonly GuestMemory[];
  readonly #plan: GuestPlan;
  #timer: NodeJS.Timeout | undefined;

  /** `memories` returns the guest's memory at every place where it has been, which may become more. */
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

  /**
   * Returns how many accesses the guest has made. A stream's counter at the destination goes on from the source's
   * counter, so the larger of them counts.
   */
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
