import type { Clock } from './clock.ts';

/** What results call this clock. */
export const MONOTONIC_CLOCK_NAME = 'CLOCK_MONOTONIC';

/** An origin for clocks of several threads of this process; pass it on as it is. */
export function monotonicOrigin(): bigint {
  return process.hrtime.bigint();
}

/**
 * The system's monotonic clock, counted from `origin`: threads of one process that share an origin
 * read the same time.
 */
export function monotonicClock(origin: bigint = monotonicOrigin()): Clock {
  return { now: () => Number(process.hrtime.bigint() - origin) };
}
