import type { LogReader } from '../memory/dirty-logs/log-reader.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Algorithm } from './ports.ts';

/** What ClearAhead needs of the session that it belongs to. */
export interface ClearingSession {
  readonly side: { readonly guest: { readonly memory: GuestMemory } };
  readonly log: LogReader;
  readonly isPaused: boolean;
  /** The guest's free-page hints, if the migration takes any. */
  readonly hints?: { take(hurries: boolean): void } | undefined;
  guestSettled(): Algorithm<void>;
}

/** Clears the marks of a log with manual clear, a chunk at a time, just before the chunk's first page is sent. */
export class ClearAhead {
  readonly #session: ClearingSession;
  /** The chunks whose marks have been cleared since the last harvest. */
  readonly #cleared = new Set<number>();

  constructor(session: ClearingSession) {
    this.#session = session;
  }

  /** Notes that a harvest has given out marks anew. */
  harvested(): void {
    this.#cleared.clear();
  }

  /**
   * With a log that is cleared by hand, clears the chunk of the next page to be sent, which is the first from `cursor` on,
   * unless that has been done since the last harvest. Returns that page and the chunk's end, up to which pages may be
   * taken.
   */
  *before(cursor: number): Algorithm<{ readonly cursor: number; readonly end: number }> {
    const { side, log, isPaused, hints } = this.#session;
    const { memory } = side.guest;
    const { manualClear, pages } = log;
    if (!manualClear || isPaused) return { cursor, end: memory.pages };
    const next = pages.firstFrom(cursor);
    if (next < 0) return { cursor, end: memory.pages };
    const { clear, cleared, chunkPages } = manualClear;
    const chunk = Math.floor(next / chunkPages);
    const end = Math.min(memory.pages, (chunk + 1) * chunkPages);
    if (this.#cleared.has(chunk)) return { cursor: next, end };
    this.#cleared.add(chunk);
    clear(chunk * chunkPages, end - chunk * chunkPages);
    yield* this.#session.guestSettled();
    hints?.take(true);
    cleared();
    return { cursor: next, end };
  }
}
