import type { RunPhase, WorldOptions } from '../world/world.ts';
import type { Connection } from './connection.ts';
import type { WorkerPool } from './pool.ts';
import type { LiveFigures } from './run-words.ts';

export type { RunPhase } from '../world/world.ts';

/** A guest's run as it is at one moment, for displays of its progress. */
export interface LiveView {
  readonly phase: RunPhase;
  readonly figures: LiveFigures;
  /** How many pages the guest has. */
  readonly pages: number;
  /** How many page accesses the guest has made so far. */
  readonly accesses: number;
  readonly elapsedNs: number;
}

export interface ThreadWorldOptions extends WorldOptions {
  /**
   * The threads to use, at least as many as the guests need together; they outlive the world. Without them, the world
   * starts its own.
   */
  readonly pool?: WorkerPool;
  /** Called when a guest stands still, before its proof, with the RAM of each memslot on either side. */
  readonly beforeProof?: (
    source: readonly Uint8Array[],
    destination: readonly Uint8Array[],
  ) => void;
  /** Called when a phase of a guest's run begins. */
  readonly onPhase?: (phase: RunPhase, pool: WorkerPool) => void;
  /** Called with a migration's connection when it begins, so that a test can cut it on an event. */
  readonly onConnection?: (connection: Connection) => void;
}

export interface RunOptions extends ThreadWorldOptions {
  /** Called at the start with a function that returns a view of the run, at any time and as often as one likes. */
  readonly onStart?: (look: () => LiveView) => void;
}

/** Memory could not be allocated, or a thread died, before the guest existed, so there is nothing to report. */
export class RunSetupError extends Error {
  override readonly name = 'RunSetupError';
}
