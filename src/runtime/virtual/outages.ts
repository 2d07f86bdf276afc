import type { Line } from '../../link/line.ts';
import type { Outage } from '../config.ts';
import type { Happening } from './options.ts';

/** Each outage is two events: the connection is lost, and a new one stands. */
export function outagesOf(outages: readonly Outage[], startNs: number, line: Line): Happening[] {
  return outages.flatMap(({ afterNs, forNs }) => [
    { atNs: startNs + afterNs, act: () => line.cut() },
    {
      atNs: startNs + afterNs + forNs,
      // An end that computes notices a little later; one that is over never does.
      isPossible: () => line.hasBeenLetGo(),
      act: () => void line.restore(),
    },
  ]);
}

/** When something can happen, no sooner than `nowNs`; Infinity while it can't. */
export function whenOf({ atNs, isPossible }: Happening, nowNs: number): number {
  return isPossible?.() === false ? Infinity : Math.max(atNs, nowNs);
}
