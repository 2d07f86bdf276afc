import type { GuestPlan } from '../../../guest/stream-plan.ts';
import type { VcpuState } from '../../../guest/vcpu-state.ts';
import type { BackgroundEnd, SaveEnd } from '../../../snapshot/background.ts';
import type { SnapshotCounts } from '../../../snapshot/counts.ts';
import type { LaneTask } from '../../../snapshot/lane.ts';
import type { LazyEnd } from '../../../snapshot/lazy.ts';
import type { SharedSlabs } from '../../../snapshot/slabs.ts';
import type { RunConfig } from '../../config.ts';
import type { SharedGuestSide } from '../../common/guest-side.ts';
import type { SaveRequest } from '../../common/snapshot/save-report.ts';

interface EngineParts {
  readonly guestSide: SharedGuestSide;
  readonly plan: GuestPlan;
  readonly clockOrigin: bigint;
  readonly runWords: SharedArrayBuffer;
}

/** Saves a running guest. */
export interface SaveTask extends EngineParts {
  readonly request: SaveRequest;
  readonly link: RunConfig['link'];
  readonly migration: RunConfig['migration'];
  /** The lanes whose threads write; without any, the engine writes itself. */
  readonly lanes: readonly SharedSlabs[];
}

/** What a save has done, or why it could not begin. */
export type SaveAnswer =
  | {
      readonly end: SaveEnd | BackgroundEnd;
      readonly state: readonly VcpuState[] | undefined;
      readonly counts: SnapshotCounts;
      readonly isDirect: boolean;
    }
  | { readonly problem: string };

/** A thread that writes the pages of one lane. */
export interface LaneThreadTask extends LaneTask {
  /** The handshake of the engine's side, whose doorbell is rung after each slab. */
  readonly handshake: SharedArrayBuffer;
}

/** Serves a guest that runs while its pages are read. */
export interface RestoreTask extends EngineParts {
  readonly path: string;
  readonly prefetch: readonly number[];
  readonly recordNs: number;
}

/** The tasks of saves and restores. */
export interface SnapshotTasks {
  readonly save: [SaveTask, SaveAnswer];
  readonly lane: [LaneThreadTask, void];
  readonly restore: [RestoreTask, LazyEnd];
}
