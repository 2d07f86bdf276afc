/** What a policy is told about its migration: a copy of the figures at one moment. */
export interface PolicyStatistics {
  /**
   * Why the policy is asked. `start`: the migration begins. `batch`: a batch has been sent. `synced`: the
   * dirty log has been harvested. `window`: the limiter that held the sender back has opened. `stopped`:
   * the guest is paused and the last harvest is done; an answer on how to go on is then ignored.
   */
  readonly event: 'start' | 'batch' | 'synced' | 'window' | 'stopped';
  /** The time since the migration's start. */
  readonly nowMs: number;
  /** The number of the present round, from 1. */
  readonly round: number;
  /** The number of pages that have yet to be sent. */
  readonly pendingPages: number;
  /** The size of a page in bytes. */
  readonly pageSize: number;
  /** The bytes of all page frames so far. */
  readonly transferredBytes: number;
  /** The bytes so far by the policy's own accounting (accounting.ts). */
  readonly accountedBytes: number;
  /** The number of pages sent so far, in any encoding. */
  readonly sentPages: number;
  /** The number of pages that this round has skipped because they were dirty again. */
  readonly skippedPages: number;
  /** The number of pages that the last harvest found dirty. */
  readonly dirtiedPages: number;
  /** The number of pages that each vCPU has dirtied so far; only the dirty log `ring` counts them. */
  readonly vcpuDirtiedPages?: readonly number[];
  /**
   * The bytes of devices that QEMU counts in what is pending: those that can go while the guest runs, and those
   * that would go if it were stopped, as of the last harvest. Absent if the guest has no devices.
   */
  readonly deviceBytes?: { readonly live: number; readonly stopped: number };
  /** The number of harvests so far, including the one at the start. */
  readonly syncs: number;
  /** Whether the guest already runs at the destination and its pages are being pushed. */
  readonly isPostcopy: boolean;
  /** Whether the migration's limiter lets no page out now. */
  readonly isHeldBack: boolean;
}

/** What a policy asks for. */
export type PolicyAction =
  /** Go on sending. */
  | { readonly kind: 'continue' }
  /** Harvest the dirty log. */
  | { readonly kind: 'sync' }
  /** Stop the guest and send the rest. */
  | { readonly kind: 'switchover' }
  /** Stop the guest, run it at the destination at once and send the rest after. */
  | { readonly kind: 'postcopy' }
  /** Take this share (0 to 0.99) of its time from one vCPU, or from all of them. */
  | { readonly kind: 'throttle'; readonly share: number; readonly vcpu?: number }
  /** Make a process that has this many write faults from now on wait for the migration's end; 0 ends that. */
  | { readonly kind: 'stun'; readonly faults: number }
  /** Count the bytes that the accounting adds at the end of a chunk. */
  | { readonly kind: 'chunk' }
  /** Begin a new window of the limiter. */
  | { readonly kind: 'renew' }
  /** Limit the migration to a rate; Infinity means no limit. */
  | { readonly kind: 'limit'; readonly bytesPerSecond: number }
  /** Give up; the guest stays at the source. */
  | { readonly kind: 'abort'; readonly reason: string };

/**
 * Decides when a migration goes on sending, harvests and stops the guest. A policy is a pure function of
 * its own state and the statistics, and is asked between batches and after each harvest. Of the actions
 * that say how to go on (continue, sync, switchover, postcopy, abort), the last one in the list counts;
 * the others take effect at once, in their order.
 */
export interface Policy<State = unknown> {
  readonly name: string;
  /** Whether pages that are dirty again are skipped instead of sent (Clark et al. 2005, section 3.1). */
  readonly skipsRedirtied: boolean;
  /** Whether the migration's limit still holds after the guest has been stopped. */
  readonly keepsLimit?: boolean;
  /** Returns the downtime that the policy aims at now; a policy without such an aim has no such function. */
  downtimeLimitMs?(state: State): number;
  /** The state before the first decision. */
  readonly initial: State;
  /** Returns the next state and what is to be done. */
  decide(
    state: State,
    statistics: PolicyStatistics,
  ): { readonly state: State; readonly actions: readonly PolicyAction[] };
}
