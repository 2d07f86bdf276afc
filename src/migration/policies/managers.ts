/**
 * A program on top of QEMU that watches a migration: it sets the downtime limit, and may ask for post-copy,
 * a suspended guest or the end of the migration. A manager is a pure function of its state and the facts.
 */
export interface Manager<State = unknown> {
  readonly name: string;
  readonly initial: State;
  /** Whether the manager is also asked at the end of every pass. */
  readonly watchesPasses?: boolean;
  step(state: State, now: ManagerFacts): ManagerStep<State>;
}

/** What a manager is told about the migration. */
export interface ManagerFacts {
  /** The time since the migration's start. */
  readonly nowMs: number;
  /** The bytes of pages that have yet to be sent. */
  readonly remainingBytes: number;
  /** The bandwidth of QEMU's last window; 0 at the end of a pass. */
  readonly bytesPerMs: number;
  /** Whether a pass has just ended (an event of libvirt); otherwise a window of QEMU has. */
  readonly isPassEnd: boolean;
}

/** What a manager decides. */
export interface ManagerStep<State> {
  readonly state: State;
  /** The downtime limit from now on. */
  readonly limitMs: number;
  readonly asks?: ManagerRequest;
}

/** What a manager may ask for besides a downtime limit. */
export type ManagerRequest =
  | { readonly kind: 'postcopy' }
  /** Suspend the guest, so that the rest can be sent. */
  | { readonly kind: 'suspend' }
  /** Give the migration up. */
  | { readonly kind: 'abort'; readonly reason: string };

export type ManagerName = 'nova' | 'kubevirt' | 'proxmox' | 'kubevirt-timeouts' | 'kubevirt-stall';
