import { type DirtyHistory, distinctPages } from './history.ts';

/**
 * What closed formulas say of a pre-copy, for comparison with a run: they know the guest's size, the
 * rate and one dirty rate, nothing of pages. Times in seconds, sizes in bytes.
 */
export interface ModelInputs {
  readonly guestBytes: number;
  readonly pageSize: number;
  readonly bytesPerSecond: number;
  /** Pages newly dirtied a second. */
  readonly dirtyPagesPerSecond: number;
  /** What can be dirty at all: the pages that the guest writes to. */
  readonly workingSetPages: number;
  /** Downtime that is not copying: the state, the start. */
  readonly overheadSeconds: number;
  readonly downtimeLimitSeconds: number;
}

export interface Prediction {
  readonly totalSeconds: number;
  readonly downtimeSeconds: number;
  readonly rounds: number;
}

export interface Bounds {
  readonly totalSeconds: { readonly low: number; readonly high: number };
  readonly downtimeSeconds: { readonly low: number; readonly high: number };
}

/** Xen 3's rules, as Akoush et al. 2010 have them: 29 rounds, three times the guest, 50 pages. */
const MOST_ROUNDS = 29;
const MOST_GUESTS = 3;
const LEAST_PAGES = 50;

/**
 * Akoush et al. 2010: no run is shorter than one copy, or longer than five copies less a page; no
 * downtime is shorter than its overhead, or longer than that and one copy.
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
 * Liu et al. 2011: each round sends what the one before left dirty, a factor of dirty rate ÷ rate less;
 * until the rest fits into the downtime limit. Undefined when the factor is 1 or more: no end.
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

/** Akoush et al. 2010, AVG: a constant dirty rate up to the working set, under Xen's stop rules. */
export function averageRate(inputs: ModelInputs): Prediction {
  const most = Math.min(inputs.guestBytes / inputs.pageSize, inputs.workingSetPages);
  return xenRounds(inputs, (fromSeconds, toSeconds) =>
    Math.min((toSeconds - fromSeconds) * inputs.dirtyPagesPerSecond, most),
  );
}

/**
 * Akoush et al. 2010, HIST: as AVG, but the pages dirtied between two times are those of a history
 * of the same guest, each counted once.
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
