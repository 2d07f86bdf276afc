import type { LogReader } from '../memory/dirty-logs/log-reader.ts';
import { HINT_DONE, HINT_STOP } from '../memory/handshake/words.ts';
import { PAGE_HINTED } from '../memory/kernels/abi.ts';
import type { Algorithm, GuestHints, GuestManager } from './ports.ts';
import type { RangesName } from '../wire/ranges.ts';

/** What FreePageHints needs of the session that it belongs to. */
export interface HintedSession {
  /** The migration's own reader of the dirty log, whose set holds the pages that have yet to be sent. */
  readonly log: LogReader;
  sendRanges(
    name: RangesName,
    each: (take: (gfn: number, pages: number) => void) => void,
  ): Algorithm<void>;
}

/** What became of the hints of a migration, in pages. */
export interface HintCounts {
  /** The pages of the hints that were taken. */
  readonly hintedPages: number;
  /** Those of them that had yet to be sent, and were taken out of the pages to send. */
  readonly skippedPages: number;
}

/** Whether a queue's blocks count: only between the guest's answer to the present id and its end. */
type QueueStatus = 'requested' | 'started' | 'stopped';

/**
 * The host's half of free-page hinting, with QEMU's rules (hw/virtio/virtio-balloon.c,
 * virtio_balloon_free_page_hint_notify; migration/ram.c, qemu_guest_free_page_hint). Before each synchronization of the
 * dirty bitmap hinting stops. After it, as long as the guest runs, a new id asks for hints. The guest answers with the
 * id; blocks that come before that answer a former id and are ignored. Each block that counts is removed from the pages
 * to send, and from the marks that a log with manual clear keeps. A page that the guest takes and writes to after its
 * hint is marked anew, and the next synchronization brings it back: therefore the log must be on before the first id is
 * shown, and the migration must be its only reader: another one's harvest would bring marks into the pages to send that
 * are newer than a hint which is still in a queue. Once the guest has stopped, or when the migration ends, it is told
 * that it may use all hinted pages again.
 *
 * The bytes of a page that is hinted and not sent are undefined for the guest. Here they read zero at the destination,
 * which is told which pages they are, as it can't read the guest's own list of free pages.
 */
export class FreePageHints {
  readonly #session: HintedSession;
  readonly #guest: GuestHints;
  readonly #manager: GuestManager;
  readonly #status: QueueStatus[];
  #id = HINT_STOP;
  readonly #counts = { hintedPages: 0, skippedPages: 0 };

  constructor(session: HintedSession, guest: GuestHints, manager: GuestManager) {
    this.#session = session;
    this.#guest = guest;
    this.#manager = manager;
    this.#status = Array.from({ length: guest.queues }, () => 'stopped');
  }

  get counts(): HintCounts {
    return this.#counts;
  }

  /** After a synchronization, which leaves the log on, asks the running guest for its free pages. */
  request(): void {
    this.#id = this.#guest.nextId();
    this.#status.fill('requested');
    this.#guest.command(this.#id);
  }

  /** Before a synchronization, takes the hints that have come, and no more of them. */
  stop(): void {
    this.take(false);
    this.#status.fill('stopped');
    this.#guest.command(HINT_STOP);
  }

  /** Lets the guest use all of its pages again. */
  done(): void {
    this.#status.fill('stopped');
    this.#guest.command(HINT_DONE);
  }

  /**
   * Takes the hints that have come. The sender calls this before each batch. When a log with manual clear has harvested
   * marks to clear a chunk, all hints must be taken before these marks are: a mark that is newer than the hint would
   * otherwise be cleared with it.
   */
  take(hurries: boolean): void {
    for (let queue = 0; queue < this.#guest.queues; queue++) {
      for (;;) {
        const entry = this.#guest.next(queue, hurries);
        if (!entry) break;
        if ('command' in entry) this.#answered(queue, entry.command);
        else if (this.#status[queue] === 'started') this.#clear(entry.gfn, entry.pages);
      }
    }
  }

  /** The guest begins to answer an id, or has no more blocks; an answer to a former id counts for nothing. */
  #answered(queue: number, command: number): void {
    if (this.#status[queue] === 'requested' && command === this.#id) {
      this.#status[queue] = 'started';
    } else if (this.#status[queue] === 'started') {
      this.#status[queue] = 'stopped';
    }
  }

  #clear(gfn: number, pages: number): void {
    const { log } = this.#session;
    const before = log.pages.count;
    log.pages.dropRun(gfn, pages);
    log.manualClear?.forget(gfn, pages);
    this.#counts.hintedPages += pages;
    this.#counts.skippedPages += before - log.pages.count;
  }

  /** Once all pages have been sent, tells the destination which pages of the stopped guest are hinted. */
  *settle(): Algorithm<void> {
    const { states } = this.#manager;
    yield* this.#session.sendRanges('hinted', (take) => states.eachRun(PAGE_HINTED, take));
  }
}
