import type { Doorbell } from '../doorbell.ts';
import type { EngineHandshake } from './engine.ts';

/**
 * Blocks until no writer of a guest is in a batch of accesses whose gates it read before the call: what was set in a gate
 * before counts from then on, and what was written before can be read.
 */
export type Fence = () => void;

/** No sleep is longer than this, so that a fence notices when the run is aborted. */
const LONGEST_SLEEP_MS = 100;
/** A vCPU that runs polls every few microseconds, so a fence looks this often, some 10 µs, before it sleeps. */
const SPINS = 4000;

/**
 * Returns the fence of a guest without a dirty log. It opens an epoch, and waits until every writer has acknowledged that
 * or is parked; a writer that was parked takes the epoch over before it looks at a gate. `doorbell` is the one that the
 * writers ring. `checkRun` throws when the run was aborted, since a thread that has died acknowledges nothing.
 */
export function epochFence(
  engine: EngineHandshake,
  doorbell: Doorbell,
  checkRun: () => void,
): Fence {
  return () => {
    engine.bumpEpoch(0);
    for (;;) {
      const sequence = doorbell.sequence();
      if (engine.haveAllAcknowledged()) return;
      checkRun();
      doorbell.wait(sequence, LONGEST_SLEEP_MS, SPINS);
    }
  };
}
