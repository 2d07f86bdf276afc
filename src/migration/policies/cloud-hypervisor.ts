import { choice, defaulted } from '../../units/keys.ts';
import type { Policy } from '../policy.ts';
import { policyKind } from '../spec/kinds.ts';
import { factsOf, keepSending, ROUND_START, type RoundState } from './round-facts.ts';

/** The part of a migration's spec that belongs to this policy. */
export interface CloudHypervisorSpec {
  /** Whether the timeout gives the migration up or ends its rounds. */
  readonly timeoutAction?: 'cancel' | 'ignore';
}

/** The settings of the policy. */
export interface CloudHypervisorOptions {
  /** The downtime goal. */
  readonly downtimeMs: number;
  readonly timeoutMs: number;
  /** Whether the timeout gives the migration up or stops the guest, whatever the downtime will be. */
  readonly timeoutAction: 'cancel' | 'ignore';
}

/**
 * The rules of cloud-hypervisor (vmm, send-migration). Each round sends what the round before left dirty,
 * until the rest, at the bandwidth of the last round, fits into the downtime goal. A timeout gives the
 * migration up or ends its rounds.
 */
export function cloudHypervisorPolicy(options: CloudHypervisorOptions): Policy<RoundState> {
  return {
    name: 'cloud-hypervisor',
    skipsRedirtied: false,
    downtimeLimitMs: () => options.downtimeMs,
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
        return now.pendingPages > 0 ? keepSending(state) : { state, actions: [{ kind: 'sync' }] };
      }
      const { expectedDowntimeMs } = factsOf(state, now);
      const next = { startMs: now.nowMs, startBytes: now.transferredBytes };
      if (expectedDowntimeMs > options.downtimeMs) return keepSending(next);
      return { state: next, actions: [{ kind: 'switchover' }] };
    },
  };
}

export const cloudHypervisor = policyKind({
  name: 'cloud-hypervisor',
  about: 'The rules of cloud-hypervisor: rounds go on until the rest fits into the downtime goal.',
  keys: {
    timeoutAction: defaulted(choice(['cancel', 'ignore']), 'cancel', {
      about: 'whether the timeout gives the migration up (cancel) or ends its rounds (ignore)',
      source: 'cloud-hypervisor, send-migration',
    }),
  },
  resolve: ({ timeoutAction }): CloudHypervisorSpec => ({ timeoutAction }),
  policy: ({ timeoutAction = 'cancel' }, { downtimeLimitMs, timeoutMs }) =>
    cloudHypervisorPolicy({ downtimeMs: downtimeLimitMs, timeoutMs, timeoutAction }),
  remedies: () => ({
    limitKey: 'migration.downtimeLimit',
    patienceKey: 'migration.timeout',
    others: ['migration.timeoutAction: ignore'],
  }),
  takesTimeout: ({ timeoutAction }) => timeoutAction === 'ignore',
});
