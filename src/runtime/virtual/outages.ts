import type { Line } from '../../link/line.ts';
import type { Outage } from '../config.ts';
import type { Happening } from './options.ts';

/** Returns two happenings for each outage: the connection is lost, and a new one is made. */
export function outagesOf(outages: readonly Outage[], startNs: number, line: Line): Happening[] {
  return outages.flatMap(({ afterNs, forNs }) => [
    { atNs: startNs + afterNs, act: () => line.cut() },
    {
      atNs: startNs + afterNs + forNs,
      // An end that computes notices the loss only when it waits again; one that has ended never does.
      isPossible: () => line.hasBeenLetGo(),
      act: () => void line.restore(),
    },
  ]);
}

/** Returns when something can happen, and `nowNs` at the earliest; Infinity while it can't happen. */
export function whenOf({ atNs, isPossible }: Happening, nowNs: number): number {
  return isPossible?.() === false ? Infinity : Math.max(atNs, nowNs);
}
