import { batchPages, BATCH_BYTES, MAX_FRAME_BYTES } from '../wire/limits.ts';
import {
  type ControlBody,
  type ControlMessage,
  decodeControl,
  encodeControl,
  packControl,
} from '../wire/control.ts';
import { HEADER_BYTES, isOptional } from '../wire/frame.ts';
import { encodePages, type Integrity, pageFrameRoom } from '../wire/pages.ts';
import { TransferMetrics } from './metrics.ts';
import type { Algorithm, Side, SourceGuest, WaitRequest, Wake } from './ports.ts';

/** How long one side waits for an answer that takes the other, or a vCPU, no work. */
export const PATIENCE_NS = 30e9;
/** Whoever watches looks at most this often while batches go out. */
const WATCH_EVERY = 16;
/** A batch is at most this much of the link's time. */
const BATCH_SECONDS = 0.001;

export interface SourceOptions {
  readonly integrity: Integrity;
  readonly zeroPages: boolean;
  /** The slower of the link and the migration's own limit, bytes a second. */
  readonly linkBytesPerSecond: number;
  readonly maxBytesPerSecond: number;
  /** The migration's limit also holds for pages sent after the pause. */
  readonly strictRate: boolean;
  readonly timeoutNs: number;
}

export interface SourceSide extends Side {
  readonly guest: SourceGuest;
  readonly options: SourceOptions;
  /** Told at every step how far it is, for whoever watches. */
  readonly watch?: (session: SourceSession) => void;
}

/** Ends a migration before the point of no return; the guest goes on at the source. */
export class MigrationEnded extends Error {
  override readonly name = 'MigrationEnded';
  readonly outcome: 'cancelled' | 'diverged' | 'failed';
  /** The destination itself says that it failed, so the guest has not run there. */
  readonly isPeerSafe: boolean;

  constructor(outcome: 'cancelled' | 'diverged' | 'failed', message: string, isPeerSafe = false) {
    super(message);
    this.outcome = outcome;
    this.isPeerSafe = isPeerSafe;
  }
}

export type SourcePhase = 'setup' | 'live' | 'stopped' | 'handover' | 'over';

/**
 * What every source algorithm is made of: waiting, sending a batch, sending a control message,
 * harvesting. An algorithm strings these together; see precopy.ts.
 */
export class SourceSession {
  readonly side: SourceSide;
  readonly metrics = new TransferMetrics();
  readonly startNs: number;
  readonly deadlineNs: number;
  phase: SourcePhase = 'setup';
  isLogging = false;
  isPaused = false;
  /** RUN has been sent: cancel and timeout no longer apply. */
  isPastReturn = false;
  firstPageNs: number | undefined;
  readonly stop: { pauseAskedNs?: number; pausedNs?: number; harvestedNs?: number } = {};
  #cursor = 0;
  #waits = 0;

  constructor(side: SourceSide) {
    this.side = side;
    this.startNs = side.clock.now();
    this.deadlineNs = this.startNs + side.options.timeoutNs;
  }

  /** Waits; a cancel, the timeout or a peer that failed end the migration by throwing MigrationEnded. */
  *wait(request: Omit<WaitRequest, 'untilNs' | 'cancel'>): Algorithm<Wake> {
    const nowNs = this.side.clock.now();
    if (this.#waits++ % WATCH_EVERY === 0 || request.credit !== 'pages') this.side.watch?.(this);
    const isBounded = !this.isPastReturn;
    // A link that always has room never lets the wait reach its end, so time is looked at here.
    if (isBounded && nowNs >= this.deadlineNs) throw this.#tooLate();
    // A link that is slow says when it has room; patience is for answers.
    const creditNs = request.credit ? this.side.link.creditAtNs(request.credit) : nowNs;
    const patienceNs = Math.max(nowNs, Number.isFinite(creditNs) ? creditNs : nowNs) + PATIENCE_NS;
    const untilNs = isBounded ? Math.min(this.deadlineNs, patienceNs) : patienceNs;
    const wake = yield { ...request, untilNs, cancel: isBounded };
    if (wake === 'cancel') throw new MigrationEnded('cancelled', 'cancelled');
    if (wake !== 'time') return wake;
    if (untilNs === this.deadlineNs) throw this.#tooLate();
    throw new MigrationEnded('failed', `no answer for ${PATIENCE_NS / 1e9} s`);
  }

  #tooLate(): MigrationEnded {
    const seconds = this.side.options.timeoutNs / 1e9;
    return new MigrationEnded('diverged', `not completed within the timeout of ${seconds} s`);
  }

  /** Waits until the guest has answered what it was asked. */
  *guestSettled(): Algorithm<void> {
    while (!this.side.guest.isSettled()) yield* this.wait({ guest: true });
  }

  *send(message: ControlMessage): Algorithm<void> {
    const packed = packControl(message);
    const { link } = this.side;
    let room = link.room(packed.length + HEADER_BYTES, 'control');
    while (!room) {
      if ((yield* this.wait({ credit: 'control', frame: true })) === 'frame') this.#failIfPeerDid();
      room = link.room(packed.length + HEADER_BYTES, 'control');
    }
    link.post(encodeControl(room.memory, room.at, message.name, packed, room.sequence));
  }

  /** The next message of the peer, which must be one of that name. */
  *receive<Name extends 'welcome' | 'running'>(name: Name): Algorithm<ControlBody<Name>> {
    for (;;) {
      const message = this.#poll();
      if (message?.name === name) return message.body as ControlBody<Name>;
      if (message)
        throw new MigrationEnded('failed', `the destination sent ${message.name} out of turn`);
      yield* this.wait({ frame: true });
    }
  }

  /** Sends the next batch of unsent pages, and with it moves the cursor. */
  *sendBatch(skipsRedirtied: boolean): Algorithm<void> {
    const { link, guest, options, clock } = this.side;
    const { pageSize, pages } = guest.slot.layout;
    const most = this.#batchPages(pageSize);
    const bytes = Math.min(MAX_FRAME_BYTES, pageFrameRoom(most, pageSize));
    for (;;) {
      if ((yield* this.wait({ credit: 'pages', frame: true })) === 'frame') this.#failIfPeerDid();
      const room = link.room(bytes, 'pages');
      if (!room) continue;
      const fromNs = clock.now();
      const live = skipsRedirtied ? guest.dirtyLog.liveMaps() : [];
      const taken = guest.unsent.take(this.#cursor, most, live);
      this.#cursor = taken.cursor >= pages ? 0 : taken.cursor;
      this.metrics.skipped(taken.skipped, fromNs);
      if (taken.pages === 0) return;
      const encoded = encodePages(guest.slot, taken, room.memory, room.at, room.sequence, options);
      const linkFromNs = Math.max(fromNs, link.drainedAtNs);
      link.post(encoded.length);
      const postedNs = clock.now();
      this.firstPageNs ??= postedNs;
      const linkToNs = Math.max(postedNs, link.drainedAtNs);
      this.metrics.sent(encoded, fromNs, linkFromNs, linkToNs);
      return;
    }
  }

  /** Harvests the dirty log into the unsent pages. */
  *sync(): Algorithm<void> {
    const { guest, clock } = this.side;
    guest.dirtyLog.harvest();
    yield* this.guestSettled();
    const dirtied = guest.dirtyLog.collect(guest.unsent);
    this.metrics.synced(dirtied, this.#unsentBytes(), clock.now());
  }

  /** Stops the guest and harvests for the last time: what is unsent now is the last set. */
  *pauseAndHarvest(): Algorithm<void> {
    const { guest, clock, link } = this.side;
    link.rest();
    this.stop.pauseAskedNs = clock.now();
    this.isPaused = true;
    guest.pause();
    yield* this.guestSettled();
    this.stop.pausedNs = clock.now();
    if (this.isLogging) {
      const dirtied = guest.dirtyLog.collectLast(guest.unsent);
      this.metrics.synced(dirtied, this.#unsentBytes(), clock.now());
    }
    this.stop.harvestedNs = clock.now();
    this.phase = 'stopped';
    this.metrics.openRound(true, clock.now());
  }

  #unsentBytes(): number {
    const { unsent, slot } = this.side.guest;
    return unsent.count * slot.layout.pageSize;
  }

  #batchPages(pageSize: number): number {
    const { linkBytesPerSecond, maxBytesPerSecond } = this.side.options;
    const rate = Math.min(linkBytesPerSecond, maxBytesPerSecond);
    const bytes = Math.min(BATCH_BYTES, rate * BATCH_SECONDS);
    return Math.max(1, Math.min(batchPages(pageSize), Math.floor(bytes / pageSize)));
  }

  #poll(): ControlMessage | undefined {
    const frame = this.side.link.poll();
    if (!frame || isOptional(frame)) return undefined;
    const message = decodeControl(frame);
    if (message.name !== 'failed') return message;
    throw new MigrationEnded('failed', `the destination failed: ${message.body.message}`, true);
  }

  #failIfPeerDid(): void {
    const message = this.#poll();
    if (message)
      throw new MigrationEnded('failed', `the destination sent ${message.name} out of turn`);
  }
}
