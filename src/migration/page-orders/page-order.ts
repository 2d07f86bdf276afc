import type { GuestPageSet } from '../../memory/guest-memory.ts';
import type { TakenRuns } from '../../memory/page-set.ts';

/** Which pages post-copy pushes when none is asked for. An order keeps its own state. */
export interface PageOrder {
  /** Takes the next pages to push, `most` at most; a run list without pages when none is left. */
  next(unsent: GuestPageSet, most: number): TakenRuns;
  /** Pages that it has taken and not yet given out; absent: it holds none. */
  readonly held?: number;
  /** A page was requested and has been taken. */
  requested(gfn: number): void;
  /** A connection was lost: what it holds counts as unsent again. */
  restart?(): void;
  /** Pages that go out with a requested one; absent: none. */
  readahead?(gfn: number): readonly number[];
}
