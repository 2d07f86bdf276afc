import type { Flow } from './network.ts';

/**
 * Paces a sender. All times are on the sender's clock.
 */
export interface RateLimiter {
  /** Returns when the sender may send its next frame. */
  readyAtNs(): number;
  /** Counts a frame that is sent now; returns when its last byte has left. */
  take(bytes: number, nowNs: number): number;
  /** Tells that there is nothing to send; as on a real link, the idle time is lost. */
  rest(): void;
  /** Forgets the frames counted so far, since they were lost with their connection. */
  restart(): void;
  setRate(bytesPerSecond: number): void;
  /** Sets how long the frames counted so far may keep the link busy when another is sent. */
  setHorizon(ns: number): void;
}

/** A busy sender that the system has not scheduled in time makes up for at most this delay. */
export const MADE_UP_LAG_NS = 10e6;

/** Gives a bucket its rate, and hears whether the bucket's sender has something to send. */
interface RateSource {
  /** Returns the nanoseconds for each byte of the next frame or, if not `isNext`, of the last frame. */
  perByteNs(isNext: boolean): number;
  start(): void;
  rest(): void;
  setRate(bytesPerSecond: number): void;
}

/**
 * Returns a limiter that works as a token bucket does, but instead of tokens it keeps the time until
 * which the bytes sent so far keep the link busy. A frame may be sent when that is less than the horizon
 * (at first `mostAheadNs`) ahead, so that the link stays busy while the sender is being woken. A busy
 * sender that comes late makes up for at most `madeUpLagNs`, which is the bucket's depth. Time in which
 * there was nothing to send is never made up for.
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
 * Returns a token bucket at the rate of a flow, which is looked up for each frame: other flows change
 * the time of the next frame, never that of one that has been sent. The flow counts as sending from the
 * first frame after a rest until the next rest; `setRate` sets the flow's limit.
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
