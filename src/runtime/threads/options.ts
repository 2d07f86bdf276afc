import type { SharedNetwork } from '../../link/network.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { Connection } from './connection.ts';
import type { WorkerPool } from './pool.ts';
import type { LiveFigures } from './run-words.ts';

export type RunPhase = 'prepare' | 'before' | 'migrate' | 'after' | 'verify';

/** A run as it is at one moment, for displays of its progress. */
export interface LiveView {
  readonly phase: RunPhase;
  readonly figures: LiveFigures;
  /** How many pages the guest has. */
  readonly pages: number;
  /** How many page accesses the guest has made so far. */
  readonly accesses: number;
  readonly elapsedNs: number;
}

/** What joins a run to the runs beside it, in a world of several guests. */
export interface RunCompany {
  /** The origin of the clock that all of the runs read. */
  readonly origin: bigint;
  /** The links that all of the runs share. */
  readonly network: SharedNetwork;
  /** Called when everything is ready; resolves when the guest may start. */
  readonly beforeStart: () => Promise<void>;
  /** Called when the guest runs; resolves when its migration may begin, to the flows that are its own. */
  readonly beforeMigration: () => Promise<{ readonly forward: number; readonly backward: number }>;
  /** Called when the migration has ended; resolves when the guest may stop and be proved. */
  readonly afterMigration: (report: SourceReport, atNs: number) => Promise<void>;
}

export interface RunOptions {
  /** The runs beside this one, in a world of several guests. */
  readonly company?: RunCompany;
  /** The threads to use, at least as many as the run needs; they outlive it. Without them, the run starts its own. */
  readonly pool?: WorkerPool;
  /** Aborting it cancels the migration, as Ctrl-C does. */
  readonly signal?: AbortSignal;
  /** Called at the start with a function that returns a view of the run, at any time and as often as one likes. */
  readonly onStart?: (look: () => LiveView) => void;
  /** Called when the guest stands still, before the proof, with the RAM of each memslot on either side. */
  readonly beforeProof?: (
    source: readonly Uint8Array[],
    destination: readonly Uint8Array[],
  ) => void;
  /** Called when a phase begins. */
  readonly onPhase?: (phase: RunPhase, pool: WorkerPool) => void;
  /** Called with the connection when the migration begins, so that a test can cut it on an event. */
  readonly onConnection?: (connection: Connection) => void;
}

/** Memory could not be allocated, or a thread died, before the guest existed, so there is nothing to report. */
export class RunSetupError extends Error {
  override readonly name = 'RunSetupError';
}
