import type { FrameRoom } from '../link/link.ts';
import type { TakenRuns } from '../memory/page-set.ts';
import type { ControlMessage } from '../wire/control.ts';
import { UNLIMITED_BYTES_PER_SECOND } from '../link/capacity.ts';
import { batchPages } from '../wire/limits.ts';
import type { PageOrder } from './page-orders/page-order.ts';
import type { Algorithm } from './ports.ts';
import type { Asker } from './precopy.ts';
import { placeRunning } from './handover.ts';
import type { HandedOver } from './source.ts';
import { MigrationEnded, type SourceSession } from './source-session.ts';

/**
 * How far the push may be ahead of the link, and how long one of its frames may keep the link busy. A
 * requested page waits for both, so they are short; were they shorter, a sender that is woken late would
 * leave the link idle.
 */
const AHEAD_NS = 150e3;
const FRAME_SECONDS = 100e-6;
/** How many bytes of pages may wait at a receiver that is slower than the link. */
const QUEUED_BYTES = 256 * 1024;

/**
 * After RUN, sends every page once that is still unsent. Requested pages go out first; the page order
 * says which pages are pushed when none is requested. One loop does both.
 */
export class PostcopyPush {
  readonly #session: SourceSession;
  readonly #order: PageOrder;
  readonly #ask: Asker | undefined;
  /** The gfns of requested pages that have not been sent yet, the oldest request first. */
  readonly #requests: number[] = [];
  /** The gfns of pages that are sent with a requested one, before others are pushed. */
  #cluster: number[] = [];
  /** The number of requests that have come over this connection. */
  #requestCount = 0;
  #hasSentEnd = false;
  /** Whether RUNNING has come over this connection; the destination says it once over each. */
  #hasHeardRunning = false;
  #presentNs: number | undefined;

  /** `ask` asks a policy with a limiter of its own when so little is left that the limit ends. */
  constructor(session: SourceSession, order: PageOrder, ask?: Asker) {
    this.#ask = ask;
    this.#session = session;
    this.#order = order;
  }

  /** Forgets the requests and END of a lost connection, since they are sent again over the next one. */
  restart(): void {
    this.#requests.length = 0;
    this.#cluster = [];
    this.#order.restart?.();
    this.#requestCount = 0;
    this.#hasSentEnd = false;
    this.#hasHeardRunning = false;
  }

  /** Sends pages until the guest runs at the destination with all its pages. */
  *run(): Algorithm<HandedOver> {
    const session = this.#session;
    const { link, options } = session.side;
    const { linkBytesPerSecond } = options;
    const isLimited = linkBytesPerSecond < Infinity;
    const rate = isLimited ? linkBytesPerSecond : UNLIMITED_BYTES_PER_SECOND;
    const inFlight = rate * (options.linkLatencyNs / 1e9);
    const least = 2 * session.frameBytes(this.#batch());
    link.lookahead({ ns: AHEAD_NS, bytes: Math.max(least, inFlight + QUEUED_BYTES) });
    session.limit(options.postcopyBytesPerSecond);
    session.renew();
    for (;;) {
      // Messages are taken before the loop may end, since no frame wakes it after the last of them.
      do this.#takeMessages();
      while (this.#mayServe() && this.#serveRequest());
      if (this.#presentNs !== undefined && session.running) break;
      if (session.isHeldBack && this.#pagesLeft() > 0) {
        yield* this.#awaitWindow();
        continue;
      }
      if (this.#requests.length === 0 && this.#pagesLeft() > 0) this.#push();
      if (this.#pagesLeft() === 0 && !this.#hasSentEnd) yield* this.#sendEnd();
      yield* session.wait({ frame: true, ...this.#credit() });
    }
    return { running: session.running, presentNs: this.#presentNs };
  }

  /**
   * Returns whether the oldest request may be served now. A policy's limiter holds requests back, unless
   * they have a channel of their own.
   */
  #mayServe(): boolean {
    if (this.#requests.length === 0) return false;
    const { options } = this.#session.side;
    // A page that has been sent already takes no bytes.
    const isGone = !this.#session.unsent.has(this.#requests[0]!);
    return isGone || options.preempt === true || !this.#session.isHeldBack;
  }

  *#awaitWindow(): Algorithm<void> {
    const session = this.#session;
    if ((yield* session.wait({ frame: true }, session.opensAtNs())) !== 'time') return;
    const way = this.#ask?.('window') ?? 'continue';
    // When less than a threshold is left, QEMU completes the migration, which no limit holds back.
    if (way === 'continue') session.renewIfOver();
    else session.lift();
  }

  /** Returns the kind of credit that the next page needs, or none if all pages have been sent. */
  #credit(): { credit?: 'urgent' | 'pages' } {
    if (this.#requests.length > 0) return { credit: 'urgent' };
    return this.#pagesLeft() > 0 ? { credit: 'pages' } : {};
  }

  /** Returns the number of pages that have not been posted to the link. */
  #pagesLeft(): number {
    return this.#session.unsent.count + (this.#order.held ?? 0);
  }

  #takeMessages(): void {
    for (;;) {
      const message = this.#session.poll();
      if (!message) return;
      this.#take(message);
    }
  }

  #take(message: ControlMessage): void {
    const { guest } = this.#session.side;
    if (message.name === 'request') {
      const { gfn } = message.body;
      if (gfn >= guest.memory.pages) {
        throw new MigrationEnded(
          'failed',
          `the destination asked for page ${gfn} of a guest that has ${guest.memory.pages}`,
        );
      }
      this.#session.metrics.postcopy.requests++;
      if (++this.#requestCount > guest.memory.pages) {
        throw new MigrationEnded(
          'failed',
          'the destination asks for more pages than the guest has',
        );
      }
      this.#requests.push(gfn);
    } else if (message.name === 'running' && !this.#hasHeardRunning) {
      this.#hasHeardRunning = true;
      this.#session.running = placeRunning(this.#session.helloNs, message.body);
    } else if (message.name === 'complete' && this.#hasSentEnd && this.#hasHeardRunning) {
      this.#presentNs = this.#session.helloNs + message.body.presentNs;
    } else {
      throw new MigrationEnded('failed', `the destination sent ${message.name} out of turn`);
    }
  }

  /** Sends the oldest requested page; returns false if the link has no room for it now. */
  #serveRequest(): boolean {
    const { unsent } = this.#session;
    const { link } = this.#session.side;
    const gfn = this.#requests[0]!;
    if (unsent.has(gfn)) {
      const room = link.room(this.#session.frameBytes(1), 'urgent');
      if (!room) return false;
      this.#post(unsent.takePage(gfn)!, room);
      this.#order.requested(gfn);
      if (this.#order.readahead) this.#cluster.push(...this.#order.readahead(gfn));
    }
    // Otherwise the page has been sent already.
    this.#requests.shift();
    return true;
  }

  #push(): void {
    const { unsent } = this.#session;
    const { link } = this.#session.side;
    const most = this.#batch();
    const room = link.room(this.#session.frameBytes(most), 'pages');
    if (room) this.#post(this.#nextOfCluster() ?? this.#order.next(unsent, most), room);
  }

  /** Takes the next unsent page that goes out with a requested one; each has a frame of its own. */
  #nextOfCluster(): TakenRuns | undefined {
    const { unsent } = this.#session;
    for (let gfn = this.#cluster.shift(); gfn !== undefined; gfn = this.#cluster.shift()) {
      const taken = unsent.takePage(gfn);
      if (taken) return taken;
    }
    return undefined;
  }

  #post(taken: TakenRuns, room: FrameRoom): void {
    this.#session.metrics.pushed(this.#session.post(taken, room));
  }

  /** Returns the largest number of pages in one pushed frame. */
  #batch(): number {
    const { options, guest } = this.#session.side;
    const { pageSize } = guest.memory;
    const rate = options.pacing
      ? options.linkBytesPerSecond
      : Math.min(options.linkBytesPerSecond, options.postcopyBytesPerSecond);
    const pages = Math.min(batchPages(pageSize), (rate * FRAME_SECONDS) / pageSize);
    const most = this.#session.limiter.mostPages();
    return Math.max(1, Math.floor(Math.min(pages, most)));
  }

  *#sendEnd(): Algorithm<void> {
    this.#hasSentEnd = true;
    yield* this.#session.send({ name: 'end', body: {} });
  }
}
