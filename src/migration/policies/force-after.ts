import type { Policy, PolicyAction } from '../policy.ts';

/** How a migration is forced to its end that has taken too long. */
export interface ForceOptions {
  /** From the migration's start on. */
  readonly afterMs: number;
  /** Stop the guest and send the rest, or run it at the destination and send the rest after. */
  readonly action: 'switchover' | 'postcopy';
}

/** What says how a migration goes on; a forced one has but one way. */
const WAYS: ReadonlySet<PolicyAction['kind']> = new Set([
  'continue',
  'sync',
  'switchover',
  'postcopy',
  'abort',
]);

/**
 * Any policy, and what operators do when it has not come to an end after a while: they force it, as
 * nova's live_migration_timeout_action=force_complete does, which pauses the guest or switches to
 * post-copy, and as KubeVirt does with allowWorkloadDisruption or allowPostCopy.
 */
export function forceAfter<State>(
  policy: Policy<State>,
  { afterMs, action }: ForceOptions,
): Policy<State> {
  return {
    ...policy,
    decide(state, statistics) {
      const decision = policy.decide(state, statistics);
      const { nowMs, event, isPostcopy } = statistics;
      if (nowMs < afterMs || event === 'stopped' || isPostcopy) return decision;
      const others = decision.actions.filter(({ kind }) => !WAYS.has(kind));
      return { state: decision.state, actions: [...others, { kind: action }] };
    },
  };
}
