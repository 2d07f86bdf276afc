import type { Flow } from './network.ts';

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

/** Where a bucket has its rate from, and who wants to know whether it has something to send. */
interface RateSource {
  /** Nanoseconds for each byte of the next frame, or of the last one once it has been sent. */
  perByteNs(isNext: boolean): number;
  start(): void;
  rest(): void;
  setRate(bytesPerSecond: number): void;
}

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
  let perByteNs = 1e9 / bytesPerSecond;
  const source: RateSource = {
    perByteNs: () => perByteNs,
    start: () => undefined,
    rest: () => undefined,
    setRate(rate) {
      perByteNs = 1e9 / rate;
    },
  };
  return bucketOver(source, mostAheadNs, madeUpLagNs);
}

/**
 * The same at the rate of a flow, which is looked up for each frame: what others do changes the next
 * frame, never one that has been sent. The flow sends from the first frame after a rest on until the
 * next rest; `setRate` sets its limit.
 */
export function flowBucket(
  flow: Flow,
  mostAheadNs: number,
  madeUpLagNs: number = MADE_UP_LAG_NS,
): RateLimiter {
  let perByteNs = 0;
  const source: RateSource = {
    perByteNs(isNext) {
      if (isNext) perByteNs = 1e9 / flow.frameRate();
      return perByteNs;
    },
    start: () => flow.start(),
    rest: () => flow.rest(),
    setRate: (rate) => flow.limit(rate),
  };
  return bucketOver(source, mostAheadNs, madeUpLagNs);
}

function bucketOver(source: RateSource, mostAheadNs: number, madeUpLagNs: number): RateLimiter {
  let horizonNs = mostAheadNs;
  let busyUntilNs = 0;
  let isResting = true;
  const rest = (): void => {
    isResting = true;
    source.rest();
  };
  return {
    readyAtNs: () => (source.perByteNs(false) === 0 ? 0 : busyUntilNs - horizonNs),
    take(bytes, nowNs) {
      if (isResting) source.start();
      const earliest = isResting ? nowNs : nowNs - madeUpLagNs;
      const perByteNs = source.perByteNs(true);
      busyUntilNs = Math.max(busyUntilNs, earliest) + bytes * perByteNs;
      isResting = false;
      return perByteNs === 0 ? nowNs : busyUntilNs;
    },
    rest,
    restart() {
      busyUntilNs = 0;
      rest();
    },
    setRate: (bytesPerSecond) => source.setRate(bytesPerSecond),
    setHorizon(ns) {
      horizonNs = ns;
    },
  };
}
