import type { Clock } from '../../../clock/clock.ts';
import type { GuestPlan } from '../../../guest/stream-plan.ts';
import { SharedSourceGuest } from '../../common/guests.ts';
import { areVcpusRunning, type GuestSide } from '../../common/guest-side.ts';

/** A guest in threads that `onPaused` is told of, each time that all of its vCPUs have been found parked by a pause. */
export class TappedSourceGuest extends SharedSourceGuest {
  readonly #side: GuestSide;
  readonly #onPaused: () => void;

  constructor(side: GuestSide, plan: GuestPlan, clock: Clock, onPaused: () => void) {
    super(side, plan, clock);
    this.#side = side;
    this.#onPaused = onPaused;
  }

  override isSettled(): boolean {
    const isSettled = super.isSettled();
    if (isSettled && !areVcpusRunning(this.#side)) this.#onPaused();
    return isSettled;
  }
}
