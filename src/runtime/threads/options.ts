import type { SharedNetwork } from '../../link/network.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { Network } from './network.ts';
import type { WorkerPool } from './pool.ts';
import type { LiveFigures } from './run-words.ts';

export type RunPhase = 'prepare' | 'before' | 'migrate' | 'after' | 'verify';

/** What somebody who watches a run sees. */
export interface LiveView {
  readonly phase: RunPhase;
  readonly figures: LiveFigures;
  readonly pages: number;
  readonly accesses: number;
  readonly elapsedNs: number;
}

/** What a run has to do with others beside it, in a world of several guests. */
export interface RunCompany {
  /** Origin of the clock that all of them read. */
  readonly origin: bigint;
  /** Links that they share. */
  readonly network: SharedNetwork;
  /** Everything is ready: returns when the guest may start. */
  readonly beforeStart: () => Promise<void>;
  /** The guest runs: returns when its migration may begin, with the flows there and back that are its own. */
  readonly beforeMigration: () => Promise<{ readonly forward: number; readonly backward: number }>;
  /** The migration is over: returns when the guest may stop, and be proved. */
  readonly afterMigration: (report: SourceReport, atNs: number) => Promise<void>;
}

export interface RunOptions {
  /** Present when it runs beside others. */
  readonly company?: RunCompany;
  /** Threads to use, at least as many as the run needs; they outlive it. Absent: own ones. */
  readonly pool?: WorkerPool;
  /** Cancels the migration, as Ctrl-C does. */
  readonly signal?: AbortSignal;
  /** Given a function to call for a look, as often as one likes. */
  readonly onStart?: (look: () => LiveView) => void;
  /** Called when the guest stands still and the proof comes next, with both sides' RAM by memslot. */
  readonly beforeProof?: (
    source: readonly Uint8Array[],
    destination: readonly Uint8Array[],
  ) => void;
  /** Called when a phase begins. */
  readonly onPhase?: (phase: RunPhase, pool: WorkerPool) => void;
  /** Given the connection when the migration begins, to lose it on an event and not at an instant. */
  readonly onNetwork?: (network: Network) => void;
}

/** Memory could not be had or a thread died before the guest existed: there is nothing to report. */
export class RunSetupError extends Error {
  override readonly name = 'RunSetupError';
}
