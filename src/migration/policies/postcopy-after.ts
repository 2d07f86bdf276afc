import type { Policy } from '../policy.ts';
import { withDecide } from './with-decide.ts';

/**
 * Returns a policy that decides as another one does, but begins post-copy once `rounds` live rounds have
 * been sent. If the other policy finds after a harvest that the rest can be sent with the guest stopped,
 * pre-copy ends as usual (QEMU, migration_iteration_run, starts post-copy only while more than the
 * threshold is left).
 */
export function postcopyAfter<State>(policy: Policy<State>, rounds: number): Policy<State> {
  const decide: Policy<State>['decide'] = (before, statistics) => {
    const decision = policy.decide(before, statistics);
    if (rounds === 0) return { state: decision.state, actions: [{ kind: 'postcopy' }] };
    if (statistics.round < rounds) return decision;
    const isEnding = decision.actions.some(({ kind }) => kind === 'switchover');
    const isSynced = statistics.event === 'synced';
    // After a harvest, a switchover means that the rest is small enough; otherwise, that rounds are used up.
    if (isSynced === isEnding) return decision;
    return { state: decision.state, actions: [{ kind: 'postcopy' }] };
  };
  return withDecide(policy, decide, `${policy.name}, post-copy after ${rounds}`);
}
