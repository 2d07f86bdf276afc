import { CLARK_RATES, clarkPolicy, type ClarkState } from '../../migration/policies/clark2005.ts';
import type { PolicyStatistics } from '../../migration/policy.ts';
import type { RunResult } from '../../result/schema.ts';
import { type OutcomeSeries, pointOf } from './outcome.ts';

/**
 * Figure 9 of Clark et al. 2005: for each live round its duration in seconds and the dirty rate in it
 * in Mbit/s, both read off the figure.
 */
const ROUNDS = [
  [54.1, 26],
  [10.1, 62],
  [3.1, 139],
  [1.2, 257],
  [0.63, 329],
  [0.39, 453],
  [0.32, 588],
  [0.34, 439],
] as const;
/** How many MB each round of the figure sent; the rule that ends pre-copy needs it. */
export const SENT_MB = [676.8, 126.7, 39, 28.4, 24.2, 16.7, 14.2, 15.3] as const;
/** The rate limit in Mbit/s that the published rule gives for each round. */
export const LIMITS = [100, 100, 100, 189, 307, 379, 500, 500] as const;
const PAGE = 4096;
/** The live round after which the figure's guest is stopped. */
export const STOPS_AFTER = 8;

/**
 * Feeds the policy with the rounds of the figure. Returns the rate limit that it sets for each round,
 * and the round after which it stops the guest.
 */
export function clarkLadder(): OutcomeSeries[] {
  const policy = clarkPolicy({ pages: (800 * 2 ** 20) / PAGE, startMbit: 100, maxMbit: 500 });
  let state: ClarkState = policy.initial;
  let nowMs = 0;
  let sentPages = 0;
  let stopped = 0;
  const rates: number[] = [];
  for (const [index, [seconds, dirtyMbit]] of ROUNDS.entries()) {
    rates.push(state.rateMbit);
    nowMs += seconds * 1000;
    sentPages += Math.round((SENT_MB[index]! * 1e6) / PAGE);
    // The policy rounds the rate down to whole Mbit/s, so the pages that stand for it are rounded up.
    const dirtiedPages = Math.ceil((dirtyMbit * 1e6 * seconds) / 8 / PAGE);
    const now = { ...NOTHING, nowMs, round: index + 1, sentPages, dirtiedPages };
    const end = policy.decide(state, { ...now, event: 'batch' });
    if (stopped === 0 && end.actions.at(-1)?.kind === 'switchover') stopped = index + 1;
    ({ state } = policy.decide(end.state, { ...now, event: 'synced' }));
  }
  const fed = { isAside: true, isUnverified: false, goal: 1e-9 };
  return [
    {
      ...fed,
      name: "rate limit, Mbit/s, fed with the figure's dirty rates",
      points: rates.map((rate, i) => pointOf(i + 1, LIMITS[i]!, rate, fed)),
    },
    {
      ...fed,
      name: 'stops after round, fed likewise',
      points: [pointOf(STOPS_AFTER, STOPS_AFTER, stopped, fed)],
    },
  ];
}

/** Returns the rate limit of each live round of a run in Mbit/s, computed from its rounds by the rule. */
export function limitsOf(rounds: RunResult['rounds']): number[] {
  let rate: number = CLARK_RATES.startMbit;
  return rounds.flatMap(({ stopped, dirtiedPages, durationMs }) => {
    if (stopped) return [];
    const now = rate;
    const dirtyMbit = (dirtiedPages * PAGE * 8) / durationMs / 1000;
    if (dirtyMbit > rate) rate = Math.min(CLARK_RATES.maxMbit, Math.floor(dirtyMbit) + 50);
    return [now];
  });
}

const NOTHING: Omit<PolicyStatistics, 'event'> = {
  nowMs: 0,
  round: 1,
  pendingPages: 0,
  pageSize: PAGE,
  transferredBytes: 0,
  accountedBytes: 0,
  sentPages: 0,
  skippedPages: 0,
  dirtiedPages: 0,
  syncs: 1,
  isPostcopy: false,
  isHeldBack: false,
};
