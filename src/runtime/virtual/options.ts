import type { Clock } from '../../clock/clock.ts';
import type { Line } from '../../link/line.ts';
import type { WorkRunner } from '../common/work.ts';

export interface VirtualOptions {
  /** Cancels the migration, as Ctrl-C does; looked at a few times a second. */
  readonly signal?: AbortSignal;
  /** Told now and then how far the run is, in virtual nanoseconds. */
  readonly onProgress?: (progress: VirtualProgress) => void;
  /** Called when the guest stands still and the proof comes next, with both sides' RAM by memslot. */
  readonly beforeProof?: (
    source: readonly Uint8Array[],
    destination: readonly Uint8Array[],
  ) => void;
  /** Told at the end of the migration on which sides vCPUs may run. */
  readonly onEnd?: (sides: { readonly source: boolean; readonly destination: boolean }) => void;
  /** More events than that are a run that goes round in circles: it throws. */
  readonly mostEvents?: number;
  /** Things that happen to the run at points in time: link faults, for tests. */
  readonly happenings?: (world: HappeningWorld) => readonly Happening[];
  /**
   * Other threads that fill the guests' memory and prove the run, while this one rehearses;
   * absent: this thread does all.
   */
  readonly runner?: WorkRunner;
  /** A real clock, by which the report says what the run itself took (`wall`). */
  readonly clock?: Clock;
}

export interface VirtualProgress {
  readonly nowNs: number;
  readonly events: number;
  readonly bytes: number;
  readonly pagesLeft: number;
}

export interface Happening {
  readonly atNs: number;
  readonly act: () => void;
  /** Whether it may happen; it waits until it may, and so does what comes after it. */
  readonly isPossible?: () => boolean;
}

/** What a happening can do. */
export interface HappeningWorld {
  /** The link is dead from now on, in both directions. */
  cutLink(): void;
  /** The connection, which may be lost and restored. */
  readonly line: Line;
  /** The destination's engine does nothing any more. */
  killDestination(): void;
  /** Nothing that is under way, or posted before `untilNs`, arrives before that. */
  stallLink(untilNs: number): void;
}
