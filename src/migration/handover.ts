import type { ControlBody } from '../wire/control.ts';

/** How the guest came to run at the destination, on the source's clock. */
export interface RunningTimes {
  /** All pages that were sent before SWITCHOVER were in. */
  readonly pagesNs: number;
  /** The vCPUs' state was loaded. */
  readonly stateNs: number;
  /** The last vCPU ran. */
  readonly runningNs: number;
}

/**
 * What both sides count from: the destination's clock has nothing to do with the source's, so it
 * tells how long after the arrival of HELLO a thing was done, and the source, which knows when that
 * was, places it on its own clock. The anchor is a whole nanosecond, because a difference to a whole
 * number, and the sum with it, loses no bit of a time: a - h + h is a.
 */
export const helloAnchor = (arrivalNs: number): number => Math.round(arrivalNs);

/** Places what RUNNING says on the clock on which HELLO arrived at `helloNs`. */
export function placeRunning(
  helloNs: number,
  { pagesNs, stateNs, runningNs }: ControlBody<'running'>,
): RunningTimes {
  return {
    pagesNs: helloNs + pagesNs,
    stateNs: helloNs + stateNs,
    runningNs: helloNs + runningNs,
  };
}
