import { holm } from '../statistics.ts';
import type { PointVerdict } from './result.ts';
import type { Shift } from './shift.ts';

export type Direction = 'less' | 'more';

/** A shift of a metric that has a direction. */
export interface Judged {
  readonly shift: Pick<Shift, 'size' | 'interval' | 'pMore' | 'pLess'>;
  /** Which direction of the metric is better. */
  readonly better: Direction;
  /** The smallest shift that counts, on the shift's scale. */
  readonly floor: number;
}

export interface JudgedVerdict {
  /** How much worse the values after are, on the shift's scale; below 0 when they are better. */
  readonly cost: number;
  /** What `cost` must exceed in size: the floor, or how far the interval reaches towards 0 if that is more. */
  readonly noise: number;
  /** The probability that chance alone makes the metric at least this much worse, or better, corrected by Holm's method. */
  readonly p: number;
  readonly verdict: PointVerdict;
}

export interface VerdictOptions {
  /** The accepted probability of a false alarm, over all shifts together. */
  readonly alpha: number;
  /** 2 when a change in either direction is an alarm, 1 when each direction has its own `alpha`. */
  readonly sides: 1 | 2;
}

/**
 * Judges shifts together. One is worse (or better) when chance makes such a one too rarely, its interval leaves out 0,
 * and it is larger than its floor; the same when its whole interval lies within the floor; and else it is unclear.
 */
export function judgeShifts(
  all: readonly Judged[],
  { alpha, sides }: VerdictOptions,
): JudgedVerdict[] {
  const tail = (isWorse: boolean) => (one: Judged) =>
    Math.min(1, sides * ((one.better === 'less') === isWorse ? one.shift.pMore : one.shift.pLess));
  const worse = holm(all.map(tail(true)));
  const better = holm(all.map(tail(false)));
  return all.map(({ shift, better: direction, floor }, i) => {
    const isLess = direction === 'less';
    const cost = isLess ? shift.size : -shift.size;
    const [low, high] = isLess ? shift.interval : [-shift.interval[1], -shift.interval[0]];
    const p = cost > 0 ? worse[i]! : cost < 0 ? better[i]! : Math.min(worse[i]!, better[i]!);
    const noise = Math.max(floor, cost >= 0 ? cost - low : high - cost);
    const isFound = p < alpha && Math.abs(cost) > noise;
    const isSame = low >= -floor && high <= floor;
    const found = cost >= 0 ? 'worse' : 'better';
    return { cost, noise, p, verdict: isFound ? found : isSame ? 'same' : 'unclear' };
  });
}

/**
 * Judges the differences of runs that have no noise: they are worse (or better) when all of them have that direction
 * and their middle exceeds the floor, and the same when none of them does.
 */
export function judgeExact(
  differences: readonly number[],
  size: number,
  better: Direction,
  floor: number,
): PointVerdict {
  if (differences.every((value) => Math.abs(value) <= floor)) return 'same';
  const sign = better === 'less' ? 1 : -1;
  if (Math.abs(size) <= floor) return 'unclear';
  if (differences.every((value) => sign * value > 0)) return 'worse';
  return differences.every((value) => sign * value < 0) ? 'better' : 'unclear';
}
