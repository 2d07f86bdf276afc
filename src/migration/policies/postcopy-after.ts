import type { Policy } from '../policy.ts';

/**
 * Any policy, but with post-copy once `rounds` live rounds have been sent. When the policy finds
 * before that that the rest can be sent with the guest stopped, pre-copy ends as usual (QEMU,
 * migration_iteration_run: post-copy starts only while more than the threshold is left).
 */
export function postcopyAfter<State>(policy: Policy<State>, rounds: number): Policy<State> {
  return {
    ...policy,
    name: `${policy.name}, post-copy after ${rounds}`,
    decide(before, statistics) {
      const decision = policy.decide(before, statistics);
      if (rounds === 0) return { state: decision.state, actions: [{ kind: 'postcopy' }] };
      if (statistics.round < rounds) return decision;
      const isEnding = decision.actions.some(({ kind }) => kind === 'switchover');
      const isSynced = statistics.event === 'synced';
      // After a harvest the policy may find the rest small enough; without one it only counts rounds.
      if (isSynced === isEnding) return decision;
      return { state: decision.state, actions: [{ kind: 'postcopy' }] };
    },
  };
}
