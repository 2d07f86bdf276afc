import type { GuestPageSet } from '../guest-memory.ts';
import type { DirtyLog } from './dirty-log.ts';

/**
 * One reader's view of a guest's dirty log: a migration, a monitor, a measurement of the dirty rate.
 * Each reader has a page set of its own and takes from the log what has been marked since it asked
 * last, whatever the others have taken meanwhile. Calls ask and `isSettled` answers, as those of
 * DirtyLog.
 */
export interface LogReader extends Omit<DirtyLog, 'collect' | 'collectLast'> {
  /** The reader's own set; a migration's are the pages that it has yet to send. */
  readonly pages: GuestPageSet;
  /** After a settled harvest: moves its marks into `pages`, returns how many are new there. */
  collect(this: void): number;
  /** While every writer is parked: moves all marks there are into `pages`, returns how many are new. */
  collectLast(this: void): number;
  /** Present when marks are cleared by hand, in chunks, just before their pages are sent. */
  readonly manualClear?: ManualClear;
  /** Gives the page set back to the guest. A reader whose log is on stops it first. */
  close(this: void): void;
}

/** What a log that is cleared by hand has beside (manual-clear.ts). */
export interface ManualClear {
  readonly chunkPages: number;
  /** Asks for pages [firstGfn, firstGfn + pages) to be clean. */
  clear(this: void, firstGfn: number, pages: number): void;
  /** After a settled clear: carries it out for those pages of the range that are in the reader's set. */
  cleared(this: void): void;
}
