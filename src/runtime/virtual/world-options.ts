import type { WorkRunner } from '../common/work.ts';
import type { WorldOptions } from '../world/world.ts';
import type { Happening, HappeningWorld } from './options.ts';

export interface VirtualWorldOptions extends WorldOptions {
  /** Fills the guests' memory and works for the proofs in other threads; without it, this thread does all the work. */
  readonly runner?: WorkRunner;
  /**
   * Whether memory at every guest's target is taken and filled before the world begins, so that a measurement of how
   * fast the emulation is does not contain it. Otherwise each migration takes its memory when it begins.
   */
  readonly areTargetsReady?: boolean;
  /** The world throws an Error after more events than this, as it would never end. */
  readonly mostEvents?: number;
  /** Called now and then while the world plays. */
  readonly onTurn?: () => void;
  /** Returns faults that hit each migration at points in time, for tests. */
  readonly happenings?: (world: HappeningWorld) => readonly Happening[];
  /** Called when a guest stands still, before its proof, with the RAM of each memslot on either side. */
  readonly beforeProof?: (
    source: readonly Uint8Array[],
    destination: readonly Uint8Array[],
  ) => void;
}
