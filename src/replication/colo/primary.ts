import type { Policy } from '../../migration/policy.ts';
import type { Algorithm, WaitRequest } from '../../migration/ports.ts';
import { MigrationEnded, SourceSession } from '../../migration/source-session.ts';
import type { VcpuState } from '../../guest/vcpu-state.ts';
import { encodeEpochBlocks, epochBlocksRoom, mostBlocks } from '../../wire/epoch-blocks.ts';
import { encodeEpochPages, epochPagesRoom } from '../../wire/epoch-pages.ts';
import { WireError } from '../../wire/frame.ts';
import { endReplication } from '../end-replication.ts';
import { sendFirstImage } from '../first-image.ts';
import { LeaseKeeper } from '../lease-keeper.ts';
import type { EpochRecord, PrimaryEnd } from '../ports.ts';
import type { CheckpointCause } from './config.ts';
import type { ColoPrimarySide } from './ports.ts';
import { SecondaryNews } from './secondary-news.ts';
import { PeerSilent, Talk } from './talk.ts';

/** The packets of both sides are compared this often, besides whenever some of the secondary arrive. */
const COMPARE_NS = 500_000;
/** Writes to the disk are mirrored this often between two checkpoints. */
const MIRROR_NS = 5e6;

/**
 * The primary's half of COLO (Dong et al., "COLO: COarse-grained LOck-stepping Virtual Machines for Non-stop Service",
 * SoCC 2013; QEMU's docs/COLO-FT.txt, net/colo-compare.c and migration/colo.c). A live pre-copy and a first checkpoint
 * bring the guest to the secondary, where it runs too. A packet leaves when the secondary has sent an equal one. Packets
 * that differ, a packet without a twin, and the end of the period force a checkpoint: both guests stand still while the
 * pages that either has dirtied go to the secondary, which runs on from the primary's state.
 */
export function* coloPrimary<State>(
  side: ColoPrimarySide,
  policy: Policy<State>,
): Algorithm<PrimaryEnd> {
  const session = new SourceSession(side);
  const colo = new ColoPrimary(session, side);
  try {
    yield* sendFirstImage(session, policy);
    return yield* colo.run();
  } catch (error) {
    const isExpected =
      error instanceof MigrationEnded || error instanceof WireError || error instanceof PeerSilent;
    if (!isExpected) throw error;
    const isCancelled = error instanceof MigrationEnded && error.outcome === 'cancelled';
    return yield* colo.drop(error.message, isCancelled);
  }
}

class ColoPrimary {
  readonly #session: SourceSession;
  readonly #side: ColoPrimarySide;
  readonly #talk: Talk;
  readonly #keeper: LeaseKeeper | undefined;
  #epoch = 0;
  readonly #news: SecondaryNews;
  /** Blocks that have been sent since the last checkpoint. */
  #sentBlocks = 0;
  #mirroredNs = -Infinity;
  #isPaused = false;

  constructor(session: SourceSession, side: ColoPrimarySide) {
    this.#session = session;
    this.#side = side;
    const { clock, link, replication, comparer, streams } = side;
    const { pages } = side.guest.memory;
    this.#news = new SecondaryNews({ pages, streams }, (outputs) =>
      comparer.hear(outputs, clock.now()),
    );
    const { heartbeatNs, silenceNs } = replication;
    this.#talk = new Talk({ peer: 'secondary', clock, link, heartbeatNs, silenceNs }, (request) =>
      this.#wait(request, Infinity),
    );
    if (side.fence) this.#keeper = new LeaseKeeper(side.fence, clock, side.runUntil);
  }

  /** Makes one checkpoint after another. It ends only by throwing. */
  *run(): Algorithm<never> {
    const { clock, disk, link } = this.#side;
    // What the pre-copy has sent is still under way, and the secondary says nothing before it has arrived.
    this.#talk.heardNs = Math.max(clock.now(), link.postedArrivalNs);
    this.#talk.isHeard = true;
    yield* this.#talk.tell({ name: 'heartbeat', body: {} });
    this.#talk.bytes = 0;
    disk?.mirror.begin(disk.image);
    while (this.#keeper?.isHeld() === false) yield* this.#wait({}, clock.now() + MIRROR_NS);
    for (let cause: CheckpointCause = 'first'; ; cause = yield* this.#compare()) {
      yield* this.#checkpoint(cause);
      this.#epoch++;
    }
  }

  /** Lets both guests run, and packets that are equal leave, until a checkpoint is due; returns why it is. */
  *#compare(): Algorithm<CheckpointCause> {
    const { clock, comparer, colo, replication, advance } = this.#side;
    const untilNs = clock.now() + replication.intervalNs;
    for (;;) {
      advance();
      if (comparer.compare()) return 'difference';
      const silentNs = comparer.waitingSinceNs() + colo.silenceNs;
      if (clock.now() >= silentNs) return 'silence';
      if (clock.now() >= untilNs) return 'period';
      yield* this.#mirror();
      yield* this.#wait({}, Math.min(clock.now() + COMPARE_NS, silentNs, untilNs));
    }
  }

  /** Has the secondary go on from the primary's state; both guests stand still meanwhile. */
  *#checkpoint(cause: CheckpointCause): Algorithm<void> {
    const { clock, guest, capture, comparer, onEpoch } = this.#side;
    const { pages } = this.#session.log;
    const epoch = this.#epoch;
    const news = this.#news;
    const pauseNs = clock.now();
    news.asked = epoch;
    if (epoch > 0) yield* this.#talk.tell({ name: 'pause', body: { epoch } });
    const vcpus = yield* this.#pause();
    const primaryPages = pages.count;
    while (news.paused < epoch) yield* this.#wait({}, Infinity);
    const secondaryPages = news.moveDirtyTo(pages);
    const record = { epoch, pauseNs, pages: pages.count, savedPages: 0, sendNs: clock.now() };
    capture.take(pages);
    const blocks = yield* this.#send(record.pages, vcpus);
    const sentNs = clock.now();
    while (news.committed < epoch) yield* this.#wait({}, Infinity);
    // The secondary would go on from here now, so that all packets up to here may leave.
    const ackNs = clock.now();
    comparer.flush(ackNs);
    while (news.loaded < epoch) yield* this.#wait({}, Infinity);
    guest.resume();
    this.#isPaused = false;
    const resumeNs = clock.now();
    while (!guest.isSettled()) yield* this.#wait({ guest: true }, Infinity);
    const times = { sentNs, ackNs, resumeNs };
    const { bytes } = this.#talk;
    this.#talk.bytes = 0;
    const facts = { ...record, ...times, blocks, bytes };
    onEpoch({ ...facts, colo: { cause, primaryPages, secondaryPages } } satisfies EpochRecord);
  }

  /** Stops the guest and harvests its dirty log; returns the state of the vCPUs. */
  *#pause(): Algorithm<readonly VcpuState[]> {
    const { guest, comparer, net, disk, replication, work } = this.#side;
    this.#isPaused = true;
    guest.pause();
    while (!guest.isSettled()) yield* this.#wait({ guest: true }, Infinity);
    this.#session.log.collectLast();
    net.diversion = comparer;
    disk?.mirror.barrier();
    const vcpus = guest.vcpuState();
    work(replication.costs.checkpointNs);
    return vcpus;
  }

  /** Sends the pages that have been kept and the end of the checkpoint; returns how many blocks of the disk it has. */
  *#send(pages: number, vcpus: readonly VcpuState[]): Algorithm<number> {
    const { capture, disk, compressor, replication, guest, options, variants } = this.#side;
    const { pageSize } = guest.memory;
    const most = this.#session.sizes.mostPages;
    const { integrity } = options;
    const encoding = { epoch: this.#epoch, pageSize, integrity, encoder: compressor };
    while (capture.left > 0) {
      const room = epochPagesRoom(most, pageSize);
      yield* this.#talk.post(room, 'pages', ({ memory, at, sequence }) => {
        const batch = capture.next(most);
        this.#side.work(batch.pages.length * replication.costs.sendNs);
        return encodeEpochPages(memory, at, batch, encoding, sequence);
      });
    }
    while ((disk?.mirror.endedBlocks ?? 0) > 0) yield* this.#sendBlocks('ended');
    const blocks = this.#sentBlocks;
    const body = { epoch: this.#epoch, pages, blocks, vcpus, variants: variants() };
    yield* this.#talk.tell({ name: 'checkpoint', body });
    this.#news.sent = this.#epoch;
    this.#sentBlocks = 0;
    return blocks;
  }

  /** Sends the writes to the disk since the last checkpoint, when that is due; the secondary keeps them until the next. */
  *#mirror(): Algorithm<void> {
    const { disk, clock } = this.#side;
    if (!disk || clock.now() < this.#mirroredNs + MIRROR_NS) return;
    this.#mirroredNs = clock.now();
    while (disk.mirror.currentBlocks > 0) yield* this.#sendBlocks('current');
  }

  *#sendBlocks(of: 'current' | 'ended'): Algorithm<void> {
    const { mirror } = this.#side.disk!;
    const { blockBytes } = mirror.shape;
    const most = mostBlocks(blockBytes);
    const { integrity } = this.#side.options;
    const encoding = { epoch: this.#epoch, blockBytes, integrity };
    yield* this.#talk.post(epochBlocksRoom(most, blockBytes), 'pages', (room) => {
      const writes = of === 'ended' ? mirror.takeEnded(most) : mirror.takeCurrent(most);
      this.#sentBlocks += writes.length;
      return encodeEpochBlocks(room.memory, room.at, writes, encoding, room.sequence);
    });
  }

  /**
   * The one place in which this half waits, until `untilNs` at the latest. Throws PeerSilent when the secondary has been
   * silent for too long, and MigrationEnded on a cancel.
   */
  *#wait(request: Omit<WaitRequest, 'untilNs' | 'cancel'>, untilNs: number): Algorithm<void> {
    const { clock } = this.#side;
    for (;;) {
      // What has arrived is heard first, since this side itself may have been busy for a while.
      if (this.#hear()) return;
      this.#talk.tend();
      this.#keeper?.tend();
      const dueNs = Math.min(untilNs, this.#talk.dueNs(), this.#keeper?.dueNs() ?? Infinity);
      const wake = yield { ...request, frame: true, untilNs: dueNs, cancel: true };
      if (wake === 'cancel') throw new MigrationEnded('cancelled', 'cancelled');
      if (wake !== 'frame' && (wake !== 'time' || clock.now() >= untilNs)) return;
    }
  }

  /** Takes what has arrived from the secondary; returns whether there was anything but heartbeats. */
  #hear(): boolean {
    const { link, clock } = this.#side;
    let isNews = false;
    for (let frame = link.poll(); frame; frame = link.poll()) {
      this.#talk.heardNs = clock.now();
      if (this.#news.take(frame)) isNews = true;
    }
    return isNews;
  }

  /**
   * Ends the protection. The guest runs on here and what is held leaves, but with a fence only once the lease is this
   * side's for good: else the packets of the secondary may leave too.
   */
  *drop(reason: string, isCancelled: boolean): Algorithm<PrimaryEnd> {
    const { clock, net, comparer, runUntil } = this.#side;
    yield* endReplication(this.#session, this.#side, this.#isPaused);
    // Before the end of the first checkpoint is sent, there is no secondary that could run.
    const mayRun = !this.#keeper || this.#news.sent < 0 || (yield* this.#keeper.claim());
    const atNs = clock.now();
    if (!mayRun) return { kind: 'fenced', reason, atNs };
    runUntil(Infinity);
    comparer.flush(atNs);
    net.diversion = undefined;
    return { kind: isCancelled ? 'cancelled' : 'dropped', reason, atNs };
  }
}
