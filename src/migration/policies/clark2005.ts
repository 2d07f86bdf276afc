import { defaulted, map, optional, whole } from '../../units/keys.ts';
import { plainAccounting } from '../accounting.ts';
import { clarkBursts } from '../limiters.ts';
import { permutedWalk } from '../page-orders/permuted.ts';
import type { Policy, PolicyAction, PolicyStatistics } from '../policy.ts';
import { policyKind, type PolicyFacts } from '../spec/kinds.ts';
import type { CommonSpec } from '../spec/common-spec.ts';
import { needsRounds } from '../spec/needs.ts';

/** tools/libxc/xc_linux_save.c of January 2005 and xc_domain_save.c of 3.3: the same rules. */
const MAX_ROUNDS = 29;
const MAX_FACTOR = 3;
const LEAST_PAGES = 50;
/** What a round's rate is above the dirty rate of the one before. */
const STEP_MBIT = 50;
/** The limiter's megabit. */
const MBIT_BYTES = (1 << 20) / 8;

export interface ClarkOptions {
  /** The guest's pages. */
  readonly pages: number;
  /** Megabits of 2^20 a second. */
  readonly startMbit: number;
  readonly maxMbit: number;
  /** The migration's own limit, whatever the rate above comes to; of this program. */
  readonly maxBytesPerSecond?: number;
  /** Whether the rate follows the dirty rate; Xen 3.3 has that compiled out. */
  readonly isAdaptive?: boolean;
  /** Processes that have so many write faults wait, from the end of that round on (section 5.4). */
  readonly stun?: { readonly faults: number; readonly afterRound: number };
}

/** START_MBIT_RATE and MAX_MBIT_RATE. */
export const CLARK_RATES = { startMbit: 100, maxMbit: 500 } as const;

export interface ClarkState {
  readonly rateMbit: number;
  /** Pages that the round before sent. */
  readonly sentLast: number;
  /** Pages sent, and the time, when this round began. */
  readonly sentBefore: number;
  readonly startMs: number;
}

/**
 * Pre-copy as Clark et al. 2005 really had it: pages dirty again are skipped; a round's rate is the
 * last one's dirty rate plus 50 Mbit/s, never lowered, at most the maximum; the guest is stopped
 * when a round at full rate sent more than the one before, after 29 rounds, when fewer than 50 pages
 * were to be sent, or when three times the guest's pages have gone out. The rate holds after the stop.
 * Without the adaptive rate these are the rules of Xen 3.3 (ADAPTIVE_SAVE off), as Akoush et al. 2010
 * and Hines & Gopalan 2009 met them.
 */
export function clarkPolicy(options: ClarkOptions): Policy<ClarkState> {
  const { pages, startMbit, maxMbit, stun, maxBytesPerSecond = Infinity } = options;
  const { isAdaptive = true } = options;
  const limit = (mbit: number): PolicyAction => ({
    kind: 'limit',
    bytesPerSecond: isAdaptive ? Math.min(mbit * MBIT_BYTES, maxBytesPerSecond) : maxBytesPerSecond,
  });
  /** After the log was cleaned: the next round's rate. */
  const adapt = (before: ClarkState, now: PolicyStatistics): ClarkState => {
    const roundMs = now.nowMs - before.startMs;
    // Decimal megabits, as the code computes them.
    const dirtyMbit = roundMs > 0 ? (now.dirtiedPages * now.pageSize * 8) / roundMs / 1000 : 0;
    const rateMbit =
      dirtyMbit > before.rateMbit
        ? Math.min(maxMbit, Math.floor(dirtyMbit) + STEP_MBIT)
        : before.rateMbit;
    const sentLast = now.sentPages - before.sentBefore;
    return { rateMbit, sentLast, sentBefore: now.sentPages, startMs: now.nowMs };
  };
  const isEnough = (state: ClarkState, now: PolicyStatistics): boolean => {
    const sent = now.sentPages - state.sentBefore;
    return (
      (isAdaptive && sent > state.sentLast && state.rateMbit === maxMbit) ||
      now.round >= MAX_ROUNDS ||
      sent + now.skippedPages < LEAST_PAGES ||
      now.sentPages > MAX_FACTOR * pages
    );
  };
  const stunAt = ({ event, round }: PolicyStatistics): PolicyAction[] =>
    stun && event === 'synced' && round >= stun.afterRound
      ? [{ kind: 'stun', faults: stun.faults }]
      : [];
  return {
    name: isAdaptive ? 'clark2005' : 'xen3',
    skipsRedirtied: true,
    keepsLimit: true,
    initial: { rateMbit: startMbit, sentLast: Infinity, sentBefore: 0, startMs: 0 },
    decide(state, now) {
      const { event } = now;
      if (event === 'start') return { state, actions: [limit(startMbit), { kind: 'continue' }] };
      if (event === 'synced' || event === 'stopped') {
        const next = adapt(state, now);
        const actions = [limit(next.rateMbit), ...stunAt(now), { kind: 'continue' } as const];
        return { state: next, actions };
      }
      if (event === 'window') return { state, actions: [{ kind: 'renew' }, { kind: 'continue' }] };
      if (now.pendingPages > 0) return { state, actions: [{ kind: 'continue' }] };
      return { state, actions: [{ kind: isEnough(state, now) ? 'switchover' : 'sync' }] };
    },
  };
}

/** The part of a migration's spec that is of these policies. */
export interface ClarkSpec {
  /** Processes wait after so many write faults, from the end of that round on. */
  readonly stun?: { readonly faults: number; readonly afterRound: number };
  /** Megabits of 2^20 a second; absent: those of the paper's code. */
  readonly startMbit?: number;
  readonly maxMbit?: number;
}

function optionsOf(spec: CommonSpec & ClarkSpec, { pages }: PolicyFacts): ClarkOptions {
  const { startMbit, maxMbit, maxBytesPerSecond, stun } = spec;
  return {
    pages,
    startMbit: startMbit ?? CLARK_RATES.startMbit,
    maxMbit: maxMbit ?? CLARK_RATES.maxMbit,
    maxBytesPerSecond,
    ...(stun ? { stun } : {}),
  };
}

const STUN_KEYS = {
  faults: defaulted(whole(1, 1_000_000), 40, {
    about: 'write faults after which a process waits for the end of the migration',
    source: 'Clark et al. 2005, section 5.4',
  }),
  afterRound: defaulted(whole(1, 10_000), 1, {
    about: 'the round from whose end on they are counted',
    source: 'as early as it can be; the paper does not say',
  }),
};

export const clark2005 = policyKind({
  name: 'clark2005',
  about: 'Clark et al. 2005 as its code really did it, with a rate that follows the dirty rate.',
  keys: {
    stun: optional(map(STUN_KEYS), {
      about: 'rogue processes are stunned; absent: none is',
      needs: needsRounds,
    }),
  },
  resolve: ({ stun }): ClarkSpec => (stun ? { stun } : {}),
  problems({ stun }, { dirtyLog }) {
    // Marks that are set atomically don't say whether they are new.
    if (stun === undefined || dirtyLog !== 'atomic') return [];
    const sentence =
      'write faults are not counted by the log atomic: choose bitmap, bytemap or ring';
    return [{ path: ['stun'], sentence }];
  },
  policy: (spec, facts) => clarkPolicy(optionsOf(spec, facts)),
  pacing(_, { pages, pageSize }) {
    const accounting = plainAccounting(pageSize);
    return {
      pacing: { accounting, limiter: clarkBursts(accounting) },
      walk: permutedWalk(pages),
    };
  },
});

export const xen3 = policyKind({
  name: 'xen3',
  about: 'Xen 3.3: 29 rounds, fewer than 50 pages, or three guests sent; without the rate.',
  keys: {},
  resolve: () => ({}),
  policy: (spec, facts) => clarkPolicy({ ...optionsOf(spec, facts), isAdaptive: false }),
});
