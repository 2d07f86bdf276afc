import { defaulted, whole } from '../../units/keys.ts';
import type { Policy } from '../policy.ts';
import { policyKind } from '../spec/kinds.ts';
import { needsRounds } from '../spec/needs.ts';

/** The part of a migration's spec that belongs to this policy. */
export interface RoundsSpec {
  /** The number of live rounds. */
  readonly rounds: number;
}

/**
 * Sends a fixed number of live rounds, each of which sends what the round before left dirty, then stops the
 * guest. A round that leaves nothing dirty is the last one.
 */
export function roundsPolicy(rounds: number): Policy<null> {
  return {
    name: 'rounds',
    skipsRedirtied: true,
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
  },
  resolve: (written): RoundsSpec => ({ rounds: written.rounds }),
  remedies: () => ({ timeHelps: true, others: ['fewer migration.rounds'] }),
  policy: (spec) => roundsPolicy(spec.rounds),
});
