import type { Policy, PolicyAction } from '../policy.ts';
import { withDecide } from './with-decide.ts';

/** How a migration that takes too long is forced to its end. */
export interface ForceOptions {
  /** How long after its start the migration is forced. */
  readonly afterMs: number;
  /** Whether the guest is stopped until the rest has been sent, or post-copy begins. */
  readonly action: 'switchover' | 'postcopy';
}

/** The actions that say how a migration goes on; forcing it replaces them. */
const WAYS: ReadonlySet<PolicyAction['kind']> = new Set([
  'continue',
  'sync',
  'switchover',
  'postcopy',
  'abort',
]);

/**
 * Returns a policy that decides as another one does, but forces the migration to its end after a while. So
 * do operators: nova with live_migration_timeout_action=force_complete, which pauses the guest or switches
 * to post-copy, and KubeVirt with allowWorkloadDisruption or allowPostCopy.
 */
export function forceAfter<State>(
  policy: Policy<State>,
  { afterMs, action }: ForceOptions,
): Policy<State> {
  return withDecide(policy, (state, statistics) => {
    const decision = policy.decide(state, statistics);
    const { nowMs, event, isPostcopy } = statistics;
    if (nowMs < afterMs || event === 'stopped' || isPostcopy) return decision;
    const others = decision.actions.filter(({ kind }) => !WAYS.has(kind));
    return { state: decision.state, actions: [...others, { kind: action }] };
  });
}
