import type { Clock } from './clock.ts';

/** The name of this clock in results. */
export const MONOTONIC_CLOCK_NAME = 'CLOCK_MONOTONIC';

/** Returns the present as an origin that the clocks of several threads of this process can share. */
export function monotonicOrigin(): bigint {
  return process.hrtime.bigint();
}

/**
 * Returns the system's monotonic clock, counted from `origin`. Threads of one process that share an origin read
 * the same time.
 */
export function monotonicClock(origin: bigint = monotonicOrigin()): Clock {
  return { now: () => Number(process.hrtime.bigint() - origin) };
}
