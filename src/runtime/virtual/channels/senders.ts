import { VirtualClock } from '../../../clock/virtual.ts';
import { ConnectionLost } from '../../../link/link.ts';
import type { TakenRuns } from '../../../memory/page-set.ts';
import { type ChannelEncoding, ChannelSender } from '../../../migration/channels/channel-sender.ts';
import { cutRuns } from '../../../migration/channels/cut-runs.ts';
import type { ChannelCounts, PageSenders, PostedFrame } from '../../../migration/channels/ports.ts';
import type { EncodedPages } from '../../../wire/encoder.ts';
import type { VirtualLink } from '../link.ts';

export interface VirtualSendersParts {
  readonly count: number;
  /** Opens the near end of a channel, on the clock of its sender. */
  readonly open: (channel: number, clock: VirtualClock) => VirtualLink;
  readonly encoding: ChannelEncoding;
  /** The clock of the source's half. */
  readonly clock: VirtualClock;
  /** How long it takes the source's half to hand a page over, and to see whether one is zero. */
  readonly handPageNs: number;
  readonly scanNs: number;
  readonly mostFramePages: number;
  readonly frameBytes: (pages: number) => number;
  readonly isLost: () => boolean;
}

interface MadeFrame {
  readonly encoded: EncodedPages;
  readonly begunNs: number;
  readonly mostBytes: number;
}

/** A sender, the pages that it has yet to send, and the SYNC that it has to post behind them. */
interface Sender {
  readonly channel: number;
  readonly clock: VirtualClock;
  readonly link: VirtualLink;
  readonly sender: ChannelSender;
  queue: TakenRuns[];
  /** The frame of the first of these pages, which waits for the link. */
  made: MadeFrame | undefined;
  /** The number of its last frame among those of all channels; the one that has waited longest goes first. */
  turn: number;
  sync: number | undefined;
}

/**
 * The senders of channels on a virtual clock. Each has a clock of its own, which is ahead of the world's while the sender
 * encodes a frame; so the channels work side by side, as far as the link and the host's CPUs allow.
 */
export class VirtualSenders implements PageSenders {
  readonly #parts: VirtualSendersParts;
  readonly #senders: readonly Sender[];
  readonly #posted: PostedFrame[] = [];
  #next = 0;
  #turns = 0;

  constructor(parts: VirtualSendersParts) {
    this.#parts = parts;
    this.#senders = Array.from({ length: parts.count }, (_, channel) => {
      const clock = new VirtualClock();
      const link = parts.open(channel, clock);
      const sender = new ChannelSender(link, parts.encoding);
      return {
        channel,
        clock,
        link,
        sender,
        queue: [],
        made: undefined,
        turn: 0,
        sync: undefined,
      };
    });
  }

  get count(): number {
    return this.#senders.length;
  }

  get problem(): string | undefined {
    return this.#parts.isLost() ? new ConnectionLost().message : undefined;
  }

  get counts(): readonly ChannelCounts[] {
    return this.#senders.map(({ sender: { frames, bytes, pages }, link: { busyNs } }) => ({
      frames,
      bytes,
      pages,
      busyNs,
    }));
  }

  get postedBytes(): number {
    return this.#senders.reduce((sum, { link }) => sum + link.postedBytes, 0);
  }

  get drainedAtNs(): number {
    return this.#senders.reduce((last, { link }) => Math.max(last, link.drainedAtNs), 0);
  }

  readonly idleAtNs = (): number => {
    let firstNs = Infinity;
    for (const { queue, clock } of this.#senders) {
      if (queue.length === 0) firstNs = Math.min(firstNs, clock.now());
    }
    return firstNs;
  };

  readonly settledAtNs = (): number => {
    let lastNs = 0;
    for (const { queue, sync, clock } of this.#senders) {
      lastNs = queue.length > 0 || sync !== undefined ? Infinity : Math.max(lastNs, clock.now());
    }
    return lastNs;
  };

  scan(pages: number): void {
    this.#parts.clock.spend(pages * this.#parts.scanNs);
  }

  send(taken: TakenRuns): boolean {
    const { count } = this;
    const { clock, handPageNs } = this.#parts;
    clock.spend(taken.pages * handPageNs);
    const nowNs = clock.now();
    for (let i = 0; i < count; i++) {
      const index = (this.#next + i) % count;
      const sender = this.#senders[index]!;
      if (sender.queue.length > 0 || sender.clock.now() > nowNs) continue;
      sender.clock.moveTo(nowNs);
      sender.queue = cutRuns(taken, this.#parts.mostFramePages);
      this.#next = (index + 1) % count;
      return true;
    }
    return false;
  }

  sync(number: number): void {
    const nowNs = this.#parts.clock.now();
    for (const sender of this.#senders) {
      sender.sync = number;
      sender.clock.moveTo(Math.max(sender.clock.now(), nowNs));
    }
  }

  takePosted(): PostedFrame | undefined {
    return this.#posted.shift();
  }

  /** Returns when a sender can post its next frame, as far as is known now; Infinity means not before news. */
  nextNs(nowNs: number): number {
    if (this.#parts.isLost()) return Infinity;
    const atNs = this.#senders.reduce(
      (first, sender) => Math.min(first, readyAtNs(sender)),
      Infinity,
    );
    return Math.max(nowNs, atNs);
  }

  /** Has the sender that can do so first post its next frame. */
  step(atNs: number): void {
    const first = this.#senders.reduce((one, other) => (isBefore(other, one) ? other : one));
    first.turn = ++this.#turns;
    first.clock.moveTo(Math.max(first.clock.now(), atNs));
    if (first.made) this.#post(first, first.made);
    else if (first.queue.length > 0) this.#make(first);
    else if (first.sync !== undefined && first.sender.sync(first.sync)) first.sync = undefined;
  }

  /** Reads and encodes the next pages of a sender. */
  #make(one: Sender): void {
    const { link, clock, sender, queue } = one;
    const [taken] = queue;
    const mostBytes = this.#parts.frameBytes(taken!.pages);
    const begunNs = clock.now();
    // The link's credit is asked for when the frame is there, so that others can send meanwhile.
    const room = link.room(mostBytes, 'urgent');
    if (!room) return;
    const encoded = sender.encode(taken!, room);
    link.make(encoded.length);
    one.made = { encoded, begunNs, mostBytes };
  }

  #post(one: Sender, { encoded, begunNs, mostBytes }: MadeFrame): void {
    const { link, clock, sender, queue, channel } = one;
    // The room is the one in which the frame was made.
    if (!link.room(mostBytes, 'pages')) return;
    const linkFromNs = Math.max(clock.now(), this.drainedAtNs);
    sender.post(encoded);
    queue.shift();
    one.made = undefined;
    const writtenNs = clock.now();
    const linkToNs = Math.max(writtenNs, link.drainedAtNs);
    const isLast = queue.length === 0;
    this.#posted.push({ encoded, begunNs, linkFromNs, linkToNs, channel, isLast, writtenNs });
  }
}

/** Whether a sender posts its next frame before another one. */
function isBefore(one: Sender, other: Sender): boolean {
  const ns = readyAtNs(one);
  const otherNs = readyAtNs(other);
  return ns < otherNs || (ns === otherNs && one.turn < other.turn);
}

/** Returns when a sender can post its next frame; Infinity means that it has none, or that its receiver is behind. */
function readyAtNs({ queue, made, sync, clock, link }: Sender): number {
  if (made) return Math.max(clock.now(), link.creditAtNs('pages'));
  if (queue.length > 0) return Math.max(clock.now(), link.creditAtNs('urgent'));
  return sync === undefined ? Infinity : Math.max(clock.now(), link.creditAtNs('control'));
}
