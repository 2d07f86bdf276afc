import type { EncodedPages } from '../wire/encoder.ts';
import type { PageRecorder } from './page-record/page-recorder.ts';
import { addTally, type OpenTally, openTally, type PageTally, pagesOf } from '../wire/tally.ts';

/** One round of pre-copy, or the transfer of the last set, as results list it. */
export interface RoundReport {
  readonly index: number;
  /** Whether the vCPUs were paused. */
  readonly stopped: boolean;
  readonly startNs: number;
  readonly endNs: number;
  /** Counts the pages that it sent, by encoding. */
  readonly tally: PageTally;
  /** The number of pages that it did not send because they were dirty again. */
  readonly skippedPages: number;
  /** The bytes of its page frames. */
  readonly bytes: number;
  /** How long its frames kept the link busy; the sender may be ahead of the link, so this is not its duration. */
  readonly linkNs: number;
  /** The number of pages found dirty at its end. */
  readonly dirtiedPages: number;
  /** How long sending the rest would take at this round's bandwidth; absent if the round sent nothing. */
  readonly expectedDowntimeNs?: number;
  /** The largest share of time, 0 to 1, that a vCPU was held back in it; absent if none was. */
  readonly throttle?: number;
}

/** A time in which post-copy stood still because its connection was lost. */
export interface PostcopyPause {
  readonly startNs: number;
  /** When the push went on, or the migration ended. */
  readonly endNs: number;
  /** When the connection over which it went on was made; absent if there was none. */
  readonly connectedNs?: number | undefined;
  /** The number of pages known to have been lost with the connection, which are sent again. */
  readonly resentPages: number;
}

/** A pause that has not ended yet. */
export type OpenPause = { -readonly [Key in keyof PostcopyPause]: PostcopyPause[Key] };

type OpenRound = { -readonly [Key in keyof RoundReport]: RoundReport[Key] } & {
  readonly tally: OpenTally;
};

/** The counters of the source. A round opens with its first batch. */
export class TransferMetrics {
  readonly rounds: OpenRound[] = [];
  dirtySyncCount = 0;
  lastDirtiedPages = 0;
  /** The bytes of page frames sent while the guest ran at the source, and while it was paused. */
  liveBytes = 0;
  stoppedBytes = 0;
  /** The bytes sent so far by the policy's accounting. */
  accountedBytes = 0;
  sentPages = 0;
  /** The page frames sent after the guest began to run at the destination. */
  readonly postcopy = {
    bytes: 0,
    tally: openTally(),
    requests: 0,
    pauses: new Array<OpenPause>(),
  };
  /** What records which pages are sent and dirtied; absent unless that is wanted. */
  recorder: PageRecorder | undefined;
  #open: OpenRound | undefined;
  /** The throttle of each vCPU that has one of its own, and under `undefined` that of the others. */
  readonly #throttles = new Map<number | undefined, number>();
  #linkFromNs = 0;

  /** The bytes of all page frames. */
  get bytes(): number {
    return this.liveBytes + this.stoppedBytes + this.postcopy.bytes;
  }

  /** The number, from 1, of the open round; if none is open, of the last one. */
  get round(): number {
    return this.rounds.length + (this.#open || this.rounds.length === 0 ? 1 : 0);
  }

  /** Whether a round has begun. */
  get hasRounds(): boolean {
    return this.rounds.length > 0 || this.#open !== undefined;
  }

  /** The number of pages that the open round has skipped. */
  get skippedPages(): number {
    return this.#open?.skippedPages ?? 0;
  }

  /** The number of pages that the open round has sent. */
  get openPages(): number {
    return this.#open ? pagesOf(this.#open.tally) : 0;
  }

  /** Adds bytes of the policy's accounting. */
  account(bytes: number): void {
    this.accountedBytes += bytes;
  }

  openRound(stopped: boolean, nowNs: number): void {
    this.closeRound(nowNs);
    this.#open = {
      index: this.rounds.length + 1,
      stopped,
      startNs: nowNs,
      endNs: nowNs,
      tally: openTally(),
      skippedPages: 0,
      bytes: 0,
      linkNs: 0,
      dirtiedPages: 0,
    };
    this.#noteThrottle();
  }

  /** Notes that a vCPU, or every one, is held back for a share of time from now on. */
  throttled(share: number, vcpu?: number): void {
    if (vcpu === undefined) this.#throttles.clear();
    this.#throttles.set(vcpu, share);
    this.#noteThrottle();
  }

  #noteThrottle(): void {
    const round = this.#open;
    if (!round || round.stopped) return;
    const most = Math.max(round.throttle ?? 0, ...this.#throttles.values());
    if (most > 0) round.throttle = most;
  }

  closeRound(nowNs: number): void {
    if (!this.#open) return;
    this.#open.endNs = nowNs;
    this.rounds.push(this.#open);
    this.#open = undefined;
  }

  /**
   * Counts a batch whose encoding began at `begunNs` and which keeps the link busy from `linkFromNs`
   * to `linkToNs`.
   */
  sent(encoded: EncodedPages, begunNs: number, linkFromNs: number, linkToNs: number): void {
    if (!this.#open) this.openRound(false, begunNs);
    const round = this.#open!;
    if (round.bytes === 0) this.#linkFromNs = linkFromNs;
    round.linkNs = linkToNs - this.#linkFromNs;
    addTally(round.tally, encoded.tally);
    round.bytes += encoded.length;
    this.sentPages += pagesOf(encoded.tally);
    if (round.stopped) this.stoppedBytes += encoded.length;
    else this.liveBytes += encoded.length;
  }

  /** Counts a batch that was sent after the switch to post-copy. */
  pushed(encoded: EncodedPages): void {
    this.postcopy.bytes += encoded.length;
    addTally(this.postcopy.tally, encoded.tally);
  }

  /** Counts pages that were not sent because they were dirty again. */
  skipped(pages: number, nowNs: number): void {
    if (pages === 0) return;
    if (!this.#open) this.openRound(false, nowNs);
    this.#open!.skippedPages += pages;
  }

  /** Closes the round after a harvest, whose dirty pages count for the last round; `pendingBytes` are unsent. */
  synced(dirtiedPages: number, pendingBytes: number, nowNs: number): void {
    this.dirtySyncCount++;
    this.lastDirtiedPages = dirtiedPages;
    this.closeRound(nowNs);
    const last = this.rounds.at(-1);
    if (!last) return;
    last.dirtiedPages += dirtiedPages;
    this.recorder?.synced(last.index);
    const bytesPerNs = last.bytes / last.linkNs;
    if (bytesPerNs > 0 && last.linkNs > 0) last.expectedDowntimeNs = pendingBytes / bytesPerNs;
  }
}
