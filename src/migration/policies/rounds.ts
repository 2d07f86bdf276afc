import { defaulted, flag, whole } from '../../units/keys.ts';
import type { Policy } from '../policy.ts';
import { policyKind } from '../spec/kinds.ts';
import { needsRounds } from '../spec/needs.ts';

/** The part of a migration's spec that belongs to this policy. */
export interface RoundsSpec {
  /** The number of live rounds. */
  readonly rounds: number;
  /** Whether live rounds skip pages that are dirty again; by default they do. */
  readonly skipRedirtied?: boolean;
}

/**
 * Sends a fixed number of live rounds, each of which sends what the round before left dirty, then stops the
 * guest. A round that leaves nothing dirty is the last one. With `skipsRedirtied` it passes over pages that are
 * dirty again, since the next round sends them anyway (Clark et al. 2005, section 3.1).
 */
export function roundsPolicy(rounds: number, skipsRedirtied = true): Policy<null> {
  return {
    name: 'rounds',
    skipsRedirtied,
    initial: null,
    decide(state, { event, pendingPages, round }) {
      if (event === 'stopped') return { state, actions: [] };
      if (pendingPages > 0) return { state, actions: [{ kind: 'continue' }] };
      const isLast = event === 'synced' || round >= rounds;
      return { state, actions: [{ kind: isLast ? 'switchover' : 'sync' }] };
    },
  };
}

export const rounds = policyKind({
  name: 'rounds',
  about: 'The guest is stopped after a fixed number of live rounds.',
  keys: {
    rounds: defaulted(whole(1, 10_000), 30, {
      about: 'the number of live rounds',
      source: 'Clark et al. 2005: at most 29 live rounds, then the stop',
      needs: needsRounds,
    }),
    skipRedirtied: defaulted(flag, true, {
      about: 'whether live rounds skip pages that are dirty again, which the next round sends',
      source: 'Clark et al. 2005, section 3.1: pages that are dirty again are not sent',
      needs: needsRounds,
    }),
  },
  resolve: ({ rounds: count, skipRedirtied }): RoundsSpec => ({ rounds: count, skipRedirtied }),
  remedies: () => ({ timeHelps: true, others: ['fewer migration.rounds'] }),
  policy: (spec) => roundsPolicy(spec.rounds, spec.skipRedirtied),
});
