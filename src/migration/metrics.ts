import type { EncodedPages } from '../wire/encoder.ts';
import { addTally, type OpenTally, openTally, type PageTally, pagesOf } from '../wire/tally.ts';

/** One pass of pre-copy, or the last set, as results list it. */
export interface RoundReport {
  readonly index: number;
  /** The vCPUs stood still. */
  readonly stopped: boolean;
  readonly startNs: number;
  readonly endNs: number;
  /** What its pages were sent as. */
  readonly tally: PageTally;
  readonly skippedPages: number;
  readonly bytes: number;
  /** How long its frames kept the link busy: a sender may be ahead of the link, so not its duration. */
  readonly linkNs: number;
  /** Pages found dirty at its end. */
  readonly dirtiedPages: number;
  /** What the last set would take at this round's bandwidth; absent when nothing was sent. */
  readonly expectedDowntimeNs?: number;
}

/** A post-copy that stood still because its connection was lost. */
export interface PostcopyPause {
  readonly startNs: number;
  /** When the push went on, or the migration ended. */
  readonly endNs: number;
  /** When the new connection stood over which it went on; absent when none came. */
  readonly connectedNs?: number | undefined;
  /** Pages that were under way when the connection was lost, and are sent again, as far as is known. */
  readonly resentPages: number;
}

export type OpenPause = { -readonly [Key in keyof PostcopyPause]: PostcopyPause[Key] };

type OpenRound = { -readonly [Key in keyof RoundReport]: RoundReport[Key] } & {
  readonly tally: OpenTally;
};

/** What the source counts while it sends; a round opens with its first batch. */
export class TransferMetrics {
  readonly rounds: OpenRound[] = [];
  dirtySyncCount = 0;
  lastDirtiedPages = 0;
  /** Bytes of page frames while the guest ran, and while it stood still. */
  liveBytes = 0;
  stoppedBytes = 0;
  /** Bytes so far as the policy's accounting has them: in all, and by what the guest was doing. */
  accountedBytes = 0;
  sentPages = 0;
  /** Page frames sent after the guest began to run at the destination. */
  readonly postcopy = {
    bytes: 0,
    tally: openTally(),
    requests: 0,
    pauses: new Array<OpenPause>(),
  };
  #open: OpenRound | undefined;
  #linkFromNs = 0;

  get bytes(): number {
    return this.liveBytes + this.stoppedBytes + this.postcopy.bytes;
  }

  /** The round under way, or the one that comes next. */
  get round(): number {
    return this.rounds.length + (this.#open || this.rounds.length === 0 ? 1 : 0);
  }

  /** Pages that this round has skipped. */
  get skippedPages(): number {
    return this.#open?.skippedPages ?? 0;
  }

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
  }

  closeRound(nowNs: number): void {
    if (!this.#open) return;
    this.#open.endNs = nowNs;
    this.rounds.push(this.#open);
    this.#open = undefined;
  }

  /**
   * A batch went out that was begun at `begunNs`; the link was busy with others until `linkFromNs`
   * and is with this one until `linkToNs`.
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

  /** A batch went out after the switch to post-copy. */
  pushed(encoded: EncodedPages): void {
    this.postcopy.bytes += encoded.length;
    addTally(this.postcopy.tally, encoded.tally);
  }

  skipped(pages: number, nowNs: number): void {
    if (pages === 0) return;
    if (!this.#open) this.openRound(false, nowNs);
    this.#open!.skippedPages += pages;
  }

  /** The dirty log was harvested: what it found was dirtied during the last live round. */
  synced(dirtiedPages: number, pendingBytes: number, nowNs: number): void {
    this.dirtySyncCount++;
    this.lastDirtiedPages = dirtiedPages;
    this.closeRound(nowNs);
    const last = this.rounds.at(-1);
    if (!last) return;
    last.dirtiedPages += dirtiedPages;
    const bytesPerNs = last.bytes / last.linkNs;
    if (bytesPerNs > 0 && last.linkNs > 0) last.expectedDowntimeNs = pendingBytes / bytesPerNs;
  }
}
