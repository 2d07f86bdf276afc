import type { Policy, PolicyAction, PolicyStatistics } from '../policy.ts';

/** What both policies here know of the round under way. */
interface RoundState {
  readonly startMs: number;
  readonly startBytes: number;
}

interface RoundFacts {
  readonly roundMs: number;
  readonly sentBytes: number;
  readonly dirtiedBytes: number;
  /** What the rest would take at the round's rate. */
  readonly expectedDowntimeMs: number;
}

function factsOf(state: RoundState, now: PolicyStatistics): RoundFacts {
  const roundMs = now.nowMs - state.startMs;
  const sentBytes = now.transferredBytes - state.startBytes;
  const pendingBytes = now.pendingPages * now.pageSize;
  return {
    roundMs,
    sentBytes,
    dirtiedBytes: now.dirtiedPages * now.pageSize,
    expectedDowntimeMs:
      pendingBytes === 0 ? 0 : sentBytes > 0 ? (pendingBytes * roundMs) / sentBytes : Infinity,
  };
}

const START: RoundState = { startMs: 0, startBytes: 0 };

const continued = <State>(state: State): { state: State; actions: PolicyAction[] } => ({
  state,
  actions: [{ kind: 'continue' }],
});

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
    initial: START,
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

export interface SdpsState extends RoundState {
  readonly throttle: number;
}

/** The guest may dirty this share of what is sent: then each round is that much smaller. */
const SDPS_SHARE = 0.5;
const SDPS_MOST = 0.99;

/**
 * Stun during page send (vSphere 5.0): when memory is dirtied faster than it is sent, the vCPUs get
 * sleeps of milliseconds, so that what they dirty shrinks below what is sent. The exact law is not
 * published; this one slows the guest to half of the sending rate.
 */
export function sdpsPolicy(downtimeMs: number): Policy<SdpsState> {
  return {
    name: 'sdps',
    skipsRedirtied: false,
    initial: { ...START, throttle: 0 },
    decide(state, now) {
      if (now.event === 'stopped') return { state, actions: [] };
      if (now.event !== 'synced') {
        return now.pendingPages > 0 ? continued(state) : { state, actions: [{ kind: 'sync' }] };
      }
      const { expectedDowntimeMs, dirtiedBytes, sentBytes } = factsOf(state, now);
      // What it would dirty unhindered, as far as one can tell.
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
