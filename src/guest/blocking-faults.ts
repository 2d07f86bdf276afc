import type { Clock } from '../clock/clock.ts';
import { type GateLayer, WAITS } from '../memory/gate/gate-layer.ts';
import { PAGE_PRESENCE } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import type { PageWaiter } from '../memory/presence/page-waiter.ts';
import { type FaultLog, FaultRecorder } from './faults.ts';
import { BLOCKED_NS, FAULTS, REQUESTED_NS } from './vcpu-state.ts';

export interface BlockingFaultsParts {
  readonly pages: PageWaiter;
  readonly clock: Clock;
  /** The vCPUs' area, and where this vCPU's part of it begins. */
  readonly area: Float64Array;
  readonly at: number;
  readonly longestSleepMs: number;
  /** The vCPU did not run for so long. */
  readonly onBlocked: (ns: number) => void;
}

/** Demand faults of a vCPU in a thread: it blocks until the page has come. */
export class BlockingFaults implements GateLayer {
  readonly bits = PAGE_PRESENCE;
  readonly #parts: BlockingFaultsParts;
  readonly #recorder = new FaultRecorder();

  constructor(parts: BlockingFaultsParts) {
    this.#parts = parts;
  }

  log(): FaultLog | undefined {
    return this.#recorder.log();
  }

  resolve(slot: Memslot, page: number): number {
    const { pages, clock, area, at, longestSleepMs, onBlocked } = this.#parts;
    if (pages.takeBuffered(slot, page)) {
      this.#recorder.minor();
      return 0;
    }
    const startNs = clock.now();
    const end = pages.waitFor(slot, page, longestSleepMs);
    if (end === 'there') return 0;
    const endNs = clock.now();
    area[at + BLOCKED_NS]! += endNs - startNs;
    if (end === 'parked') return WAITS;
    area[at + FAULTS]! += 1;
    pages.takeBuffered(slot, page);
    this.#recorder.record(startNs, endNs, area[at + REQUESTED_NS]!);
    onBlocked(endNs - startNs);
    return 0;
  }
}
