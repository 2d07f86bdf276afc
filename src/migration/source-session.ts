import type { FrameRoom } from '../link/link.ts';
import type { LogReader } from '../memory/dirty-logs/log-reader.ts';
import type { GuestPageSet } from '../memory/guest-memory.ts';
import type { TakenRuns } from '../memory/page-set.ts';
import {
  type ControlBody,
  type ControlMessage,
  encodeControl,
  packControl,
} from '../wire/control.ts';
import { type Frame, HEADER_BYTES } from '../wire/frame.ts';
import type { RangesName } from '../wire/ranges.ts';
import { type EncodedPages, type Encoder, openEncoder } from '../wire/encoder.ts';
import type { PageTally } from '../wire/tally.ts';
import { type Accounting, plainAccounting } from './accounting.ts';
import { ClearAhead } from './clear-ahead.ts';
import { BatchSizes } from './batch-sizes.ts';
import { FreePageHints } from './free-page-hints.ts';
import { MigrationEnded } from './migration-ended.ts';
import { readMessage } from './peer-messages.ts';
import { type SendLimiter, unlimited } from './limiters.ts';
import type { RunningTimes } from './handover.ts';
import { TransferMetrics } from './metrics.ts';
import type { Algorithm, Side, SourceGuest, WaitRequest, Wake } from './ports.ts';
import type { PageSenders } from './channels/ports.ts';
import { SourceChannels } from './channels/source-channels.ts';
import { SourceDevices } from './devices/source-devices.ts';
import { sendInParts } from './page-parts.ts';
import { ReleasedPages } from './released.ts';
import { ownRuns } from './send-buffer.ts';
import { sendRanges } from './send-ranges.ts';
import type { SentPages } from './references/sent-pages.ts';
import { openReferences, type SourceReferences } from './references/source-references.ts';
import type { SourcePhase } from './source-phase.ts';
import type { SourceOptions } from './source-options.ts';

export { MigrationEnded };
export type { SourcePhase };

/** How long the source waits for an answer of the destination or of a vCPU by default. */
export const PATIENCE_NS = 30e9;
/** While batches go out, `watch` is called at every 16th wait, and before each wait that is this long. */
const WATCH_EVERY = 16;
const LONG_WAIT_NS = 10e6;

/** What the source's half works with. */
export interface SourceSide extends Side {
  readonly guest: SourceGuest;
  readonly options: SourceOptions;
  /** What the guests that move to the same host have sent; without it, references name the guest's own pages alone. */
  readonly sent?: SentPages;
  /** The channels that carry pages beside the link; absent if there are none. */
  readonly senders?: PageSenders;
  /** Called as the migration goes on, for progress displays. */
  readonly watch?: (session: SourceSession) => void;
}

/**
 * The steps of which every source algorithm consists: waiting, sending a batch or a control message,
 * harvesting, pausing. precopy.ts shows how an algorithm uses them. Its waits throw MigrationEnded.
 */
export class SourceSession {
  readonly side: SourceSide;
  readonly metrics = new TransferMetrics();
  readonly accounting: Accounting;
  readonly limiter: SendLimiter;
  readonly released = new ReleasedPages(this);
  /** The devices of the guest; absent if it has none. */
  readonly devices: SourceDevices | undefined;
  /** The guest's free-page hints; absent unless the migration takes any. */
  readonly hints: FreePageHints | undefined;
  /** The pages that are sent as references; absent if none are. */
  readonly references: SourceReferences | undefined;
  readonly encoder: Encoder;
  /** The channels that carry pages beside the main one; absent if there are none. */
  readonly channels: SourceChannels | undefined;
  /** The migration's own reader of the guest's dirty log. */
  readonly log: LogReader;
  readonly startNs: number;
  readonly deadlineNs: number;
  phase: SourcePhase = 'setup';
  isLogging = false;
  isPaused = false;
  /** Whether RUN has been sent, so that cancel and timeout no longer apply. */
  isPastReturn = false;
  /** Whether the guest runs at the destination before all its pages are there. */
  isPostcopy = false;
  /** When HELLO arrived at the destination, which counts its times from then. */
  helloNs = 0;
  /** When the guest began to run at the destination, once it has said so. */
  running: RunningTimes | undefined;
  /** Returns the downtime that the policy aims at now, in ms; absent if it aims at none. */
  downtimeLimitMs: (() => number) | undefined;
  /** Whether the destination has said which pages it has, which means that the guest has run there. */
  hasPeerRun = false;
  firstPageNs: number | undefined;
  readonly stop: {
    pauseAskedNs?: number;
    pausedNs?: number;
    harvestedNs?: number;
    handedNs?: number;
    queuedUntilNs?: number;
  } = {};
  readonly sizes: BatchSizes;
  #cursor = 0;
  #waits = 0;
  readonly #clearAhead = new ClearAhead(this);

  constructor(side: SourceSide) {
    this.side = side;
    this.log = side.guest.openLog();
    const { pacing, devices, switchoverAck } = side.options;
    if (devices) this.devices = new SourceDevices(devices, switchoverAck === true);
    const { hints, manager } = side.guest;
    const takesHints = hints && manager && side.options.freePageHints === true;
    if (takesHints) this.hints = new FreePageHints(this, hints, manager);
    this.encoder = openEncoder(side.options, side.guest.memory);
    this.sizes = new BatchSizes(side.guest.memory.pageSize, side.options);
    this.references = openReferences(this, side.sent);
    this.accounting = pacing?.accounting ?? plainAccounting(side.guest.memory.pageSize);
    this.limiter = pacing?.limiter ?? unlimited;
    if (side.senders) this.channels = new SourceChannels(this, side.senders);
    this.startNs = side.clock.now();
    this.deadlineNs = this.startNs + side.options.timeoutNs;
  }

  /**
   * Waits, until `atNs` at the latest, and returns what ended the wait. Throws MigrationEnded on a cancel,
   * at the timeout, or if there is no answer.
   */
  *wait(request: Omit<WaitRequest, 'untilNs' | 'cancel'>, atNs = Infinity): Algorithm<Wake> {
    const nowNs = this.side.clock.now();
    // A slow link says when it has room again; only after that does waiting for an answer begin.
    const creditNs = request.credit ? this.side.link.creditAtNs(request.credit) : nowNs;
    const isOfPages = request.credit === 'pages' || request.ready !== undefined;
    const isSeldom = !isOfPages || creditNs > nowNs + LONG_WAIT_NS;
    if (this.#waits++ % WATCH_EVERY === 0 || isSeldom) this.side.watch?.(this);
    const isBounded = !this.isPastReturn;
    // With a link that always has room no wait lasts until the deadline, so it is checked here.
    if (isBounded && nowNs >= this.deadlineNs) throw this.#tooLate();
    const busyNs = Math.max(nowNs, this.side.link.drainedAtNs);
    const { patienceNs: ownNs = PATIENCE_NS } = this.side.options;
    const answerNs = ownNs + (this.devices?.patienceNs ?? 0);
    const patienceNs = Math.max(busyNs, Number.isFinite(creditNs) ? creditNs : 0) + answerNs;
    const lastNs = isBounded ? Math.min(this.deadlineNs, patienceNs) : patienceNs;
    const untilNs = Math.min(lastNs, atNs);
    // The fields are written out, since a spread would cost a tenth of the time of a batch.
    const { credit, ready, frame, guest } = request;
    const wake = yield { credit, ready, frame, guest, untilNs, cancel: isBounded };
    if (wake === 'cancel') throw new MigrationEnded('cancelled', 'cancelled');
    if (wake !== 'time') return wake;
    if (untilNs === this.deadlineNs) throw this.#tooLate();
    if (untilNs === atNs) return wake;
    throw new MigrationEnded('failed', `there was no answer for ${answerNs / 1e9} s`);
  }

  #tooLate(): MigrationEnded {
    const seconds = this.side.options.timeoutNs / 1e9;
    return new MigrationEnded('diverged', `not completed within the timeout of ${seconds} s`);
  }

  /** The pages that have yet to be sent. */
  get unsent(): GuestPageSet {
    return this.log.pages;
  }

  /** Whether the migration's limiter lets nothing out now. */
  get isHeldBack(): boolean {
    this.channels?.count();
    return this.limiter.mostPages() <= 0;
  }

  /** Waits until the limiter's window is over. */
  *awaitWindow(): Algorithm<void> {
    const untilNs = this.opensAtNs();
    while (this.side.clock.now() < untilNs) {
      if ((yield* this.wait({ frame: !this.isPostcopy }, untilNs)) === 'frame') this.hearPeer();
    }
  }

  /** Counts the end of a chunk of pages, after which devices have a turn. */
  endChunk(): void {
    this.metrics.account(this.accounting.chunkBytes);
    this.channels?.endChunk();
    if (this.devices) this.devices.isDue = true;
  }

  /** Begins a new window of the limiter. */
  renew(): void {
    this.channels?.count();
    this.limiter.renew(this.side.clock.now() - this.startNs);
  }

  /** Returns when the limiter, which holds the sender back, lets it go on. */
  opensAtNs(): number {
    return this.startNs + this.limiter.opensAtNs(this.side.clock.now() - this.startNs);
  }

  /** Sets the migration's own limit in bytes a second. */
  limit(bytesPerSecond: number): void {
    if (this.side.options.pacing) this.limiter.setRate(bytesPerSecond);
    else this.side.link.limit(bytesPerSecond);
  }

  /** Removes the migration's own limit. */
  lift(): void {
    this.limit(Infinity);
  }

  /** Waits until the guest has answered what it was asked. */
  *guestSettled(): Algorithm<void> {
    while (!this.side.guest.isSettled()) yield* this.wait({ guest: true });
  }

  /** Sends a control message. */
  *send(message: ControlMessage): Algorithm<void> {
    const packed = packControl(message);
    yield* this.sendFrame(packed.length + HEADER_BYTES, (room) =>
      encodeControl(room.memory, room.at, message.name, packed, room.sequence),
    );
  }

  /** Sends a control frame of at most `bytes`; `build` writes it into the room and returns its length. */
  *sendFrame(bytes: number, build: (room: FrameRoom) => number): Algorithm<void> {
    const { link } = this.side;
    let room = link.room(bytes, 'control');
    while (!room) {
      const wake = yield* this.wait({ credit: 'control', frame: !this.isPostcopy });
      if (wake === 'frame') this.hearPeer();
      room = link.room(bytes, 'control');
    }
    link.post(build(room));
  }

  /** Sends the ranges that `each` lists, in ascending order, in as many frames as they need. */
  *sendRanges(
    name: RangesName,
    each: (take: (gfn: number, pages: number) => void) => void,
  ): Algorithm<void> {
    if (this.channels) yield* this.channels.beforeNaming();
    yield* sendRanges(this, name, each);
  }

  /** Waits for the next message of the destination and returns its body; it must have this name. */
  *receive<Name extends 'welcome' | 'running'>(name: Name): Algorithm<ControlBody<Name>> {
    for (;;) {
      const message = this.poll();
      if (message?.name === name) return message.body as ControlBody<Name>;
      if (message)
        throw new MigrationEnded('failed', `the destination sent ${message.name} out of turn`);
      yield* this.wait({ frame: true });
    }
  }

  /** Sends the next batch of unsent pages and moves the cursor behind it. */
  *sendBatch(skipsRedirtied: boolean): Algorithm<void> {
    const most = Math.ceil(Math.min(this.sizes.handedPages, this.limiter.mostPages()));
    const { cursor, end } = yield* this.#clearAhead.before(this.#cursor);
    this.#cursor = cursor;
    if (this.channels) yield* this.channels.sendBatch(() => this.#take(most, end, skipsRedirtied));
    else yield* this.#sendItself(most, end, skipsRedirtied);
  }

  *#sendItself(most: number, end: number, skipsRedirtied: boolean): Algorithm<void> {
    const { link, clock } = this.side;
    for (;;) {
      if ((yield* this.wait({ credit: 'pages', frame: true })) === 'frame') this.hearPeer();
      const room = link.room(this.sizes.frameBytes(most), 'pages');
      if (!room) continue;
      const fromNs = clock.now();
      const taken = this.#take(most, end, skipsRedirtied);
      this.metrics.skipped(taken.skipped, fromNs);
      if (taken.pages === 0) return;
      const linkFromNs = Math.max(fromNs, link.drainedAtNs);
      if (this.sizes.inParts) yield* sendInParts(this, ownRuns(taken), room);
      else {
        const now = this.references?.select(taken) ?? taken;
        if (now.pages > 0) this.countSent(this.post(now, room), fromNs, linkFromNs);
        if (this.references) yield* this.references.afterBatch();
      }
      return;
    }
  }

  /** Counts a frame whose encoding began at `fromNs` and which has the link from `linkFromNs` on. */
  countSent(encoded: EncodedPages, fromNs: number, linkFromNs: number): void {
    const linkToNs = Math.max(this.side.clock.now(), this.side.link.drainedAtNs);
    this.metrics.sent(encoded, fromNs, linkFromNs, linkToNs);
  }

  #take(most: number, end: number, skipsRedirtied: boolean): TakenRuns {
    const { guest, options } = this.side;
    this.released.setAside(false);
    this.hints?.take(false);
    const { log, unsent } = this;
    const { memory } = guest;
    const { rounds, sentPages } = this.metrics;
    // A walk of another order ends with its round.
    const isAgain = options.walk ? rounds.length > 0 : this.#cursor === 0 && sentPages > 0;
    if (isAgain) this.encoder.xbzrle?.walked();
    if (options.walk) return options.walk.take(unsent, most, skipsRedirtied ? log : undefined);
    const liveMaps = skipsRedirtied ? { liveMaps: log.liveMaps } : {};
    const taken = unsent.take(this.#cursor, most, { end, ...liveMaps });
    this.#cursor = taken.cursor >= memory.pages ? 0 : taken.cursor;
    return taken;
  }

  /** Encodes pages into the room, posts the frame and counts its bytes, of which some have been charged already. */
  post(taken: TakenRuns, room: FrameRoom, chargedBytes = 0): EncodedPages {
    this.side.guest.host?.fetch(taken);
    const encoded = this.encoder.encode(taken, room.memory, room.at, room.sequence);
    this.metrics.recorder?.sent(room);
    this.posted(encoded, encoded.tally, chargedBytes);
    this.references?.noteSent(room, taken);
    return encoded;
  }

  /** Posts a frame of pages that has been built; the limiter counts what `share` does. */
  posted({ length, storedLength }: EncodedPages, share: PageTally, chargedBytes = 0): void {
    const { link, clock } = this.side;
    link.post(length, storedLength, chargedBytes);
    this.limiter.take(share);
    this.metrics.account(this.accounting.bytesOf(share));
    this.firstPageNs ??= clock.now();
  }

  /** Harvests the dirty log into the unsent pages. */
  *sync(): Algorithm<void> {
    const { clock } = this.side;
    if (this.references) yield* this.references.flush();
    if (this.channels) yield* this.channels.flush();
    this.hints?.stop();
    this.log.harvest();
    yield* this.guestSettled();
    const dirtied = this.log.collect();
    this.encoder.xbzrle?.harvested();
    this.#clearAhead.harvested();
    this.released.setAside(true);
    this.devices?.refresh(clock.now());
    this.metrics.synced(dirtied, this.#unsentBytes(), clock.now());
    this.hints?.request();
  }

  /** Stops the guest and harvests for the last time; the unsent pages are then the last set. */
  *pauseAndHarvest(): Algorithm<void> {
    const { guest, clock, link } = this.side;
    if (this.references) yield* this.references.settle();
    link.rest();
    this.stop.pauseAskedNs = clock.now();
    this.isPaused = true;
    this.hints?.stop();
    guest.pause();
    yield* this.guestSettled();
    this.stop.pausedNs = clock.now();
    const dirtied = this.isLogging ? this.log.collectLast() : 0;
    const harvestedNs = clock.now();
    if (this.channels) yield* this.channels.settle();
    this.stop.queuedUntilNs = Math.max(this.stop.pauseAskedNs, link.drainedAtNs);
    if (this.isLogging) this.metrics.synced(dirtied, this.#unsentBytes(), harvestedNs);
    this.stop.harvestedNs = harvestedNs;
    this.hints?.done();
    this.devices?.refresh(this.stop.pauseAskedNs);
    if (this.channels) yield* this.channels.flush();
    yield* this.released.settle();
    this.phase = 'stopped';
    this.encoder.xbzrle?.stopped();
    this.metrics.openRound(true, clock.now());
  }

  /** Returns the bytes that would be sent if the guest were stopped, as a policy counts them. */
  #unsentBytes(): number {
    const pageBytes = this.unsent.count * this.side.guest.memory.pageSize;
    return pageBytes + (this.devices?.pendingStoppedBytes ?? 0);
  }

  /** Returns the next message of the destination, or undefined if none has arrived. */
  poll(): ControlMessage | undefined {
    const frame = this.side.link.poll();
    return frame && this.read(frame);
  }

  /** See readMessage. */
  read(frame: Frame): ControlMessage | undefined {
    return readMessage(frame, this);
  }

  /** Takes what the destination has said while it is only to listen: an ACK that is due; all else fails. */
  hearPeer(): void {
    const message = this.poll();
    if (!message) return;
    if (message.name === 'miss' && this.references?.hear(message.body)) return;
    if (message.name === 'ack' && this.devices?.takeAck(this.side.clock.now())) return;
    throw new MigrationEnded('failed', `the destination sent ${message.name} out of turn`);
  }
}
