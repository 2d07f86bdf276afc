/**
 * What a manager on top of QEMU makes of a migration that it watches: a downtime limit of now, and
 * what else it asks for. A manager is pure: its own state and what it is told decide.
 */
export interface Manager<State = unknown> {
  readonly name: string;
  readonly initial: State;
  /** Told of the end of every pass as well, not only at its looks. */
  readonly watchesPasses?: boolean;
  step(state: State, now: ManagerFacts): ManagerStep<State>;
}

export interface ManagerFacts {
  /** Since the migration's start. */
  readonly nowMs: number;
  readonly remainingBytes: number;
  /** Of QEMU's last window; 0 at the end of a pass. */
  readonly bytesPerMs: number;
  /** A pass has just ended (an event to libvirt); else the manager looks on its own. */
  readonly isPassEnd: boolean;
}

export interface ManagerStep<State> {
  readonly state: State;
  readonly limitMs: number;
  readonly asks?: ManagerRequest;
}

export type ManagerRequest =
  | { readonly kind: 'postcopy' }
  /** The guest is suspended; what is left is sent. */
  | { readonly kind: 'suspend' }
  | { readonly kind: 'abort'; readonly reason: string };

export type ManagerName = 'nova' | 'kubevirt' | 'proxmox' | 'kubevirt-timeouts' | 'kubevirt-stall';
