import type { Clock } from '../../../clock/clock.ts';
import { monotonicClock } from '../../../clock/monotonic.ts';
import type { CopyOnWrite } from '../../../replication/copy-on-write.ts';
import { DiskImage, DiskMirror } from '../../../replication/disk.ts';
import { GuestTap } from '../../../replication/guest-tap.ts';
import { NetBuffer } from '../../../replication/net-buffer.ts';
import type { Link } from '../../../link/link.ts';
import type { Algorithm } from '../../../migration/ports.ts';
import { type GuestSide, openGuestSide } from '../../common/guest-side.ts';
import { drive, RunAborted } from '../driver.ts';
import { RunWords } from '../run-words.ts';
import { BackupHalf } from './backup-half.ts';
import type { HostSite } from './host-site.ts';
import { JournalWriter } from './journal.ts';
import { HostOrders } from './orders.ts';
import { savePages } from './page-saving.ts';
import { PrimaryHalf } from './primary-half.ts';
import type { ProtectedHostEnd, ProtectedHostTask } from './tasks.ts';
import { ZlibGuard } from './zlib-guard.ts';

/** While the guest runs here, what it emits is collected this often at least, unless the thread is busy. */
const TAP_MS = 2;
/** No sleep is longer than this, so that a lost wake-up can't hang a run. */
const LONGEST_SLEEP_MS = 100;

/**
 * The thread of a host besides its guest's vCPUs: it sends as a primary, receives as a backup, and emits what the guest
 * sends and writes to its disk. It does one after the other as the world orders, until all is over or until it is
 * terminated, which may happen between any two instructions.
 */
export class ProtectedHostThread implements HostSite {
  readonly task: ProtectedHostTask;
  readonly side: GuestSide;
  readonly clock: Clock;
  readonly journal: JournalWriter;
  readonly zlib: ZlibGuard;
  readonly net: NetBuffer;
  readonly image: DiskImage | undefined;
  readonly mirror: DiskMirror | undefined;
  copyOnWrite: CopyOnWrite | undefined;
  readonly #words: RunWords;
  readonly #orders: HostOrders;
  readonly #tap: GuestTap;
  #backup: BackupHalf | undefined;
  #protectedPair: number | undefined;
  #isRunning = false;
  #tappedNs = 0;

  constructor(task: ProtectedHostTask) {
    const { emissions, plan, disk } = task;
    this.task = task;
    this.side = openGuestSide(task.guestSide);
    this.zlib = new ZlibGuard(task.zlibGuard);
    this.clock = monotonicClock(task.clockOrigin);
    this.#words = new RunWords(task.runWords);
    this.#orders = new HostOrders(task.orders);
    this.journal = new JournalWriter(task.journal, this.#words.isAborted);
    this.net = new NetBuffer((run, atNs) => this.journal.write({ kind: 'packets', run, atNs }));
    if (emissions.disk && disk) {
      this.image = new DiskImage(emissions.disk.shape, new Uint8Array(disk));
      this.mirror = new DiskMirror(emissions.disk.shape);
    }
    const { net, image, mirror } = this;
    const to = { net, ...(image ? { image } : {}), ...(mirror ? { mirror } : {}) };
    this.#tap = new GuestTap(this.side.memory, plan, emissions, to);
  }

  get writtenBlocks(): number {
    return this.#tap.writtenBlocks;
  }

  /** Lives as the world orders until all is over. Throws RunAborted. */
  run(): ProtectedHostEnd {
    this.#words.reportReady();
    try {
      for (;;) this.#obey();
    } catch (error) {
      if (!(error instanceof RunAborted) || this.#words.isAborted()) throw error;
    }
    return this.#end();
  }

  /** Carries out the next order, or waits a while for it. Throws RunAborted when all is over. */
  #obey(): void {
    const { doorbell, engine } = this.side;
    const sequence = doorbell.sequence();
    if (this.#isEnded()) throw new RunAborted('all is over');
    const { protectedPair, backup } = this.#orders;
    if (!this.#isRunning && this.#orders.isToBegin()) {
      this.runFromHere();
      engine.resume();
    } else if (backup && !this.#backup) {
      this.#backup = new BackupHalf(this, backup.pair, backup.primary);
      this.#backup.run();
    } else if (protectedPair !== this.#protectedPair) {
      this.#protectedPair = protectedPair;
      new PrimaryHalf(this, protectedPair!).run();
    } else {
      this.attend();
      doorbell.wait(sequence, this.#longestSleepMs());
    }
  }

  runFromHere(): void {
    this.#tap.adopt();
    this.#tappedNs = this.clock.now();
    this.#isRunning = true;
  }

  attend(): void {
    const { memory, words } = this.side;
    savePages(memory, words, this.task.plan.vcpus, this.copyOnWrite);
    if (this.clock.now() - this.#tappedNs >= TAP_MS * 1e6) this.emit();
  }

  emit(): void {
    if (!this.#isRunning) return;
    const nowNs = this.clock.now();
    this.#tap.poll(this.#tappedNs, nowNs);
    this.#tappedNs = nowNs;
  }

  drive<Result>(half: Algorithm<Result>, link: Link, isGuestSettled: () => boolean): Result {
    return drive(half, {
      clock: this.clock,
      link,
      doorbell: this.side.doorbell,
      isGuestSettled: () => {
        this.attend();
        return isGuestSettled();
      },
      isCancelled: () => false,
      isAborted: this.#isEnded,
      spins: () => 0,
      longestSleepMs: this.#longestSleepMs,
    });
  }

  readonly #isEnded = (): boolean => this.#orders.isOver() || this.#words.isAborted();

  readonly #longestSleepMs = (): number =>
    this.#isRunning && this.#tap.isNeeded ? TAP_MS : LONGEST_SLEEP_MS;

  /** Has the guest stand still for good, wherever the protection was. Throws RunAborted. */
  #end(): ProtectedHostEnd {
    const { engine, doorbell } = this.side;
    this.copyOnWrite?.abandon();
    engine.pause();
    for (;;) {
      const sequence = doorbell.sequence();
      this.attend();
      if (engine.areAllParked()) break;
      if (this.#words.isAborted()) throw new RunAborted('the run was aborted');
      doorbell.wait(sequence, LONGEST_SLEEP_MS);
    }
    this.emit();
    const waiting = this.#isRunning ? undefined : this.#backup?.complete;
    return {
      ...(waiting ? { waiting } : {}),
      heldPackets: this.net.heldPackets,
      heldBytes: this.net.heldBytes,
      mostHeldBytes: this.net.mostHeldBytes,
      writtenBlocks: this.writtenBlocks,
    };
  }
}
