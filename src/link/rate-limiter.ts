/**
 * Paces a sender. `readyAtNs` says when it may send next; `take` books bytes and says when their
 * last one has left.
 */
export interface RateLimiter {
  readyAtNs(): number;
  take(bytes: number, nowNs: number): number;
  /** Nothing is waiting to be sent: idle time from now on is lost, as on a real link. */
  rest(): void;
  /** What has been booked is gone with the connection it was for. */
  restart(): void;
  setRate(bytesPerSecond: number): void;
  setHorizon(ns: number): void;
}

/** A sender that comes late because it was not scheduled makes that up, to this much. */
export const MADE_UP_LAG_NS = 10e6;

/**
 * A token bucket seen from its other side: it keeps the time up to which the bytes sent so far keep
 * the link busy. A frame may be sent when less than the horizon of that is left, so that the link
 * stays busy while the sender is woken; the bucket's depth is the time a busy sender lagged behind,
 * at most 10 ms. Time in which there was nothing to send is never made up.
 */
export function tokenBucket(
  bytesPerSecond: number,
  mostAheadNs: number,
  madeUpLagNs: number = MADE_UP_LAG_NS,
): RateLimiter {
  let horizonNs = mostAheadNs;
  let perByteNs = 1e9 / bytesPerSecond;
  let busyUntilNs = 0;
  let isResting = true;
  return {
    readyAtNs: () => (perByteNs === 0 ? 0 : busyUntilNs - horizonNs),
    take(bytes, nowNs) {
      const earliest = isResting ? nowNs : nowNs - madeUpLagNs;
      busyUntilNs = Math.max(busyUntilNs, earliest) + bytes * perByteNs;
      isResting = false;
      return perByteNs === 0 ? nowNs : busyUntilNs;
    },
    rest() {
      isResting = true;
    },
    restart() {
      busyUntilNs = 0;
      isResting = true;
    },
    setRate(rate) {
      perByteNs = 1e9 / rate;
    },
    setHorizon(ns) {
      horizonNs = ns;
    },
  };
}
