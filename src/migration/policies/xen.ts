import type { Policy } from '../policy.ts';
import { policyKind } from '../spec/kinds.ts';

/** Xen's constants (tools/libs/guest/xg_sr_save.c, SPP_TARGET_DIRTY_COUNT and SPP_MAX_ITERATIONS). */
const TARGET_PAGES = 50;
const MAX_ROUNDS = 5;

/** The state of the policy between two decisions. */
export interface XenState {
  /** Whether so few pages were dirty that the present live round is the last one. */
  readonly isLast: boolean;
}

/**
 * Xen's simple policy (xg_sr_save.c, simple_precopy_policy and send_memory_live). It sends five live rounds,
 * or fewer if a round leaves fewer than 50 pages dirty; those are sent live too, then the guest is
 * suspended. No page is skipped.
 */
export const xenPolicy: Policy<XenState> = {
  name: 'xen',
  skipsRedirtied: false,
  initial: { isLast: false },
  decide(state, { event, pendingPages, round }) {
    if (event === 'stopped') return { state, actions: [] };
    if (event === 'synced') {
      const isLast = pendingPages < TARGET_PAGES;
      const kind = pendingPages === 0 ? 'switchover' : 'continue';
      return { state: { isLast }, actions: [{ kind }] };
    }
    if (pendingPages > 0) return { state, actions: [{ kind: 'continue' }] };
    const kind = state.isLast || round >= MAX_ROUNDS ? 'switchover' : 'sync';
    return { state, actions: [{ kind }] };
  },
};

export const xen = policyKind({
  name: 'xen',
  about:
    "The rules of today's Xen: the guest is stopped after five live rounds, or when fewer than 50 pages are dirty.",
  keys: {},
  resolve: () => ({}),
  policy: () => xenPolicy,
  remedies: () => ({ timeHelps: true, others: [] }),
});
