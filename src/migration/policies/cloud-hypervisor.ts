import { choice, defaulted } from '../../units/keys.ts';
import type { Policy } from '../policy.ts';
import { policyKind } from '../spec/kinds.ts';
import { continued, factsOf, ROUND_START, type RoundState } from './round-facts.ts';

/** The part of a migration's spec that is this policy's. */
export interface CloudHypervisorSpec {
  readonly timeoutAction?: 'cancel' | 'ignore';
}

export interface CloudHypervisorOptions {
  readonly downtimeMs: number;
  readonly timeoutMs: number;
  /** What becomes of a migration that takes longer: given up, or ended whatever its downtime. */
  readonly timeoutAction: 'cancel' | 'ignore';
}

/**
 * cloud-hypervisor (vmm, send-migration): rounds that each send what the one before left dirty,
 * until the rest, at the bandwidth of the last round, fits into the downtime goal; a timeout cancels
 * or ends them.
 */
export function cloudHypervisorPolicy(options: CloudHypervisorOptions): Policy<RoundState> {
  return {
    name: 'cloud-hypervisor',
    skipsRedirtied: false,
    initial: ROUND_START,
    decide(state, now) {
      if (now.event === 'stopped') return { state, actions: [] };
      if (now.nowMs > options.timeoutMs) {
        const reason = `not converged within the timeout of ${options.timeoutMs / 1000} s`;
        const isCancelled = options.timeoutAction === 'cancel';
        return {
          state,
          actions: [isCancelled ? { kind: 'abort', reason } : { kind: 'switchover' }],
        };
      }
      if (now.event !== 'synced') {
        return now.pendingPages > 0 ? continued(state) : { state, actions: [{ kind: 'sync' }] };
      }
      const { expectedDowntimeMs } = factsOf(state, now);
      const next = { startMs: now.nowMs, startBytes: now.transferredBytes };
      if (expectedDowntimeMs > options.downtimeMs) return continued(next);
      return { state: next, actions: [{ kind: 'switchover' }] };
    },
  };
}

export const cloudHypervisor = policyKind({
  name: 'cloud-hypervisor',
  about: 'Rounds until the rest fits into the downtime goal, as cloud-hypervisor has it.',
  keys: {
    timeoutAction: defaulted(choice(['cancel', 'ignore']), 'cancel', {
      about: 'what the timeout does: gives the migration up, or ends its rounds',
      source: 'cloud-hypervisor, send-migration',
    }),
  },
  resolve: ({ timeoutAction }): CloudHypervisorSpec => ({ timeoutAction }),
  policy: ({ timeoutAction = 'cancel' }, { downtimeLimitMs, timeoutMs }) =>
    cloudHypervisorPolicy({ downtimeMs: downtimeLimitMs, timeoutMs, timeoutAction }),
  takesTimeout: ({ timeoutAction }) => timeoutAction === 'ignore',
});
