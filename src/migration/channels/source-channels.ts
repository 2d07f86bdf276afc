import type { TakenRuns } from '../../memory/page-set.ts';
import { MigrationEnded } from '../migration-ended.ts';
import type { Algorithm } from '../ports.ts';
import { cutRuns } from './cut-runs.ts';
import type { ChannelsSession } from './channels-session.ts';
import type { ChannelCounts, PageSenders, PostedFrame } from './ports.ts';
import { type SplitRuns, splitZeros } from './zero-splitter.ts';

/** What the channels of a migration have carried, by its source. */
export interface ChannelsReport {
  /** How often all channels were brought to one point of the stream. */
  readonly flushes: number;
  readonly each: readonly ChannelCounts[];
}

/**
 * The source's use of its channels (QEMU, migration/multifd.c). Batches of pages are dealt over them, and arrive in any
 * order. Two copies of a page must not: a page is sent once between two harvests, so the channels are flushed at each
 * one. A flush has each channel post SYNC, and the main channel FLUSH behind it; the destination lets nothing pass in
 * either direction before all of them have arrived. Frames of the main channel that name pages (RELEASED, say) are kept
 * apart from the pages before and behind them in the same way.
 */
export class SourceChannels {
  readonly #session: ChannelsSession;
  readonly #senders: PageSenders;
  /** Whether the main thread looks for zero pages. */
  readonly #splits: boolean;
  #flushes = 0;
  /** Whether pages have been handed over since the last flush, and whether the main channel has named any. */
  #hasPages = false;
  #hasNamed = false;
  /** Whether the limiter wants a flush before the next pages; QEMU up to 8.0 has one at the end of each chunk. */
  #isDue = false;
  /** What has been posted and not been written yet, so that the limiter has not counted it. */
  readonly #unwritten: { readonly bytes: number; readonly writtenNs: number }[] = [];
  /** For each channel, the bytes of frames that have been posted of what it was handed last. */
  readonly #begunBytes: number[];
  readonly #settledAtNs = (): number =>
    this.#senders.problem === undefined ? this.#senders.settledAtNs() : 0;

  constructor(session: ChannelsSession, senders: PageSenders) {
    this.#session = session;
    this.#senders = senders;
    const { zeroPageDetection, encodings } = session.side.options;
    this.#splits = zeroPageDetection === 'legacy' && encodings.includes('zero');
    this.#begunBytes = Array.from({ length: senders.count }, () => 0);
    const { accounting, metrics } = session;
    metrics.account((accounting.channels?.openBytes ?? 0) * senders.count);
  }

  /** Returns when a channel can take pages; 0 if one has failed, which `collect` throws. */
  readonly #idleAtNs = (): number =>
    this.#senders.problem === undefined ? this.#senders.idleAtNs() : 0;

  report(): ChannelsReport {
    return { flushes: this.#flushes, each: this.#senders.counts };
  }

  /** Makes sure that a frame of the main channel that names pages arrives behind the pages of the channels. */
  *beforeNaming(): Algorithm<void> {
    if (this.#hasPages) yield* this.flush();
    this.#hasNamed = true;
  }

  /** Notes the end of a chunk of pages. */
  endChunk(): void {
    if (this.#session.accounting.channels?.flushesChunks === true) this.#isDue = true;
  }

  /** Hands the next batch to a channel, once one is idle. */
  *sendBatch(take: () => TakenRuns): Algorithm<void> {
    const session = this.#session;
    const { clock } = session.side;
    if (this.#hasNamed || this.#isDue) yield* this.flush();
    do {
      const wake = yield* session.wait({ ready: this.#idleAtNs, frame: true });
      if (wake === 'frame') session.hearPeer();
      this.collect();
    } while (this.#idleAtNs() > clock.now());
    const taken = take();
    session.metrics.skipped(taken.skipped, clock.now());
    if (taken.pages === 0) return;
    if (this.#splits) this.#senders.scan(taken.pages);
    const { raw, zero }: SplitRuns = this.#splits ? splitZeros(taken) : { raw: taken };
    if (raw) this.#hand(raw);
    if (!zero) return;
    for (const part of cutRuns(zero, session.sizes.mostPages)) yield* this.#sendZeros(part);
  }

  /** Sends zero pages over the main channel. */
  *#sendZeros(zero: TakenRuns): Algorithm<void> {
    const session = this.#session;
    const { link, clock } = session.side;
    for (;;) {
      if ((yield* session.wait({ credit: 'pages', frame: true })) === 'frame') session.hearPeer();
      const room = link.room(session.sizes.frameBytes(zero.pages), 'pages');
      if (!room) continue;
      const fromNs = clock.now();
      const linkFromNs = Math.max(fromNs, link.drainedAtNs);
      session.countSent(session.post(zero, room), fromNs, linkFromNs);
      return;
    }
  }

  #hand(taken: TakenRuns): void {
    const { accounting, limiter, side } = this.#session;
    if (!this.#senders.send(taken)) throw new Error('no channel is idle');
    this.#hasPages = true;
    const { channels } = accounting;
    if (channels?.countsHanded === true) {
      limiter.takeBytes(channels.packetBytes + taken.pages * side.guest.memory.pageSize);
    }
    this.collect();
  }

  /** Counts what the channels have posted and written by now. Throws MigrationEnded if one has failed. */
  collect(): void {
    this.count();
    const { problem } = this.#senders;
    if (problem !== undefined) throw new MigrationEnded('failed', problem);
  }

  /** Counts what the channels have posted, and lets the limiter count what they have written by now. */
  count(): void {
    const { metrics, side } = this.#session;
    const nowNs = side.clock.now();
    for (let frame = this.#senders.takePosted(); frame; frame = this.#senders.takePosted()) {
      const { encoded, begunNs, linkFromNs, linkToNs } = frame;
      this.#session.firstPageNs ??= nowNs;
      metrics.sent(encoded, begunNs, linkFromNs, linkToNs);
      this.#addWritten(frame);
    }
    this.#countWritten(nowNs);
  }

  /** A channel counts what it was handed once all of that has been written. */
  #addWritten({ encoded, channel, isLast, writtenNs }: PostedFrame): void {
    const { accounting } = this.#session;
    const { bytesOf } = accounting.channels ?? accounting;
    const bytes = this.#begunBytes[channel]! + bytesOf(encoded.tally);
    this.#begunBytes[channel] = isLast ? 0 : bytes;
    if (!isLast) return;
    const headBytes = accounting.channels?.packetBytes ?? 0;
    this.#unwritten.push({ bytes: bytes + headBytes, writtenNs });
  }

  #countWritten(nowNs: number): void {
    const { accounting, limiter, metrics } = this.#session;
    let kept = 0;
    for (const packet of this.#unwritten) {
      if (packet.writtenNs > nowNs) {
        this.#unwritten[kept++] = packet;
        continue;
      }
      metrics.account(packet.bytes);
      if (accounting.channels?.countsHanded !== true) limiter.takeBytes(packet.bytes);
    }
    this.#unwritten.length = kept;
  }

  /** Waits until the channels have posted all that they were handed, and counts it. */
  *settle(): Algorithm<void> {
    const { clock } = this.#session.side;
    while (this.#settledAtNs() > clock.now()) {
      const isListening = !this.#session.isPostcopy;
      const wake = yield* this.#session.wait({ ready: this.#settledAtNs, frame: isListening });
      if (wake === 'frame') this.#session.hearPeer();
    }
    this.collect();
  }

  /** Brings all channels to one point of the stream, if any has carried pages since the last flush. */
  *flush(): Algorithm<void> {
    if (!this.#hasPages && !this.#hasNamed) return;
    this.#hasPages = false;
    this.#hasNamed = false;
    this.#isDue = false;
    const number = ++this.#flushes;
    this.#senders.sync(number);
    yield* this.settle();
    const { accounting, limiter, metrics } = this.#session;
    const bytes = (accounting.channels?.syncBytes ?? 0) * this.#senders.count;
    metrics.account(bytes);
    limiter.takeBytes(bytes);
    yield* this.#session.send({ name: 'flush', body: { number } });
  }
}
