import type { Memslot } from '../memory/memslot.ts';
import type { PageTally } from './tally.ts';

/** Decides for each page of a frame whether it may still be installed (memory/presence). */
export interface InstallGate {
  /** Claims a page for writing; returns false if the page must be dropped instead. `isZero` says that it is all zeros. */
  claim(slot: Memslot, page: number, isZero: boolean): boolean;
  /** Tells that all bytes of a claimed page have been written. */
  publish(slot: Memslot, page: number): void;
  /** Gives up a claimed page, the rest of which was lost; it may be claimed again. */
  abandon(slot: Memslot, page: number): void;
}

/** What became of the pages of one frame. */
export interface InstalledPages {
  /** Counts all pages of the frame, the dropped ones included. */
  readonly tally: PageTally;
  /** The number of pages that the gate refused because they were present already. */
  readonly droppedPages: number;
  /** The gfns whose references could not be used; only a frame of references has this. */
  readonly missed?: readonly number[];
}
