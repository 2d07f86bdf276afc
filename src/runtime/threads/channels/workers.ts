import type { Clock } from '../../../clock/clock.ts';
import { monotonicClock } from '../../../clock/monotonic.ts';
import { type FrameKind, type FrameRoom, type Link, PeerGone } from '../../../link/link.ts';
import { ringLink } from '../../../link/ring-link.ts';
import type { SharedRing } from '../../../link/ring.ts';
import { openSharedPacing, type SharedPacing } from '../../../link/shared-bucket.ts';
import type { Doorbell } from '../../../memory/doorbell.ts';
import { BatchSizes } from '../../../migration/batch-sizes.ts';
import { ChannelReceiver } from '../../../migration/channels/channel-receiver.ts';
import { channelEncoding, ChannelSender } from '../../../migration/channels/channel-sender.ts';
import { sourceOptions } from '../../../migration/spec/wiring.ts';
import type { TakenRuns } from '../../../memory/page-set.ts';
import { WireError } from '../../../wire/frame.ts';
import { openGuestSide, type SharedGuestSide } from '../../common/guest-side.ts';
import type { RunConfig } from '../../config.ts';
import { RunWords } from '../run-words.ts';
import { ReceiverDeskOfThread, type SharedReceiverDesk } from './receiver-desk.ts';
import { SenderDeskOfThread, type SharedSenderDesk } from './sender-desk.ts';

/** What the thread at either end of a channel needs. */
export interface ChannelTask {
  readonly guestSide: SharedGuestSide;
  readonly clockOrigin: bigint;
  readonly runWords: SharedArrayBuffer;
  readonly ring: SharedRing;
  readonly pacing: SharedPacing;
  readonly sender: SharedSenderDesk;
  readonly receiver: SharedReceiverDesk;
  readonly link: RunConfig['link'];
  readonly migration: RunConfig['migration'];
  /** How often the thread polls its doorbell before it sleeps. */
  readonly spins: number;
}

/** No sleep is longer than this, so that a lost wake-up can't hang a run. */
const LONGEST_SLEEP_MS = 100;
/** A sleep lasts some 100 µs longer than asked for, so a thread polls the clock when less time than this is left. */
const SHORTEST_SLEEP_NS = 30_000;

/** What both ends of a channel do: they wait for their doorbell until there is something to do, or they may leave. */
class ChannelEnd {
  readonly clock: Clock;
  readonly #words: RunWords;
  readonly #spins: number;

  constructor({ clockOrigin, runWords, spins }: ChannelTask) {
    this.clock = monotonicClock(clockOrigin);
    this.#words = new RunWords(runWords);
    this.#spins = spins;
    this.#words.reportReady();
  }

  /** Opens the end of the channel's link; a channel carries frames in one direction, so that one ring serves as both. */
  open({ ring, pacing, link }: ChannelTask, peerDoorbell: Doorbell): Link {
    const { bytesPerSecond, latencyNs } = link;
    return ringLink({
      clock: this.clock,
      outgoing: ring,
      incoming: ring,
      peerDoorbell,
      bytesPerSecond,
      latencyNs,
      pacing: openSharedPacing(pacing),
    });
  }

  /**
   * Returns what `look` returns once that is not undefined, or undefined when the thread is to leave. Between two looks it
   * sleeps until it is rung, until `dueNs` at the latest.
   */
  await<Result>(
    { doorbell, mayLeave }: { readonly doorbell: Doorbell; readonly mayLeave: () => boolean },
    look: () => Result | undefined,
    dueNs: () => number,
  ): Result | undefined {
    for (;;) {
      const sequence = doorbell.sequence();
      const found = look();
      if (found !== undefined) return found;
      if (mayLeave() || this.#words.isAborted()) return undefined;
      const leftNs = dueNs() - this.clock.now();
      if (leftNs < SHORTEST_SLEEP_NS) continue;
      doorbell.wait(sequence, Math.min(leftNs / 1e6, LONGEST_SLEEP_MS), this.#spins);
    }
  }
}

const never = (): number => Infinity;

/** Sends what it is handed over one channel, until it is dismissed. */
export function sendChannel(task: ChannelTask): void {
  const end = new ChannelEnd(task);
  const { memory, doorbell: engine } = openGuestSide(task.guestSide);
  const desk = new SenderDeskOfThread(task.sender);
  const link = end.open(task, new ReceiverDeskOfThread(task.receiver).doorbell);
  const options = sourceOptions(task.link, task.migration, memory);
  const sizes = new BatchSizes(memory.pageSize, options);
  const sender = new ChannelSender(link, channelEncoding(options));
  const bell = { doorbell: desk.doorbell, mayLeave: () => desk.mayLeave };
  const awaitRoom = (bytes: number, kind: FrameKind): FrameRoom | undefined =>
    end.await(
      bell,
      () => link.room(bytes, kind),
      () => link.creditAtNs(kind),
    );
  let busyNs = 0;

  const post = (taken: TakenRuns): boolean => {
    const room = awaitRoom(sizes.frameBytes(taken.pages), 'pages');
    if (!room) return false;
    const begunNs = end.clock.now();
    const linkFromNs = Math.max(begunNs, link.drainedAtNs);
    const encoded = sender.encode(taken, room);
    sender.post(encoded);
    const writtenNs = end.clock.now();
    busyNs += writtenNs - begunNs;
    const linkToNs = Math.max(writtenNs, link.drainedAtNs);
    const { frames, bytes, pages } = sender;
    desk.count({ frames, bytes, pages, busyNs }, link);
    desk.sent({ encoded, begunNs, linkFromNs, linkToNs, writtenNs });
    return true;
  };

  const sync = (number: number): boolean => {
    const isPosted = end.await(
      bell,
      () => sender.sync(number) || undefined,
      () => link.creditAtNs('control'),
    );
    if (!isPosted) return false;
    const { frames, bytes, pages } = sender;
    desk.count({ frames, bytes, pages, busyNs }, link);
    desk.synced(number);
    return true;
  };

  for (;;) {
    const next = end.await(bell, () => desk.nextTask(memory.slots), never);
    if (next === undefined) return;
    if (!(typeof next === 'number' ? sync(next) : post(next))) return;
    engine.ring();
  }
}

/** Installs what comes over one channel, until it is dismissed or the stream is damaged. */
export function receiveChannel(task: ChannelTask): void {
  const end = new ChannelEnd(task);
  const { memory, doorbell: engine } = openGuestSide(task.guestSide);
  const desk = new ReceiverDeskOfThread(task.receiver);
  const link = end.open(task, new SenderDeskOfThread(task.sender).doorbell);
  const bell = { doorbell: desk.doorbell, mayLeave: () => desk.mayLeave };
  const integrity = end.await(bell, () => desk.integrity, never);
  if (integrity === undefined) return;
  const receiver = new ChannelReceiver(memory, integrity);
  const nextFrame = () => (desk.mayGoOn ? link.poll() : undefined);
  const dueNs = (): number => (desk.mayGoOn ? link.arrivalAtNs() : Infinity);
  try {
    for (;;) {
      const frame = end.await(bell, nextFrame, dueNs);
      if (!frame) return;
      const number = receiver.take(frame);
      link.release();
      if (number === undefined) continue;
      desk.synced(number, receiver.tally);
      engine.ring();
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // Of a source that is gone the main channel tells.
    if (error instanceof PeerGone) return;
    desk.failed(error.message);
    engine.ring();
  }
}
