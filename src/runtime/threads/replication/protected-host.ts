import type { FullPlan } from '../../../guest/stream-plan.ts';
import { lightPlan } from '../../../guest/stream-plan.ts';
import { createRing, giveBackRing, type SharedRing } from '../../../link/ring.ts';
import { DiskImage, type DiskShape } from '../../../replication/disk.ts';
import {
  giveBackGuestSide,
  type GuestSide,
  openGuestSide,
  type SharedGuestSide,
} from '../../common/guest-side.ts';
import type { ProtectConfig } from '../../virtual/replication/config.ts';
import { Crew, type CrewError } from '../crew.ts';
import { WorkerPool } from '../pool.ts';
import { RunWords } from '../run-words.ts';
import { type HostNews, JournalReader } from './journal.ts';
import { HostOrders } from './orders.ts';
import type { PairTransfer, ProtectedHostEnd, SharedImage } from './tasks.ts';
import { ZlibGuard } from './zlib-guard.ts';

/** What a host may have written that the world has not read yet is at most so many bytes. */
const JOURNAL_BYTES = 4 * 1024 * 1024;
/** A thread that has been told to leave, and takes this long, hangs. */
const LEAVE_MS = 30_000;

/** What all hosts of a protection have in common. */
export interface HostsParts {
  readonly config: ProtectConfig;
  readonly plan: FullPlan;
  readonly clockOrigin: bigint;
  readonly transfers: readonly PairTransfer[];
  readonly cuts: SharedArrayBuffer;
  readonly handshakes: readonly SharedArrayBuffer[];
}

/**
 * A host, as the world sees it: memory, a disk, and threads of its own, which are one for each vCPU and one for all
 * else. Its death is the end of all of its threads at once, whatever they are doing.
 */
export class ProtectedHost {
  /** Its number, from 0 on. */
  readonly host: number;
  readonly shared: SharedGuestSide;
  readonly side: GuestSide;
  readonly image: DiskImage | undefined;
  readonly snapshot: SharedImage | undefined;
  readonly orders = new HostOrders();
  /** When its threads were terminated; Infinity while it lives. */
  diedNs = Infinity;
  /** When the guest began to run here; Infinity if it never has. */
  ranFromNs = Infinity;
  writtenBlocks = 0;
  /** The most bytes of packets that it had held when it told of its last epoch, or at its end. */
  mostHeldBytes = 0;
  end: ProtectedHostEnd | undefined;
  readonly #disk: SharedArrayBuffer | undefined;
  readonly #words = new RunWords();
  readonly #zlib = new ZlibGuard();
  readonly #ring: SharedRing = createRing(JOURNAL_BYTES);
  readonly #journal = new JournalReader(this.#ring);
  readonly #pool: WorkerPool;
  readonly #crew: Crew;
  #death: Promise<void> | undefined;
  #life: Promise<ProtectedHostEnd> | undefined;

  constructor(
    host: number,
    shared: SharedGuestSide,
    shape: DiskShape | undefined,
    snapshot: SharedGuestSide | undefined,
    nowMs: () => number,
  ) {
    this.host = host;
    this.shared = shared;
    this.side = openGuestSide(shared);
    this.#disk = shape && createDisk(shape);
    this.image = shape && new DiskImage(shape, new Uint8Array(this.#disk!));
    this.snapshot = snapshot && {
      guestSide: snapshot,
      ...(shape ? { disk: createDisk(shape) } : {}),
    };
    this.#pool = new WorkerPool(shared.writers);
    this.#crew = new Crew(nowMs);
  }

  /** Starts its threads; they are ready when `isReady`. */
  launch({ config, plan, ...parts }: HostsParts): void {
    const { emissions, replication, run, diskBytesPerSecond } = config;
    const light = lightPlan(plan);
    const shared = {
      plan: light,
      clockOrigin: parts.clockOrigin,
      runWords: this.#words.buffer,
      guestSide: this.shared,
    };
    const savesPages = replication.capture === 'copy-on-write';
    const isDead = (): boolean => this.diedNs < Infinity;
    for (let vcpu = 0; vcpu < plan.vcpus; vcpu++) {
      const task = this.#pool.run('vcpu', { ...shared, vcpu, savesPages });
      void this.#crew.watch(`vCPU ${vcpu} of host ${this.host + 1}`, task, isDead);
    }
    const life = this.#pool.run('protectedHost', {
      ...shared,
      ...parts,
      run: { link: run.link, migration: run.migration },
      replication,
      emissions,
      diskBytesPerSecond,
      orders: this.orders.buffer,
      zlibGuard: this.#zlib.buffer,
      journal: this.#ring,
      ...(this.#disk ? { disk: this.#disk } : {}),
      ...(this.snapshot ? { snapshot: this.snapshot } : {}),
    });
    this.#life = this.#crew.watch(`the thread of host ${this.host + 1}`, life, isDead);
  }

  get isReady(): boolean {
    return this.#words.ready === this.shared.writers;
  }

  /** Why one of its threads has died although nobody killed the host; undefined while none has. */
  get failure(): CrewError | undefined {
    return this.#crew.failure;
  }

  /** Returns what the host has told since the last call; a dead one's last words can be read as well. */
  news(): readonly HostNews[] {
    return this.#journal.read();
  }

  /** Terminates all of its threads, wherever they are. */
  kill(nowNs: number): void {
    this.diedNs = nowNs;
    this.#zlib.close();
    this.#death = this.#pool.destroy();
  }

  /** Whether it has been killed and all of its threads are gone. */
  async isGone(): Promise<void> {
    await this.#death;
  }

  /** Has the guest stand still for good, and the host's thread say what it has; resolves to that. Throws CrewError. */
  finish(): Promise<ProtectedHostEnd> {
    this.orders.end();
    this.side.doorbell.ring();
    return this.#crew.result(this.#life!);
  }

  /** Has all threads leave, and ends those that do not. */
  async leave(): Promise<void> {
    if (this.#death) return this.#death;
    this.#words.abort();
    this.side.engine.stop();
    this.side.doorbell.ring();
    await this.#crew.haveAllLeft(LEAVE_MS);
    await this.#pool.destroy();
  }

  /** Gives its memory back; no thread may use it any more. */
  giveBack(): void {
    giveBackRing(this.#ring);
    if (this.snapshot) giveBackGuestSide(this.snapshot.guestSide);
    giveBackGuestSide(this.shared);
  }
}

const createDisk = ({ blocks, blockBytes }: DiskShape): SharedArrayBuffer =>
  new SharedArrayBuffer(blocks * blockBytes);
