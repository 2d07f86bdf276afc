import { defaulted, map, optional, whole } from '../../units/keys.ts';
import { plainAccounting } from '../accounting.ts';
import { clarkBursts } from '../limiters.ts';
import { permutedWalk } from '../page-orders/permuted.ts';
import type { Policy, PolicyAction, PolicyStatistics } from '../policy.ts';
import { policyKind, type PolicyFacts } from '../spec/kinds.ts';
import type { CommonSpec } from '../spec/common-spec.ts';
import { needsRounds } from '../spec/needs.ts';

/** The limits of tools/libxc/xc_linux_save.c of January 2005 and of Xen 3.3's xc_domain_save.c. */
const MAX_ROUNDS = 29;
const MAX_FACTOR = 3;
const LEAST_PAGES = 50;
/** By how much a round's rate is above the dirty rate of the round before. */
const STEP_MBIT = 50;
/** The bytes in a megabit of the limiter. */
const MBIT_BYTES = (1 << 20) / 8;

/** The settings of the policy. */
export interface ClarkOptions {
  /** The number of the guest's pages. */
  readonly pages: number;
  /** The rate of the first round, in megabits of 2^20 bits a second. */
  readonly startMbit: number;
  /** The highest rate, in the same unit. */
  readonly maxMbit: number;
  /** The migration's own limit, which the rate never exceeds; the paper's code has none. */
  readonly maxBytesPerSecond?: number;
  /** Whether the rate follows the dirty rate; by default it does. Xen 3.3 has that compiled out. */
  readonly isAdaptive?: boolean;
  /** From the end of round `afterRound` on, a process that has `faults` write faults waits (section 5.4). */
  readonly stun?: { readonly faults: number; readonly afterRound: number };
}

/** The paper's rates (xc_linux_save.c, START_MBIT_RATE and MAX_MBIT_RATE). */
export const CLARK_RATES = { startMbit: 100, maxMbit: 500 } as const;

/** The state of the policy between two decisions. */
export interface ClarkState {
  /** The rate of the present round. */
  readonly rateMbit: number;
  /** The number of pages that the round before sent. */
  readonly sentLast: number;
  /** The number of pages that had been sent when the present round began. */
  readonly sentBefore: number;
  /** When the present round began. */
  readonly startMs: number;
}

/**
 * Pre-copy as the code of Clark et al. 2005 does it. Pages that are dirty again are skipped. A round's
 * rate is the dirty rate of the round before plus 50 Mbit/s, but no lower than the last rate and at most
 * the maximum. The guest is stopped when a round at the maximum rate sent more than the one before, after
 * 29 rounds, when a round had fewer than 50 pages to send, or when three times the guest's pages have
 * been sent. The rate still holds after the stop. Without the adaptive rate these are the rules of Xen
 * 3.3 (ADAPTIVE_SAVE off), which Akoush et al. 2010 and Hines & Gopalan 2009 used.
 */
export function clarkPolicy(options: ClarkOptions): Policy<ClarkState> {
  const { pages, startMbit, maxMbit, stun, maxBytesPerSecond = Infinity } = options;
  const { isAdaptive = true } = options;
  const limit = (mbit: number): PolicyAction => ({
    kind: 'limit',
    bytesPerSecond: isAdaptive ? Math.min(mbit * MBIT_BYTES, maxBytesPerSecond) : maxBytesPerSecond,
  });
  /** Returns the state at the start of the next round, with that round's rate. */
  const adapt = (before: ClarkState, now: PolicyStatistics): ClarkState => {
    const roundMs = now.nowMs - before.startMs;
    // Here the code of the paper computes with decimal megabits.
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

/** The part of a migration's spec that belongs to these policies. */
export interface ClarkSpec {
  /** From the end of round `afterRound` on, a process that has `faults` write faults waits; by default none does. */
  readonly stun?: { readonly faults: number; readonly afterRound: number };
  /** The rates in megabits of 2^20 bits a second; by default those of the paper's code. */
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
    about: 'the number of write faults after which a process waits for the end of the migration',
    source: 'Clark et al. 2005, section 5.4',
  }),
  afterRound: defaulted(whole(1, 10_000), 1, {
    about: 'the round from whose end on the write faults are counted',
    source: 'the earliest round; the paper does not say which',
  }),
};

export const clark2005 = policyKind({
  name: 'clark2005',
  about: 'The rules of the code of Clark et al. 2005, with a rate that follows the dirty rate.',
  keys: {
    stun: optional(map(STUN_KEYS), {
      about: 'when processes that write too much are made to wait; absent: never',
      needs: needsRounds,
    }),
  },
  resolve: ({ stun }): ClarkSpec => (stun ? { stun } : {}),
  problems({ stun }, { dirtyLog }) {
    // The log `atomic` sets a mark without learning whether it was set before.
    if (stun === undefined || dirtyLog !== 'atomic') return [];
    const sentence =
      'write faults are not counted by the log atomic: choose bitmap, bytemap or ring';
    return [{ path: ['stun'], sentence }];
  },
  policy: (spec, facts) => clarkPolicy(optionsOf(spec, facts)),
  remedies: () => ({ timeHelps: true, others: [] }),
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
  about:
    'The rules of Xen 3.3: at most 29 rounds or three times the guest, or until a round has fewer than 50 pages.',
  keys: {},
  resolve: () => ({}),
  policy: (spec, facts) => clarkPolicy({ ...optionsOf(spec, facts), isAdaptive: false }),
  remedies: () => ({ timeHelps: true, others: [] }),
});
