import type { GuestPlan } from '../../guest/stream-plan.ts';
import type { SharedRing } from '../../link/ring.ts';
import type { SharedGuestSide } from '../../runtime/common/guest-side.ts';

/** What the worker threads of a bench do, beside what a run's do. */
export interface BenchTasks {
  readonly walk: readonly [WalkTask, void];
  readonly send: readonly [LinkTask, LinkEnd];
  readonly receive: readonly [LinkTask, LinkEnd];
}

export interface WalkTask {
  readonly guestSide: SharedGuestSide;
  readonly plan: GuestPlan;
  readonly vcpu: number;
  readonly passes: SharedArrayBuffer;
  readonly accesses: number;
  readonly clockOrigin: bigint;
}

/** One end of a link over which frames of one size go, one way. */
export interface LinkTask {
  readonly outgoing: SharedRing;
  readonly incoming: SharedRing;
  /** Doorbells of both ends, the sender's first. */
  readonly doorbells: SharedArrayBuffer;
  readonly bytesPerSecond: number;
  readonly frameBytes: number;
  readonly frames: number;
  /** What the frames are copied from, or to: as large as one likes, gone through again and again. */
  readonly memory: SharedArrayBuffer;
  readonly clockOrigin: bigint;
}

export interface LinkEnd {
  readonly startNs: number;
  readonly endNs: number;
}
