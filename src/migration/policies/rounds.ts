import type { Policy } from '../policy.ts';

/**
 * A fixed number of live rounds, each of which sends what the one before left dirty, then the stop.
 * A round that leaves nothing dirty is the last one.
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
