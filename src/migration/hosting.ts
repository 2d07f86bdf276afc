import type { InstallGate } from '../wire/install.ts';
import type { TakenRuns } from '../memory/page-set.ts';

/**
 * The overcommitted hosts of a migration's guest, as the two halves of the algorithm see them. A guest whose host is not
 * overcommitted has neither.
 */

/** The host of the source's guest. */
export interface SourceHost {
  /**
   * Brings pages into memory that are about to be read, and keeps them there until the next call. A page that the
   * guest has never touched reads zero from then on. This may take time.
   */
  fetch(taken: TakenRuns): void;
  /** Whether the destination's host uses the same swap store, so that what is swapped out can stay where it is. */
  readonly sharesStore: boolean;
  /** The slot of the swap store in which a page lies; NO_SLOT when it is not swapped out. */
  slotOf(this: void, gfn: number): number;
}

/** The host of the destination's guest. */
export interface DestinationHost {
  /**
   * Returns the gate through which pages are installed: it gives each its machine page before its bytes are written.
   * `presence` decides which pages are installed while the guest runs without all of them.
   */
  gate(presence: InstallGate | undefined): InstallGate;
  /**
   * Notes that a page lies in a slot of the store that both hosts use. The slot belongs to the source until the guest
   * runs here. Returns false when the page does not lie there.
   */
  takeSlot(gfn: number, slot: number): boolean;
  /** Notes that the guest has given pages back, so that they need no machine pages. */
  surrender(gfn: number, pages: number): void;
}
