import type { GuestTap } from '../../../replication/guest-tap.ts';
import { VirtualCrew } from '../crew.ts';

/** The times of what a guest emits are known to this precision. */
const SLICE_NS = 1e6;

/** The vCPUs of a place whose packets and writes to the disk are watched, and which a watchdog may stop. */
export class TappedCrew extends VirtualCrew {
  #tap: GuestTap | undefined;
  #livedNs = 0;
  #untilNs = Infinity;

  /** Begins at a point in time; `tap` is watched from now on, and takes what the guest has emitted before as known. */
  beginAt(nowNs: number, tap: GuestTap): void {
    this.#livedNs = nowNs;
    if (!tap.isNeeded) return;
    tap.adopt();
    this.#tap = tap;
  }

  /** Until when the guest may run, as far as is known now. */
  get untilNs(): number {
    return this.#untilNs;
  }

  /** Lets the guest run until `untilNs` at the latest; time that has passed while it might not run is lost. */
  runUntil(untilNs: number, nowNs: number): void {
    if (nowNs > this.#untilNs) {
      this.advance(this.#untilNs);
      this.steal(nowNs - this.#untilNs);
    }
    this.#untilNs = untilNs;
  }

  override advance(toNs: number): void {
    const endNs = Math.min(toNs, this.#untilNs);
    this.attendFaults(endNs);
    while (this.#livedNs < endNs) {
      const fromNs = this.#livedNs;
      this.#livedNs = this.#tap ? Math.min(endNs, fromNs + SLICE_NS) : endNs;
      super.advance(this.#livedNs);
      this.#tap?.poll(fromNs, this.#livedNs);
    }
  }
}
