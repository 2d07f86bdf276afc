import type { GuestPageSet } from '../../memory/guest-memory.ts';
import type { TakenRuns } from '../../memory/page-set.ts';

/** Chooses the pages that post-copy pushes when none is requested. An order keeps its own state. */
export interface PageOrder {
  /** Takes at most `most` pages to push out of `unsent`; the result has no pages if none is left. */
  next(unsent: GuestPageSet, most: number): TakenRuns;
  /** The number of pages that it has taken out of `unsent` but not returned yet; by default 0. */
  readonly held?: number;
  /** Tells that a page was requested and has been sent. */
  requested(gfn: number): void;
  /** Tells that the connection was lost; the order puts the pages that it holds back into `unsent`. */
  restart?(): void;
  /** Returns the gfns of pages that are sent with a requested one; by default none. */
  readahead?(gfn: number): readonly number[];
}
