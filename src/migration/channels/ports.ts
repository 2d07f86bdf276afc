import type { TakenRuns } from '../../memory/page-set.ts';
import type { EncodedPages } from '../../wire/encoder.ts';
import type { Integrity } from '../../wire/pages.ts';
import type { PageTally } from '../../wire/tally.ts';

/** A frame of pages that a channel has posted; all times are on the source's clock. */
export interface PostedFrame {
  readonly encoded: EncodedPages;
  /** When the channel began to encode it. */
  readonly begunNs: number;
  /** From when to when it keeps the link busy. */
  readonly linkFromNs: number;
  readonly linkToNs: number;
  readonly channel: number;
  /** Whether it is the last frame of the pages that were handed over together. */
  readonly isLast: boolean;
  /** When the channel had written it, which is when QEMU 10 counts its bytes. */
  readonly writtenNs: number;
}

/** What one channel has carried. */
export interface ChannelCounts {
  readonly frames: number;
  readonly bytes: number;
  readonly pages: number;
  /** How long its sender read, encoded and wrote pages. */
  readonly busyNs: number;
}

/**
 * The source's end of the channels that carry frames of pages beside the main one (QEMU's multifd). Each channel has a
 * sender of its own, which reads the pages that it is handed, encodes them and posts the frame. No call waits.
 */
export interface PageSenders {
  readonly count: number;
  /** Returns when a channel can take pages, as far as is known now; Infinity means not before one has posted some. */
  readonly idleAtNs: () => number;
  /** Tells that the main thread looks whether so many pages are zero, which takes it time. */
  scan(pages: number): void;
  /**
   * Hands pages to the next channel that is idle. They are read after this call, so a later write to them has to mark
   * them. The list need not outlive the call. Returns false if no channel is idle. Throws ConnectionLost.
   */
  send(taken: TakenRuns): boolean;
  /** Takes the next frame that a channel has posted and that has not been taken yet. */
  takePosted(): PostedFrame | undefined;
  /** Has every channel post the SYNC of this number behind all that it has been handed. */
  sync(number: number): void;
  /** Returns when every channel has posted all that it was handed; Infinity means not before one has posted more. */
  readonly settledAtNs: () => number;
  readonly counts: readonly ChannelCounts[];
  /** Why a sender can't go on; undefined if all can. */
  readonly problem: string | undefined;
}

/**
 * The destination's end of those channels. Each has a receiver of its own, which installs the pages as they come, and
 * stops at a SYNC until it is let go on. No call waits.
 */
export interface PageReceivers {
  readonly count: number;
  /** Lets the receivers take frames, now that HELLO has come. */
  begin(integrity: Integrity): void;
  /** Returns when all receivers have come to the SYNC of this number, or one has failed; Infinity means not yet. */
  syncedAtNs(number: number): number;
  /** Lets the receivers go on behind the SYNC of this number, at which they all are. */
  goOn(number: number): void;
  /** Lets the receivers take nothing any more. */
  end(): void;
  /** Why a receiver can't go on: its stream is damaged or hostile; undefined if all can. */
  readonly problem: string | undefined;
  /** When that was noticed; Infinity if all can go on. */
  readonly problemAtNs: number;
  /** Counts the pages that they have installed. */
  readonly tally: PageTally;
}
