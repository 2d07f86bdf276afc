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
 * How far the push may be ahead of the link, and how long one of its frames may keep it busy: a
 * requested page waits behind both. Shorter, and a sender that is woken late leaves the link idle.
 */
const AHEAD_NS = 150e3;
const FRAME_SECONDS = 100e-6;
/** Pages that may wait at a receiver that is slower than the link. */
const QUEUED_BYTES = 256 * 1024;

/**
 * After RUN: sends every page that is still unsent, once. Requested pages go out before anything
 * else; the order says which ones are pushed behind them. One loop serves both.
 */
export class PostcopyPush {
  readonly #session: SourceSession;
  readonly #order: PageOrder;
  readonly #ask: Asker | undefined;
  /** Requested pages that have not gone out yet, the oldest first. */
  readonly #requests: number[] = [];
  /** Pages that go out with those requested, before others are pushed. */
  #ahead: number[] = [];
  /** Requests that have come over this connection. */
  #asked = 0;
  #hasSentEnd = false;
  #presentNs: number | undefined;

  /** `ask`: a policy with a limiter of its own says when little enough is left to send it at full speed. */
  constructor(session: SourceSession, order: PageOrder, ask?: Asker) {
    this.#ask = ask;
    this.#session = session;
    this.#order = order;
  }

  /** Over a new connection requests and the end come anew. */
  restart(): void {
    this.#requests.length = 0;
    this.#ahead = [];
    this.#order.restart?.();
    this.#asked = 0;
    this.#hasSentEnd = false;
  }

  *run(): Algorithm<HandedOver> {
    const session = this.#session;
    const { link, options } = session.side;
    const rate = Math.min(options.linkBytesPerSecond, UNLIMITED_BYTES_PER_SECOND);
    const inFlight = rate * (options.linkLatencyNs / 1e9);
    const least = 2 * session.frameBytes(this.#batch());
    link.lookahead({ ns: AHEAD_NS, bytes: Math.max(least, inFlight + QUEUED_BYTES) });
    session.limit(options.postcopyBytesPerSecond);
    session.renew();
    for (;;) {
      // Whatever has come is taken before the end is looked for: after the last message none follows.
      do this.#takeMessages();
      while (this.#mayServe() && this.#serveRequest());
      if (this.#presentNs !== undefined && session.running) break;
      if (session.isHeldBack && this.#left() > 0) {
        yield* this.#awaitWindow();
        continue;
      }
      if (this.#requests.length === 0 && this.#left() > 0) this.#push();
      if (this.#left() === 0 && !this.#hasSentEnd) yield* this.#sendEnd();
      yield* session.wait({ frame: true, ...this.#credit() });
    }
    return { running: session.running, presentNs: this.#presentNs };
  }

  /** A limiter of a policy's own holds requested pages back as well, unless they have their channel. */
  #mayServe(): boolean {
    if (this.#requests.length === 0) return false;
    const { options } = this.#session.side;
    // A page that is on its way needs nothing any more.
    const isGone = !this.#session.unsent.has(this.#requests[0]!);
    return isGone || options.preempt === true || !this.#session.isHeldBack;
  }

  *#awaitWindow(): Algorithm<void> {
    const session = this.#session;
    if ((yield* session.wait({ frame: true }, session.opensAtNs())) !== 'time') return;
    const way = this.#ask?.('window') ?? 'continue';
    // Less than a threshold's worth is left: QEMU completes, which no limit holds back.
    if (way === 'continue') session.renewIfOver();
    else session.lift();
  }

  /** What there is to send needs this kind of credit; nothing when all has been sent. */
  #credit(): { credit?: 'urgent' | 'pages' } {
    if (this.#requests.length > 0) return { credit: 'urgent' };
    return this.#left() > 0 ? { credit: 'pages' } : {};
  }

  /** Pages that have not been given to the link. */
  #left(): number {
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
        throw new MigrationEnded('failed', `the destination asked for page ${gfn} of the guest`);
      }
      this.#session.metrics.postcopy.requests++;
      if (++this.#asked > guest.memory.pages) {
        throw new MigrationEnded(
          'failed',
          'the destination asks for more pages than the guest has',
        );
      }
      this.#requests.push(gfn);
    } else if (message.name === 'running') {
      this.#session.running = placeRunning(this.#session.helloNs, message.body);
    } else if (message.name === 'complete' && this.#hasSentEnd) {
      this.#presentNs = this.#session.helloNs + message.body.presentNs;
    } else {
      throw new MigrationEnded('failed', `the destination sent ${message.name} out of turn`);
    }
  }

  /** Sends the oldest requested page; false when the link has no room for it now. */
  #serveRequest(): boolean {
    const { unsent } = this.#session;
    const { link } = this.#session.side;
    const gfn = this.#requests[0]!;
    if (unsent.has(gfn)) {
      const room = link.room(this.#session.frameBytes(1), 'urgent');
      if (!room) return false;
      this.#post(unsent.takePage(gfn)!, room);
      this.#order.requested(gfn);
      if (this.#order.readahead) this.#ahead.push(...this.#order.readahead(gfn));
    }
    // A page that is not unsent any more is on its way already.
    this.#requests.shift();
    return true;
  }

  #push(): void {
    const { unsent } = this.#session;
    const { link } = this.#session.side;
    const most = this.#batch();
    const room = link.room(this.#session.frameBytes(most), 'pages');
    if (room) this.#post(this.#nextAhead() ?? this.#order.next(unsent, most), room);
  }

  /** The next page of a cluster that is being read, a frame of its own. */
  #nextAhead(): TakenRuns | undefined {
    const { unsent } = this.#session;
    for (let gfn = this.#ahead.shift(); gfn !== undefined; gfn = this.#ahead.shift()) {
      const taken = unsent.takePage(gfn);
      if (taken) return taken;
    }
    return undefined;
  }

  #post(taken: TakenRuns, room: FrameRoom): void {
    this.#session.metrics.pushed(this.#session.post(taken, room));
  }

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
