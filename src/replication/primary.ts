import type { VcpuState } from '../guest/vcpu-state.ts';
import type { Policy } from '../migration/policy.ts';
import type { Algorithm, WaitRequest, Wake } from '../migration/ports.ts';
import { MigrationEnded, SourceSession } from '../migration/source-session.ts';
import type { FrameRoom } from '../link/link.ts';
import { encodeEpochBlocks, epochBlocksRoom, mostBlocks } from '../wire/epoch-blocks.ts';
import { encodeEpochPages, epochPagesRoom } from '../wire/epoch-pages.ts';
import { decodeEpoch, encodeEpoch, type EpochMessage, packEpoch } from '../wire/epochs.ts';
import { HEADER_BYTES, WireError } from '../wire/frame.ts';
import type { DeadlineConfig } from './config.ts';
import { DeadlineScheduler } from './deadline.ts';
import { endReplication } from './end-replication.ts';
import { sendFirstImage } from './first-image.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { pauseWorkNs, sendWorkNs } from './pause-work.ts';
import type { EpochRecord, PrimaryEnd, PrimarySide } from './ports.ts';

/** Writes to the disk are mirrored this often while an epoch goes on. */
const MIRROR_NS = 5e6;
/** A link that has no room for a heartbeat is asked again after this time. */
const LEAST_WAIT_NS = 1e6;

/**
 * The primary's half of Remus (Cully et al., NSDI 2008, section 3). A live pre-copy, whose guest stays here, brings the
 * first image to the backup. Then epochs follow one another: pause, harvest the dirty pages, keep them, put a barrier
 * between this epoch's output and the next one's, resume, send, wait for the acknowledgement, release the output. It ends
 * when the backup is silent for too long.
 */
export function* primary<State>(side: PrimarySide, policy: Policy<State>): Algorithm<PrimaryEnd> {
  const session = new SourceSession(side);
  const epochs = new PrimaryEpochs(session, side);
  try {
    yield* sendFirstImage(session, policy);
    return yield* epochs.run();
  } catch (error) {
    if (!(error instanceof MigrationEnded || error instanceof WireError)) throw error;
    const isCancelled = error instanceof MigrationEnded && error.outcome === 'cancelled';
    return yield* epochs.drop(error.message, isCancelled);
  }
}

class PrimaryEpochs {
  readonly #session: SourceSession;
  readonly #side: PrimarySide;
  readonly #keeper: LeaseKeeper | undefined;
  readonly #deadline: DeadlineScheduler | undefined;
  #heardNs = 0;
  #toldNs = -Infinity;
  #acknowledged = -1;
  /** The last epoch whose end has been sent. */
  #sentEpoch = -1;
  #epoch = 0;
  /** Blocks of the epoch that goes on which have been sent. */
  #sentBlocks = 0;
  /** Bytes that have been posted since the epoch before was sent. */
  #bytes = 0;
  /** When the vCPUs were asked to stand still, for the checkpoint that comes; undefined while they may run. */
  #pauseNs: number | undefined;
  /** The state of the vCPUs at the last checkpoint. */
  #vcpus: readonly VcpuState[] = [];

  constructor(session: SourceSession, side: PrimarySide) {
    this.#session = session;
    this.#side = side;
    const { deadline } = side.replication;
    if (deadline) this.#deadline = this.#scheduler(deadline);
    if (side.fence) this.#keeper = new LeaseKeeper(side.fence, side.clock, side.runUntil);
  }

  #scheduler(deadline: DeadlineConfig): DeadlineScheduler {
    const { clock, guest } = this.#side;
    return new DeadlineScheduler(deadline, {
      clock,
      guest,
      log: this.#session.log,
      settled: () => this.#settled(),
      stop: () => this.#stop(),
    });
  }

  /** Replicates epoch after epoch. It ends only by throwing. */
  *run(): Algorithm<never> {
    const { clock, replication, disk, net, link } = this.#side;
    // What the pre-copy has sent is still under way, and the backup says nothing before it has arrived.
    this.#heardNs = Math.max(clock.now(), link.postedArrivalNs);
    yield* this.#tell({ name: 'heartbeat', body: {} });
    this.#bytes = 0;
    disk?.mirror.begin(disk.image);
    yield* this.#mirror();
    while (this.#keeper?.isHeld() === false) yield* this.#wait({}, clock.now() + MIRROR_NS);
    for (;;) {
      const startNs = clock.now();
      const record = yield* this.#checkpoint();
      if (replication.capture !== 'none') yield* this.#send(record);
      while (this.#acknowledged < record.epoch) {
        yield* this.#wait({}, this.#deadline?.dueNs ?? Infinity);
        yield* this.#look();
      }
      record.ackNs = clock.now();
      net.release(record.ackNs);
      this.#side.onEpoch(record);
      this.#epoch++;
      yield* this.#live(startNs + replication.intervalNs);
    }
  }

  /** Stops the guest, keeps what it has dirtied, and lets it run on: the pause of an epoch. */
  *#checkpoint(): Algorithm<EpochRecord> {
    const { clock, guest, capture, net, disk, replication, work } = this.#side;
    const { log } = this.#session;
    const pauseNs = yield* this.#stop();
    log.collectLast();
    const suspendedNs = clock.now() + replication.costs.suspendNs;
    while (clock.now() < suspendedNs) yield* this.#wait({}, suspendedNs);
    if (replication.netBuffer) net.isHolding = true;
    net.barrier();
    disk?.mirror.barrier();
    this.#vcpus = guest.vcpuState();
    const pages = log.pages.count;
    work(pauseWorkNs(replication, guest.memory.pages, pages));
    capture.take(log.pages);
    const blocks = this.#sentBlocks + (disk?.mirror.endedBlocks ?? 0);
    const times = { pauseNs, resumeNs: 0, sendNs: 0, sentNs: 0, ackNs: 0 };
    const counts = { pages, bytes: 0, blocks, savedPages: 0 };
    const mark = this.#deadline ? { hasPassedMark: this.#deadline.hasPassed } : {};
    const record = { epoch: this.#epoch, ...times, ...counts, ...mark };
    if (replication.capture === 'none') yield* this.#send(record);
    this.#deadline?.begin();
    guest.resume();
    this.#pauseNs = undefined;
    record.resumeNs = clock.now();
    yield* this.#settled();
    return record;
  }

  /** Stops the guest, unless that has been done; returns when it was asked to stand still. */
  *#stop(): Algorithm<number> {
    const { clock, guest } = this.#side;
    if (this.#pauseNs === undefined) {
      this.#pauseNs = clock.now();
      guest.pause();
    }
    yield* this.#settled();
    return this.#pauseNs;
  }

  *#settled(): Algorithm<void> {
    while (!this.#side.guest.isSettled()) yield* this.#wait({ guest: true }, Infinity);
  }

  /** Slows or stops a guest that has dirtied too much. */
  *#look(): Algorithm<void> {
    if (this.#deadline) yield* this.#deadline.look();
  }

  /** Sends what has been kept, while the guest runs on. */
  *#send(record: EpochRecord): Algorithm<void> {
    const { capture, disk, compressor, replication, guest, options, clock } = this.#side;
    record.sendNs = clock.now();
    const { pageSize } = guest.memory;
    const pageNs = sendWorkNs(replication);
    const most = this.#session.sizes.mostPages;
    const encoding = {
      epoch: record.epoch,
      pageSize,
      integrity: options.integrity,
      encoder: compressor,
    };
    while (capture.left > 0) {
      yield* this.#post(epochPagesRoom(most, pageSize), 'pages', ({ memory, at, sequence }) => {
        const batch = capture.next(most);
        this.#side.work(batch.pages.length * pageNs);
        return encodeEpochPages(memory, at, batch, encoding, sequence);
      });
      yield* this.#look();
    }
    while ((disk?.mirror.endedBlocks ?? 0) > 0) yield* this.#sendBlocks('ended');
    const { epoch, pages, blocks } = record;
    const body = { epoch, pages, blocks, vcpus: this.#vcpus };
    yield* this.#tell({ name: 'checkpoint', body });
    this.#sentEpoch = epoch;
    this.#sentBlocks = 0;
    record.bytes = this.#bytes;
    this.#bytes = 0;
    record.savedPages = capture.savedPages;
    record.sentNs = clock.now();
  }

  /** Lets the guest run until the next checkpoint is due, or the guest has been stopped for it, and mirrors its disk meanwhile. */
  *#live(untilNs: number): Algorithm<void> {
    const { clock, disk } = this.#side;
    while (clock.now() < untilNs && this.#pauseNs === undefined) {
      const mirrorNs = disk ? clock.now() + MIRROR_NS : Infinity;
      yield* this.#wait({}, Math.min(untilNs, mirrorNs, this.#deadline?.dueNs ?? Infinity));
      yield* this.#mirror();
      yield* this.#look();
    }
  }

  /** Sends the writes of the epoch that goes on; the backup keeps them until the epoch is whole. */
  *#mirror(): Algorithm<void> {
    const { disk } = this.#side;
    while ((disk?.mirror.currentBlocks ?? 0) > 0) yield* this.#sendBlocks('current');
  }

  *#sendBlocks(of: 'current' | 'ended'): Algorithm<void> {
    const { disk, options } = this.#side;
    const { mirror } = disk!;
    const { blockBytes } = mirror.shape;
    const most = mostBlocks(blockBytes);
    const encoding = { epoch: this.#epoch, blockBytes, integrity: options.integrity };
    yield* this.#post(epochBlocksRoom(most, blockBytes), 'pages', ({ memory, at, sequence }) => {
      const writes = of === 'ended' ? mirror.takeEnded(most) : mirror.takeCurrent(most);
      this.#sentBlocks += writes.length;
      return encodeEpochBlocks(memory, at, writes, encoding, sequence);
    });
  }

  *#tell(message: EpochMessage): Algorithm<void> {
    const packed = packEpoch(message).slice();
    yield* this.#post(packed.length + HEADER_BYTES, 'control', ({ memory, at, sequence }) =>
      encodeEpoch(memory, at, message.name, packed, sequence),
    );
  }

  /** Posts a frame of at most `bytes`, as soon as the link has room for it. */
  *#post(
    bytes: number,
    kind: 'pages' | 'control',
    build: (room: FrameRoom) => number,
  ): Algorithm<void> {
    const { link, clock } = this.#side;
    let room = link.room(bytes, kind);
    while (!room) {
      yield* this.#wait({ credit: kind }, Infinity);
      room = link.room(bytes, kind);
    }
    const length = build(room);
    link.post(length);
    this.#bytes += length;
    this.#toldNs = clock.now();
  }

  /**
   * The one place in which the epochs wait. Meanwhile it says that this side is alive, hears whether the other one is,
   * and keeps the lease. Returns what ended the wait, after `untilNs` at the latest. Throws MigrationEnded when the
   * backup has been silent for too long.
   */
  *#wait(request: Omit<WaitRequest, 'untilNs' | 'cancel'>, untilNs: number): Algorithm<Wake> {
    const { clock, replication } = this.#side;
    for (;;) {
      // What has arrived is heard first, since this side itself may have been busy for a while.
      if (this.#hear()) return 'frame';
      const silentNs = this.#heardNs + replication.silenceNs;
      if (clock.now() >= silentNs) {
        const seconds = replication.silenceNs / 1e9;
        throw new MigrationEnded('failed', `the backup has been silent for ${seconds} s`);
      }
      this.#keeper?.tend();
      this.#sayAlive();
      const aliveNs = Math.max(this.#toldNs + replication.heartbeatNs, clock.now() + LEAST_WAIT_NS);
      const dueNs = Math.min(untilNs, silentNs, aliveNs, this.#keeper?.dueNs() ?? Infinity);
      const wake = yield { ...request, frame: true, untilNs: dueNs, cancel: true };
      if (wake === 'cancel') throw new MigrationEnded('cancelled', 'cancelled');
      const isEarly = wake === 'time' && clock.now() < untilNs;
      if (wake !== 'frame' && !isEarly) return wake;
    }
  }

  /** Says that this side is alive, if nothing else has told the backup for a while and the link has room. */
  #sayAlive(): void {
    const { clock, link, replication } = this.#side;
    if (clock.now() < this.#toldNs + replication.heartbeatNs) return;
    const packed = packEpoch({ name: 'heartbeat', body: {} });
    const room = link.room(packed.length + HEADER_BYTES, 'control');
    if (!room) return;
    link.post(encodeEpoch(room.memory, room.at, 'heartbeat', packed, room.sequence));
    this.#toldNs = clock.now();
  }

  /** Takes what has arrived from the backup; returns whether there was an acknowledgement. */
  #hear(): boolean {
    const { link, clock } = this.#side;
    const before = this.#acknowledged;
    for (let frame = link.poll(); frame; frame = link.poll()) {
      this.#heardNs = clock.now();
      const message = decodeEpoch(frame);
      if (message.name === 'heartbeat') continue;
      const isDue = message.name === 'committed' && message.body.epoch === this.#sentEpoch;
      if (!isDue) throw new WireError(`the backup sent ${message.name} out of turn`);
      this.#acknowledged = this.#sentEpoch;
    }
    return this.#acknowledged > before;
  }

  /**
   * Ends the protection. The guest runs on here and what is held leaves, but with a fence only once the lease is this
   * side's for good: else the backup may run the guest too.
   */
  *drop(reason: string, isCancelled: boolean): Algorithm<PrimaryEnd> {
    const { clock, net, runUntil } = this.#side;
    yield* endReplication(this.#session, this.#side, this.#pauseNs !== undefined);
    const keeper = this.#keeper;
    // Before the end of the first epoch is sent, the backup has no image that it could run.
    const mayRun = !keeper || this.#sentEpoch < 0 || (yield* keeper.claim());
    const atNs = clock.now();
    if (!mayRun) return { kind: 'fenced', reason, atNs };
    runUntil(Infinity);
    net.open(atNs);
    return { kind: isCancelled ? 'cancelled' : 'dropped', reason, atNs };
  }
}
