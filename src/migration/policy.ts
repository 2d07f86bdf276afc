/** What a policy is told: numbers that don't change while it looks at them. */
export interface PolicyStatistics {
  /**
   * Why it is asked: the migration begins, a batch has been sent, the dirty log has been harvested, a
   * limiter that held the sender back has opened, the guest stands still and its last harvest is in
   * (whatever it says then about how to go on counts no more).
   */
  readonly event: 'start' | 'batch' | 'synced' | 'window' | 'stopped';
  /** Since the migration's start. */
  readonly nowMs: number;
  /** The round under way, from 1. */
  readonly round: number;
  /** Pages that have yet to be sent. */
  readonly pendingPages: number;
  readonly pageSize: number;
  /** Bytes of all page frames so far. */
  readonly transferredBytes: number;
  /** Bytes so far as the policy's own accounting has them (accounting.ts). */
  readonly accountedBytes: number;
  /** Pages sent so far, raw and zero. */
  readonly sentPages: number;
  /** Pages skipped in this round because they were dirty again. */
  readonly skippedPages: number;
  /** Pages that the last harvest found dirty. */
  readonly dirtiedPages: number;
  /** Pages that each vCPU has dirtied so far; of the log `ring` alone. */
  readonly vcpuDirtiedPages?: readonly number[];
  /** Harvests so far, the one at the start among them. */
  readonly syncs: number;
  /** The guest runs at the destination already, and pages are pushed. */
  readonly isPostcopy: boolean;
  /** The migration's limiter lets nothing out now. */
  readonly isHeldBack: boolean;
}

export type PolicyAction =
  /** Go on sending. */
  | { readonly kind: 'continue' }
  /** Harvest the dirty log. */
  | { readonly kind: 'sync' }
  /** Stop the guest and send the rest. */
  | { readonly kind: 'switchover' }
  /** Stop the guest, run it at the destination at once and send the rest after. */
  | { readonly kind: 'postcopy' }
  /** Take a share of their time from the vCPUs, or from one. */
  | { readonly kind: 'throttle'; readonly share: number; readonly vcpu?: number }
  /** A process that has so many write faults from now on waits for the migration's end; 0: none does. */
  | { readonly kind: 'stun'; readonly faults: number }
  /** A chunk of pages has ended: its accounting is closed. */
  | { readonly kind: 'chunk' }
  /** The limiter's window begins anew. */
  | { readonly kind: 'renew' }
  /** Limit the migration to a rate. */
  | { readonly kind: 'limit'; readonly bytesPerSecond: number }
  /** Give up; the guest stays at the source. */
  | { readonly kind: 'abort'; readonly reason: string };

/**
 * When to go on, to harvest, to stop: a pure function of its own state and the statistics. It is
 * asked between batches and after each harvest. The last action of the list that says how to go on
 * (continue, sync, switchover, postcopy, abort) counts; the others take effect at once.
 */
export interface Policy<State = unknown> {
  readonly name: string;
  /** Whether pages that are dirty again are skipped instead of sent (Clark et al. 2005, section 3.1). */
  readonly skipsRedirtied: boolean;
  /** The migration's limit holds on after the guest's stop. */
  readonly keepsLimit?: boolean;
  readonly initial: State;
  decide(
    state: State,
    statistics: PolicyStatistics,
  ): { readonly state: State; readonly actions: readonly PolicyAction[] };
}
