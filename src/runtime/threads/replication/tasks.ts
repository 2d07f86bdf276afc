import type { GuestPlan } from '../../../guest/stream-plan.ts';
import type { VcpuState } from '../../../guest/vcpu-state.ts';
import type { SharedRing } from '../../../link/ring.ts';
import type { ReplicationConfig } from '../../../replication/config.ts';
import type { Emissions } from '../../../replication/guest-tap.ts';
import type { SharedGuestSide } from '../../common/guest-side.ts';
import type { Transfer } from '../../common/stage.ts';
import type { RunConfig } from '../../config.ts';

/** The two directions of the link of a pair of hosts. */
export type PairTransfer = Pick<Transfer, 'forward' | 'backward'>;

/** A guest's memory and disk, as threads share them. */
export interface SharedImage {
  readonly guestSide: SharedGuestSide;
  /** Absent if the guest has no disk. */
  readonly disk?: SharedArrayBuffer;
}

/** The thread of a host that protects a guest, or may become its backup. */
export interface ProtectedHostTask extends SharedImage {
  readonly plan: GuestPlan;
  readonly run: Pick<RunConfig, 'link' | 'migration'>;
  readonly replication: ReplicationConfig;
  readonly emissions: Emissions;
  readonly diskBytesPerSecond: number;
  readonly clockOrigin: bigint;
  readonly runWords: SharedArrayBuffer;
  readonly orders: SharedArrayBuffer;
  readonly zlibGuard: SharedArrayBuffer;
  readonly journal: SharedRing;
  /** The links of all pairs of hosts, in the order of their backups, of which host 1 is the first. */
  readonly transfers: readonly PairTransfer[];
  /** A word for each pair, which is 1 once its link is cut. */
  readonly cuts: SharedArrayBuffer;
  /** The handshake words of all hosts, for their doorbells. */
  readonly handshakes: readonly SharedArrayBuffer[];
  /** Gets a copy of the image from which the guest goes on here, for the proof; absent if nothing is proved. */
  readonly snapshot?: SharedImage;
}

/** What a host that has lived to the end has. */
export interface ProtectedHostEnd {
  /** The image of a backup that waits; absent at any other host. */
  readonly waiting?: { readonly epoch: number; readonly vcpus: readonly VcpuState[] };
  readonly heldPackets: number;
  readonly heldBytes: number;
  readonly mostHeldBytes: number;
  readonly writtenBlocks: number;
}
