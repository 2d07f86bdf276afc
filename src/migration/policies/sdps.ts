import type { Policy, PolicyAction } from '../policy.ts';
import { policyKind } from '../spec/kinds.ts';
import { factsOf, keepSending, ROUND_START, type RoundState } from './round-facts.ts';

/** The state of the policy: that of the round, and the share of their time taken from the vCPUs. */
export interface SdpsState extends RoundState {
  readonly throttle: number;
}

/** The guest may dirty this share of the bytes sent, so that each round is smaller by this factor. */
const SDPS_SHARE = 0.5;
const SDPS_MOST = 0.99;

/**
 * Stun during page send (vSphere 5.0): when memory is dirtied faster than it is sent, the vCPUs are made to
 * sleep for milliseconds at a time, so that they dirty less than is sent. The exact rule is not published;
 * this one slows the guest until it dirties half of what is sent.
 */
export function sdpsPolicy(downtimeMs: number): Policy<SdpsState> {
  return {
    name: 'sdps',
    skipsRedirtied: false,
    downtimeLimitMs: () => downtimeMs,
    initial: { ...ROUND_START, throttle: 0 },
    decide(state, now) {
      if (now.event === 'stopped') return { state, actions: [] };
      if (now.event !== 'synced') {
        return now.pendingPages > 0 ? keepSending(state) : { state, actions: [{ kind: 'sync' }] };
      }
      const { expectedDowntimeMs, dirtiedBytes, sentBytes } = factsOf(state, now);
      // This estimates what the guest would dirty without the throttle.
      const freeBytes = dirtiedBytes / (1 - state.throttle);
      const wanted = freeBytes > 0 ? 1 - (SDPS_SHARE * sentBytes) / freeBytes : 0;
      const isTooFast = dirtiedBytes > SDPS_SHARE * sentBytes || state.throttle > 0;
      const throttle = isTooFast ? Math.max(0, Math.min(SDPS_MOST, wanted)) : 0;
      const next = { startMs: now.nowMs, startBytes: now.transferredBytes, throttle };
      const actions: PolicyAction[] =
        throttle === state.throttle ? [] : [{ kind: 'throttle', share: throttle }];
      const kind = expectedDowntimeMs > downtimeMs ? 'continue' : 'switchover';
      return { state: next, actions: [...actions, { kind }] };
    },
  };
}

export const sdps = policyKind({
  name: 'sdps',
  about:
    'Stun during page send, as in vSphere 5.0: the guest is slowed until it dirties half of what is sent.',
  keys: {},
  resolve: () => ({}),
  remedies: () => ({ limitKey: 'migration.downtimeLimit', others: [] }),
  policy: (_, { downtimeLimitMs }) => sdpsPolicy(downtimeLimitMs),
});
