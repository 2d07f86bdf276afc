import type { Clock } from '../../clock/clock.ts';
import type { Line } from '../../link/line.ts';
import type { Link } from '../../link/link.ts';
import type { GuestSide } from '../common/guest-side.ts';
import type { WorkRunner } from '../common/work.ts';
import type { RunPhase, SetUpProgress } from '../world/world.ts';

export interface VirtualOptions {
  /** Aborting it cancels the migration, as Ctrl-C does; the run checks it a few times a second. */
  readonly signal?: AbortSignal;
  /** Aborting it gives up the proof: the report has none. */
  readonly proofSignal?: AbortSignal;
  /** Called now and then with how far the run is. */
  readonly onProgress?: (progress: VirtualProgress) => void;
  /** Called when the guest stands still, before the proof, with the RAM of each memslot on either side. */
  readonly beforeProof?: (
    source: readonly Uint8Array[],
    destination: readonly Uint8Array[],
  ) => void;
  /** Called at the end of the migration with the sides on which vCPUs may run. */
  readonly onEnd?: (sides: { readonly source: boolean; readonly destination: boolean }) => void;
  /** The run throws an Error after more events than this, as it would never end. */
  readonly mostEvents?: number;
  /** Returns faults that hit the run at points in time, for tests. */
  readonly happenings?: (world: HappeningWorld) => readonly Happening[];
  /**
   * Runs the work of filling the guests' memory and of the proof in other threads, while this thread rehearses.
   * Without it, this thread does all of the work.
   */
  readonly runner?: WorkRunner;
  /** A real clock, by which the report says how long the run itself took (`wall`). */
  readonly clock?: Clock;
}

/** How far a virtual run is. */
export interface VirtualProgress {
  readonly phase: RunPhase;
  /** Whether the guest runs at the destination while its pages still come, so that a cancel comes too late. */
  readonly isPostcopy: boolean;
  readonly setUp: SetUpProgress;
  /** The world's time in virtual nanoseconds. */
  readonly nowNs: number;
  readonly events: number;
  /** How many bytes the source has sent. */
  readonly bytes: number;
  /** How many pages have yet to be sent. */
  readonly pagesLeft: number;
}

/** Something that happens to a migration from outside at a point in time. */
export interface Happening {
  readonly atNs: number;
  readonly act: () => void;
  /** Returns whether it can happen now; until it can, it waits, and so do the happenings after it. */
  readonly isPossible?: () => boolean;
}

/** The parts of a migration that a happening can act on. */
export interface HappeningWorld {
  /** Makes the link dead from now on, in both directions. */
  cutLink(): void;
  /** The connection, which can be cut and restored. */
  readonly line: Line;
  /** Makes the destination's engine do nothing any more. */
  killDestination(): void;
  /** Stalls the link: no frame that is under way, or is posted before `untilNs`, arrives before that time. */
  stallLink(untilNs: number): void;
  /** Stalls one channel in the same way; there has to be one. */
  stallChannel(channel: number, untilNs: number): void;
  /** Puts what `wrap` makes of one end of the link in its place, before anything is sent: `near` is the source's. */
  wrapLink(end: 'near' | 'far', wrap: (inner: Link) => Link): void;
  /** The guest on either side. */
  readonly source: { readonly side: GuestSide };
  readonly target: { readonly side: GuestSide };
}
