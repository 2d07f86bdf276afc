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
  /** The area of the vCPUs' state (vcpu-state.ts), and the index at which this vCPU's part begins. */
  readonly area: Float64Array;
  readonly at: number;
  readonly longestSleepMs: number;
  /** It is called after each fault with the time for which the vCPU did not run. */
  readonly onBlocked: (ns: number) => void;
}

/** The gate layer of demand faults for a vCPU in a thread, which blocks until its page has arrived. */
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
