import type { ControlBody } from '../wire/control.ts';

/** The times at which the guest got going at the destination, on the source's clock. */
export interface RunningTimes {
  /** When all pages sent before SWITCHOVER had been installed. */
  readonly pagesNs: number;
  /** When the vCPUs' state had been loaded. */
  readonly stateNs: number;
  /** When the last vCPU began to run. */
  readonly runningNs: number;
}

/**
 * Rounds the arrival of HELLO, from which both sides count, to a whole nanosecond. The destination's
 * clock has nothing to do with the source's, so the destination says how long after HELLO's arrival a
 * thing was done, and the source, which knows that arrival too, converts it to its own clock. Subtracting
 * a whole number and adding it again loses no bit of a time: a - h + h is a.
 */
export const helloAnchor = (arrivalNs: number): number => Math.round(arrivalNs);

/** Converts the times in RUNNING to the clock on which HELLO arrived at `helloNs`. */
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
