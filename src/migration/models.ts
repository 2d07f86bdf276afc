import { type DirtyHistory, distinctPages } from './history.ts';

/**
 * The inputs of closed formulas for a pre-copy, with which a run is compared. The formulas know the
 * guest's size, the link's rate and one dirty rate, but not which pages are dirtied.
 */
export interface ModelInputs {
  readonly guestBytes: number;
  readonly pageSize: number;
  readonly bytesPerSecond: number;
  /** The number of pages newly dirtied in a second. */
  readonly dirtyPagesPerSecond: number;
  /** The number of pages that the guest writes to, so that no more can be dirty at once. */
  readonly workingSetPages: number;
  /** The part of the downtime in which no pages are copied, but the state is sent and the guest started. */
  readonly overheadSeconds: number;
  readonly downtimeLimitSeconds: number;
}

/** What a formula predicts for a run. */
export interface Prediction {
  readonly totalSeconds: number;
  readonly downtimeSeconds: number;
  readonly rounds: number;
}

/** The shortest and longest times that a run can take. */
export interface Bounds {
  readonly totalSeconds: { readonly low: number; readonly high: number };
  readonly downtimeSeconds: { readonly low: number; readonly high: number };
}

/**
 * The stop rules of Xen 3, as Akoush et al. 2010 give them: after 29 rounds, once more than three times
 * the guest has been sent, or when fewer than 50 pages are dirty.
 */
const MOST_ROUNDS = 29;
const MOST_GUESTS = 3;
const LEAST_PAGES = 50;

/**
 * Returns the bounds of Akoush et al. 2010. The total time lies between one copy of the guest and five
 * copies less one page, the downtime between 0 and one copy, each plus the overhead.
 */
export function bounds(inputs: ModelInputs): Bounds {
  const { guestBytes, bytesPerSecond, pageSize, overheadSeconds } = inputs;
  const copy = guestBytes / bytesPerSecond;
  return {
    totalSeconds: {
      low: overheadSeconds + copy,
      high: overheadSeconds + 5 * copy - pageSize / bytesPerSecond,
    },
    downtimeSeconds: { low: overheadSeconds, high: overheadSeconds + copy },
  };
}

/**
 * Predicts a run after Liu et al. 2011: each round sends what the round before left dirty, which is dirty
 * rate ÷ link rate of what that sent, until the rest fits into the downtime limit. Returns undefined if
 * this factor is 1 or more, since the rounds then never end.
 */
export function geometricSeries(inputs: ModelInputs): Prediction | undefined {
  const { guestBytes, bytesPerSecond, downtimeLimitSeconds, overheadSeconds } = inputs;
  const factor = (inputs.dirtyPagesPerSecond * inputs.pageSize) / bytesPerSecond;
  if (factor >= 1) return undefined;
  let rest = guestBytes;
  let sent = 0;
  let rounds = 0;
  while (rest > bytesPerSecond * downtimeLimitSeconds && rounds < 1000) {
    sent += rest;
    rest *= factor;
    rounds++;
  }
  const downtimeSeconds = rest / bytesPerSecond + overheadSeconds;
  return { totalSeconds: sent / bytesPerSecond + downtimeSeconds, downtimeSeconds, rounds };
}

/**
 * Predicts a run after Akoush et al. 2010, model AVG: pages are dirtied at a constant rate until the whole
 * working set is dirty; the rounds end by Xen's stop rules.
 */
export function averageRate(inputs: ModelInputs): Prediction {
  const most = Math.min(inputs.guestBytes / inputs.pageSize, inputs.workingSetPages);
  return xenRounds(inputs, (fromSeconds, toSeconds) =>
    Math.min((toSeconds - fromSeconds) * inputs.dirtyPagesPerSecond, most),
  );
}

/**
 * Predicts a run after Akoush et al. 2010, model HIST: as AVG, but the distinct pages dirtied between two
 * times come from a history of the same guest.
 */
export function historyRate(inputs: ModelInputs, history: DirtyHistory): Prediction {
  return xenRounds(inputs, (fromSeconds, toSeconds) =>
    distinctPages(history, fromSeconds * 1e9, toSeconds * 1e9),
  );
}

function xenRounds(
  { guestBytes, bytesPerSecond, pageSize, overheadSeconds }: ModelInputs,
  dirtiedBetween: (fromSeconds: number, toSeconds: number) => number,
): Prediction {
  const perSecond = bytesPerSecond / pageSize;
  const guestPages = guestBytes / pageSize;
  let pages = guestPages;
  let sent = 0;
  let rounds = 0;
  let nowSeconds = 0;
  while (pages >= LEAST_PAGES && rounds < MOST_ROUNDS && sent <= MOST_GUESTS * guestPages) {
    sent += pages;
    rounds++;
    const endSeconds = nowSeconds + pages / perSecond;
    pages = dirtiedBetween(nowSeconds, endSeconds);
    nowSeconds = endSeconds;
  }
  const downtimeSeconds = pages / perSecond + overheadSeconds;
  return { totalSeconds: sent / perSecond + downtimeSeconds, downtimeSeconds, rounds };
}
