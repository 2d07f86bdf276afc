import type { FrameRoom } from '../link/link.ts';
import type { GuestPageSet } from '../memory/guest-memory.ts';
import type { RangesName } from '../wire/ranges.ts';
import type { Algorithm, SourceGuest } from './ports.ts';

/** What ReleasedPages and SwappedPages need of the session that they belong to. */
export interface ReleasingSession {
  readonly side: { readonly guest: SourceGuest };
  /** The pages that have yet to be sent. */
  readonly unsent: GuestPageSet;
  guestSettled(): Algorithm<void>;
  sendFrame(bytes: number, build: (room: FrameRoom) => number): Algorithm<void>;
  sendRanges(
    name: RangesName,
    each: (take: (gfn: number, pages: number) => void) => void,
  ): Algorithm<void>;
}
