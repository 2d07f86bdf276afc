/** Requests a second over time, or users who wait for their responses. */
export type Load =
  | { readonly kind: 'constant'; readonly perSecond: number }
  /** The rate holds from each point's time to the next one's; with `isRamp` it goes straight from one to the next. */
  | { readonly kind: 'trace'; readonly points: readonly LoadPoint[]; readonly isRamp: boolean }
  /** The rate swings from `low` to `high` and back in each period, and is `low` at the start. */
  | {
      readonly kind: 'diurnal';
      readonly low: number;
      readonly high: number;
      readonly periodNs: number;
      readonly phaseNs: number;
    }
  /** The rate is `peak` for `lengthNs` at the end of each period, and `base` otherwise. */
  | {
      readonly kind: 'bursts';
      readonly base: number;
      readonly peak: number;
      readonly periodNs: number;
      readonly lengthNs: number;
      readonly phaseNs: number;
    }
  /** So many users send a request each, wait for its response, think for a while, and send the next. */
  | { readonly kind: 'closed'; readonly users: number; readonly thinkNs: number };

export interface LoadPoint {
  readonly atNs: number;
  readonly value: number;
}

/** Returns the requests a second of an open load at a point in time; a closed load has none of its own. */
export function rateAt(load: Exclude<Load, { kind: 'closed' }>, nowNs: number): number {
  switch (load.kind) {
    case 'constant':
      return load.perSecond;
    case 'trace':
      return valueAt(load.points, nowNs, load.isRamp);
    case 'diurnal': {
      const phase = phaseOf(nowNs + load.phaseNs, load.periodNs);
      // The smoothstep of a triangle is within 1.1 % of a sine, and needs no function that engines round differently.
      const up = phase < 0.5 ? 2 * phase : 2 - 2 * phase;
      return load.low + (load.high - load.low) * up * up * (3 - 2 * up);
    }
    default: {
      const phase = phaseOf(nowNs + load.phaseNs, load.periodNs);
      return phase >= 1 - load.lengthNs / load.periodNs ? load.peak : load.base;
    }
  }
}

/** Returns the value of a series of points at a time; before the first point it has that point's value. */
export function valueAt(points: readonly LoadPoint[], nowNs: number, isRamp: boolean): number {
  let low = 0;
  let high = points.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (points[middle]!.atNs <= nowNs) low = middle;
    else high = middle;
  }
  const point = points[low]!;
  const next = points[low + 1];
  if (!isRamp || !next || nowNs <= point.atNs) return point.value;
  const share = (nowNs - point.atNs) / (next.atNs - point.atNs);
  return point.value + (next.value - point.value) * share;
}

const phaseOf = (nowNs: number, periodNs: number): number => (nowNs % periodNs) / periodNs;
