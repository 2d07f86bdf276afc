import type { BackgroundEnd, SaveEnd } from '../../../snapshot/background.ts';
import type { SnapshotCounts } from '../../../snapshot/counts.ts';
import type { SaveMode } from '../../../snapshot/format.ts';
import type { Proof } from '../../report.ts';

/** What a guest is to be saved to, and how. */
export interface SaveRequest {
  readonly path: string;
  readonly mode: SaveMode;
  /** The complete scenario, which the file keeps. */
  readonly scenario: Readonly<Record<string, unknown>>;
  /** The snapshot of which only differing pages are written. */
  readonly base?: string | undefined;
  /** How many threads write; only `threads` reads it. */
  readonly channels: number;
  /** Whether pages go past the page cache, where the file system takes that. */
  readonly direct: boolean;
}

/** What a runtime reports of a save. All times are on the run's clock. */
export interface SaveReport {
  readonly runtime: 'threads' | 'virtual';
  readonly clock: string;
  readonly mode: SaveMode;
  readonly end: SaveEnd | BackgroundEnd;
  readonly counts: SnapshotCounts;
  /** Whether pages went past the page cache. */
  readonly isDirect: boolean;
  readonly guest: {
    readonly pages: number;
    readonly pageSize: number;
    /** The accesses of the guest until it was saved, and in all. */
    readonly savedAccesses?: number;
    readonly accesses: number;
    readonly achievedRate?: readonly number[];
  };
  /** The proof of the file, which has been read again. */
  readonly proof?: Proof;
  /** The proof of a guest that ran on. */
  readonly guestProof?: Proof;
}

/** How far a save or a restore is. */
export interface SnapshotProgress {
  readonly phase: 'prepare' | 'before' | 'work' | 'after' | 'verify';
  readonly doneBytes: number;
  readonly allBytes: number;
}

export interface SnapshotOptions {
  /** Aborting it cancels the save; the guest goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Aborting it gives up the proof. */
  readonly proofSignal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: SnapshotProgress) => void) | undefined;
}
