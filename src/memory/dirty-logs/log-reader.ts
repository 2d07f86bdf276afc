import type { GuestPageSet } from '../guest-memory.ts';
import type { DirtyLog } from './dirty-log.ts';

/**
 * The view that one reader has of a guest's dirty log; a migration, a monitor and a measurement of the dirty rate are
 * readers. Each reader has a page set of its own and gets every mark made since its last harvest, whatever the others
 * have harvested meanwhile. Its methods ask and `isSettled` answers, as with DirtyLog.
 */
export interface LogReader extends Omit<DirtyLog, 'collect' | 'collectLast'> {
  /** The reader's own set; that of a migration holds the pages that it has yet to send. */
  readonly pages: GuestPageSet;
  /** Moves the marks of a settled harvest into `pages`; returns how many are new there. */
  collect(this: void): number;
  /** Moves all marks into `pages` while every writer is parked; returns how many are new there. */
  collectLast(this: void): number;
  /** Calls `observer` for each memslot whenever marks have been moved into `pages`, also by another reader's harvest. */
  observe(this: void, observer: HarvestObserver): void;
  /** It is there when the reader clears marks itself, in chunks, just before their pages are sent. */
  readonly manualClear?: ManualClear;
  /** Closes the reader, after which the guest may give its page set to another; stops its logging if that is on. */
  close(this: void): void;
}

/**
 * Is called with what a harvest has added to one memslot's part of a reader's set: the slot's first gfn, and the bitmap
 * of the part before and after it. Both are valid only during the call.
 */
export type HarvestObserver = (firstGfn: number, before: Uint32Array, after: Uint32Array) => void;

/** What a reader of a log with manual clear has in addition (manual-clear.ts). */
export interface ManualClear {
  /** The number of pages that the reader clears at a time. */
  readonly chunkPages: number;
  /** Asks to clear the marks of the pages [firstGfn, firstGfn + pages). */
  clear(this: void, firstGfn: number, pages: number): void;
  /** Clears them, once that has settled: the marks of those pages of the range that are in the reader's set. */
  cleared(this: void): void;
  /** Clears the marks of the pages [firstGfn, firstGfn + pages) that are kept, but none that no harvest has taken yet. */
  forget(this: void, firstGfn: number, pages: number): void;
}
