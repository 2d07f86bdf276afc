import type { FrameRoom } from '../link/link.ts';
import type { TakenRuns } from '../memory/page-set.ts';
import type { ControlMessage } from '../wire/control.ts';
import { UNLIMITED_BYTES_PER_SECOND } from '../link/capacity.ts';
import { batchPages } from '../wire/limits.ts';
import type { PageOrder } from './page-orders/page-order.ts';
import type { Algorithm } from './ports.ts';
import type { Asker } from './precopy.ts';
import { placeRunning } from './handover.ts';
import { ownRuns, SendBuffer } from './send-buffer.ts';
import { SharedChannels } from './shared-channels.ts';
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
  /** What has been handed over ahead of the link; absent when that is next to nothing. */
  readonly #buffer: SendBuffer | undefined;
  /** The channels that share the link; absent when each page leaves as a whole. */
  readonly #channels: SharedChannels | undefined;

  /** `ask` asks a policy with a limiter of its own when so little is left that the limit ends. */
  constructor(session: SourceSession, order: PageOrder, ask?: Asker) {
    this.#ask = ask;
    this.#session = session;
    this.#order = order;
    const { options, guest } = session.side;
    const { pageSize } = guest.memory;
    const { sendBufferBytes = 0, breakHuge, preempt, linkBytesPerSecond } = options;
    if (sendBufferBytes > 0) {
      // Pages that travel in parts are too large to be scanned before their turn.
      const seeksZeros = options.encodings.includes('zero') && !session.sizes.inParts;
      this.#buffer = new SendBuffer(sendBufferBytes, pageSize, seeksZeros);
    }
    const partBytes = linkBytesPerSecond * FRAME_SECONDS;
    const isShared = preempt === true && breakHuge !== undefined && pageSize > partBytes;
    if (isShared || session.sizes.inParts) {
      const isOne = preempt !== true;
      const breaksHuge = !isOne && breakHuge !== false;
      this.#channels = new SharedChannels(session, { isOne, breaksHuge, partBytes });
    }
  }

  /** Forgets the requests and END of a lost connection, since they are sent again over the next one. */
  restart(): void {
    this.#requests.length = 0;
    this.#cluster = [];
    this.#buffer?.clear();
    this.#channels?.clear();
    this.#session.references?.giveBack();
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
    const least = 2 * session.sizes.frameBytes(this.#batch());
    link.lookahead({ ns: AHEAD_NS, bytes: Math.max(least, inFlight + QUEUED_BYTES) });
    session.limit(options.postcopyBytesPerSecond);
    session.renew();
    for (;;) {
      // Messages are taken before the loop may end, since no frame wakes it after the last of them.
      do this.#takeMessages();
      while (!this.#channels && this.#mayServe() && this.#serveRequest());
      if (this.#channels) this.#share(this.#channels);
      if (this.#presentNs !== undefined && session.running) break;
      if (session.isHeldBack && this.#pagesLeft() > 0) {
        yield* this.#awaitWindow();
        continue;
      }
      if (this.#requests.length === 0 && this.#pagesLeft() > 0 && !this.#channels) this.#push();
      session.references?.post();
      if (this.#isAllSent() && !this.#hasSentEnd) yield* this.#sendEnd();
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
    const credit = this.#channels?.hasFreeUrgent ? { credit: 'control' as const } : {};
    if ((yield* session.wait({ frame: true, ...credit }, session.opensAtNs())) !== 'time') return;
    const way = this.#ask?.('window') ?? 'continue';
    // When less than a threshold is left, QEMU completes the migration, which no limit holds back.
    if (way !== 'continue') session.lift();
    else if (session.isHeldBack) session.renew();
  }

  /** Returns the kind of credit that the next page needs, or none if all pages have been sent. */
  #credit(): { credit?: 'urgent' | 'pages' | 'control' } {
    if (this.#channels) {
      const { hasUrgent, takesUrgent } = this.#channels;
      if (hasUrgent || (this.#requests.length > 0 && takesUrgent)) return { credit: 'control' };
      return this.#pagesLeft() > 0 ? { credit: 'pages' } : {};
    }
    if (this.#requests.length > 0) return { credit: 'urgent' };
    const isWaiting = this.#session.references?.isWaiting === true;
    return isWaiting || this.#pagesLeft() > 0 ? { credit: 'pages' } : {};
  }

  /** Returns the number of pages that have not been posted to the link. */
  #pagesLeft(): number {
    return this.#pagesToPush() + (this.#buffer?.pages ?? 0) + (this.#channels?.pages ?? 0);
  }

  /** Returns the number of pages that the page order has yet to give. */
  #pagesToPush(): number {
    return this.#session.unsent.count + (this.#order.held ?? 0);
  }

  /** Whether every page has been sent, and no answer to a reference is awaited. */
  #isAllSent(): boolean {
    return this.#pagesLeft() === 0 && this.#session.references?.isOpen !== true;
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
      this.#session.metrics.recorder?.requested(gfn);
      if (++this.#requestCount > guest.memory.pages) {
        throw new MigrationEnded(
          'failed',
          'the destination asks for more pages than the guest has',
        );
      }
      this.#requests.push(gfn);
    } else if (message.name === 'miss' && this.#session.references) {
      // A vCPU may wait for a page that was sent as a reference, so it goes first.
      this.#requests.push(...this.#session.references.hear(message.body));
    } else if (message.name === 'running' && !this.#hasHeardRunning) {
      this.#hasHeardRunning = true;
      if (this.#session.devices) this.#session.devices.times = message.body.devices;
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
    if (unsent.has(gfn) && this.#buffer && this.#session.side.options.preempt !== true) {
      this.#buffer.add(this.#takeRequested(gfn));
    } else if (unsent.has(gfn)) {
      const room = link.room(this.#session.sizes.frameBytes(1), 'urgent');
      if (!room) return false;
      this.#post(this.#takeRequested(gfn), room);
    }
    // Otherwise the page has been sent already.
    this.#requests.shift();
    return true;
  }

  /** Takes a requested page, and lets the push go on behind it. */
  #takeRequested(gfn: number): TakenRuns {
    const taken = this.#session.unsent.takePage(gfn)!;
    this.#order.requested(gfn);
    if (this.#order.readahead) this.#cluster.push(...this.#order.readahead(gfn));
    return taken;
  }

  #push(): void {
    const { link } = this.#session.side;
    this.#fill();
    const most = this.#buffer?.first?.pages ?? this.#batch();
    const room = link.room(this.#session.sizes.frameBytes(most), 'pages');
    if (!room) return;
    const taken = this.#buffer?.shift() ?? this.#next(most);
    const now = this.#session.references?.select(taken) ?? taken;
    if (now.pages > 0) this.#post(now, room);
  }

  #next(most: number): TakenRuns {
    return this.#nextOfCluster() ?? this.#order.next(this.#session.unsent, most);
  }

  /** Hands pages over until the buffer is full, also with what has yet to leave of a page that travels in parts. */
  #fill(): void {
    const buffer = this.#buffer;
    if (!buffer) return;
    const leavingBytes = this.#channels?.partedBytes ?? 0;
    while (!buffer.isFullWith(leavingBytes) && this.#pagesToPush() > 0) {
      const taken = this.#next(this.#batch());
      if (taken.pages === 0) return;
      buffer.add(taken);
    }
  }

  /** Lets requested and pushed pages leave over channels that share the link. */
  #share(channels: SharedChannels): void {
    const isOne = this.#session.side.options.preempt !== true;
    if (this.#buffer && isOne) this.#queueRequested(this.#buffer);
    channels.send({ urgent: () => this.#nextRequested(), push: () => this.#nextPushed() });
  }

  /** Hands requested pages over behind what is in the one channel's buffer. */
  #queueRequested(buffer: SendBuffer): void {
    for (let taken = this.#nextRequested(); taken; taken = this.#nextRequested()) buffer.add(taken);
  }

  /** Takes the page of the oldest request whose page has not been sent yet. */
  #nextRequested(): TakenRuns | undefined {
    for (let gfn = this.#requests.shift(); gfn !== undefined; gfn = this.#requests.shift()) {
      const isComing = this.#channels?.isLeaving(gfn) === true;
      if (!isComing && this.#session.unsent.has(gfn)) return ownRuns(this.#takeRequested(gfn));
    }
    return undefined;
  }

  /** Takes the pages that the push sends next, unless its limit holds them back. */
  #nextPushed(): TakenRuns | undefined {
    if (this.#session.isHeldBack) return undefined;
    this.#fill();
    const taken = this.#buffer?.shift();
    if (taken) return taken;
    if (this.#pagesToPush() === 0) return undefined;
    return ownRuns(this.#next(this.#batch()));
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
    if (this.#session.sizes.inParts) return 1;
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
