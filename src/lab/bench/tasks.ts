import type { GuestPlan } from '../../guest/stream-plan.ts';
import type { SharedRing } from '../../link/ring.ts';
import type { SharedGuestSide } from '../../runtime/common/guest-side.ts';

/** The tasks of a bench's worker threads: for each name, what it takes and what it returns. */
export interface BenchTasks {
  readonly walk: readonly [WalkTask, void];
  readonly send: readonly [LinkTask, LinkEnd];
  readonly receive: readonly [LinkTask, LinkEnd];
}

/** The task of one vCPU of the dirty-log bench (walker.ts). */
export interface WalkTask {
  readonly guestSide: SharedGuestSide;
  readonly plan: GuestPlan;
  readonly vcpu: number;
  readonly passes: SharedArrayBuffer;
  readonly accesses: number;
  readonly clockOrigin: bigint;
}

/** The task of one end of a link that carries frames of one size, in one direction. */
export interface LinkTask {
  readonly outgoing: SharedRing;
  readonly incoming: SharedRing;
  /** The doorbells of both ends, the sender's first. */
  readonly doorbells: SharedArrayBuffer;
  readonly bytesPerSecond: number;
  readonly frameBytes: number;
  readonly frames: number;
  /** The memory that frames are copied from, or to. Its size is free: it is used again from its start. */
  readonly memory: SharedArrayBuffer;
  readonly clockOrigin: bigint;
}

/** When one end began and finished, in ns on the bench's clock. */
export interface LinkEnd {
  readonly startNs: number;
  readonly endNs: number;
}
