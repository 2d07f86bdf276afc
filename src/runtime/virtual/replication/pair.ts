import type { Process } from '../../../clock/process.ts';
import { VirtualClock } from '../../../clock/virtual.ts';
import type { FullPlan } from '../../../guest/stream-plan.ts';
import type { Link } from '../../../link/link.ts';
import { ringLink } from '../../../link/ring-link.ts';
import { backup } from '../../../replication/backup.ts';
import { InPlace, StagingBuffer } from '../../../replication/capture.ts';
import { PageCompressor } from '../../../replication/compression.ts';
import { CopyOnWrite } from '../../../replication/copy-on-write.ts';
import { EpochBuffer } from '../../../replication/epoch-buffer.ts';
import { LeaseArbiter } from '../../../replication/lease.ts';
import type { BackupEnd, EpochRecord, PrimaryEnd } from '../../../replication/ports.ts';
import { coloPrimary } from '../../../replication/colo/primary.ts';
import { coloSecondary } from '../../../replication/colo/secondary.ts';
import { primary } from '../../../replication/primary.ts';
import { firstEpoch } from '../../common/first-epoch.ts';
import { SharedDestinationGuest, SharedSourceGuest } from '../../common/guests.ts';
import type { Transfer } from '../../common/stage.ts';
import type { EventLoop } from '../event-loop.ts';
import { VirtualDestinationGuest, VirtualSourceGuest } from '../guests.ts';
import { Half } from '../half.ts';
import { VirtualLink } from '../link.ts';
import { ColoParts } from './colo.ts';
import type { ProtectConfig, Trouble } from './config.ts';
import { VirtualFence } from './fence.ts';
import { Direction, MortalLink } from './mortal-link.ts';
import type { ProtectedPlace } from './place.ts';

export interface PairParts {
  readonly config: ProtectConfig;
  readonly plan: FullPlan;
  readonly primary: ProtectedPlace;
  readonly backup: ProtectedPlace;
  readonly transfer: Transfer;
  readonly loop: EventLoop;
  readonly startNs: number;
  readonly isCancelled: () => boolean;
  readonly onEpoch: (pair: VirtualPair, record: EpochRecord) => void;
  /** Is told that the image of an epoch is about to run. */
  readonly onReady: (pair: VirtualPair, epoch: number) => void;
  readonly onPrimaryEnd: (pair: VirtualPair, end: PrimaryEnd) => void;
  readonly onBackupEnd: (pair: VirtualPair, end: BackupEnd) => void;
}

/** The protection of a guest at one host by another one, in a virtual world. */
export class VirtualPair implements Process {
  readonly parts: PairParts;
  readonly buffer: EpochBuffer;
  readonly compressor: PageCompressor;
  readonly epochs: EpochRecord[] = [];
  /** How long the sender has worked, in nanoseconds. */
  senderNs = 0;
  /** When the disk of the backup has all writes of complete epochs. */
  #diskReadyNs = 0;
  readonly #clocks = { primary: new VirtualClock(), backup: new VirtualClock() };
  readonly #forward = new Direction();
  readonly #backward = new Direction();
  /** What COLO needs besides; undefined with Remus. */
  readonly colo: ColoParts | undefined;
  readonly #fences: { readonly primary: VirtualFence; readonly backup: VirtualFence } | undefined;
  readonly #near: Link;
  readonly #far: Link;
  readonly #primary: Half<PrimaryEnd>;
  readonly #backup: Half<BackupEnd>;
  #isPrimaryDead = false;
  #isBackupDead = false;
  #due: 'primary' | 'backup' = 'primary';
  readonly #told = { primary: false, backup: false };

  constructor(parts: PairParts) {
    this.parts = parts;
    const { config, backup: to, startNs } = parts;
    const { replication } = config;
    for (const clock of Object.values(this.#clocks)) clock.moveTo(startNs);
    this.#fences = this.#openFences();
    this.buffer = new EpochBuffer(to.side.memory, to.image);
    const work = (ns: number): void => this.#work(ns);
    this.compressor = new PageCompressor(
      replication.compression,
      replication.cachePages,
      replication.costs,
      work,
    );
    const sending = this.#sendingGuest();
    const { primary: from, plan } = parts;
    const { colo } = replication;
    if (colo) {
      this.colo = new ColoParts({
        colo,
        from,
        to,
        plan,
        clock: this.#clocks.backup,
        costs: config.run.costs,
        live: () => sending.live(),
      });
    }
    this.#near = new MortalLink(this.#nearLink(sending), this.#forward, this.#backward);
    this.#far = new MortalLink(this.#farLink(), this.#backward, this.#forward);
    this.#primary = this.#primaryHalf(sending, work);
    this.#backup = this.#backupHalf();
  }

  #openFences(): { readonly primary: VirtualFence; readonly backup: VirtualFence } | undefined {
    const { loop, config } = this.parts;
    const { fence } = config.replication;
    if (!fence) return undefined;
    const arbiter = new LeaseArbiter(fence.leaseNs);
    const open = (who: 'primary' | 'backup'): VirtualFence =>
      new VirtualFence(fence, { arbiter, who, clock: this.#clocks[who], loop });
    return { primary: open('primary'), backup: open('backup') };
  }

  #sendingGuest(): VirtualSourceGuest {
    const { primary: from, plan, config } = this.parts;
    const clock = this.#clocks.primary;
    const inner = new SharedSourceGuest(from.side, plan, clock);
    return new VirtualSourceGuest(inner, from.crew, clock, config.run.costs);
  }

  #linkParts(side: 'primary' | 'backup') {
    const { config, primary: from, backup: to, transfer } = this.parts;
    const { link, costs, guest } = config.run;
    const isNear = side === 'primary';
    const { slots } = from.side.memory;
    return {
      costs,
      pageSize: guest.pageSize,
      storedBytes: slots[0]!.layout.storedBytes,
      slots: slots.map(({ layout }) => layout.pages),
      stalledUntilNs: () => 0,
      clock: this.#clocks[side],
      inner: ringLink({
        bytesPerSecond: link.bytesPerSecond,
        latencyNs: link.latencyNs,
        madeUpLagNs: 0,
        clock: this.#clocks[side],
        outgoing: isNear ? transfer.forward : transfer.backward,
        incoming: isNear ? transfer.backward : transfer.forward,
        peerDoorbell: (isNear ? to : from).side.doorbell,
        line: {
          shared: transfer.line,
          side: isNear ? ('near' as const) : ('far' as const),
        },
      }),
    };
  }

  #nearLink(sending: VirtualSourceGuest): Link {
    const { config, primary: from } = this.parts;
    return new VirtualLink({
      ...this.#linkParts('primary'),
      setupNs: config.run.costs.setupNs,
      neighbours: from.crew,
      beforeRead: () => sending.live(),
    });
  }

  #farLink(): Link {
    return new VirtualLink(this.#linkParts('backup'));
  }

  #primaryHalf(sending: VirtualSourceGuest, work: (ns: number) => void): Half<PrimaryEnd> {
    const { config, primary: from, onEpoch, isCancelled } = this.parts;
    const { replication, run } = config;
    const clock = this.#clocks.primary;
    const { memory, words } = from.side;
    const { options, policy } = firstEpoch(run, memory, replication.silenceNs);
    const { mirror, image } = from;
    const disk = mirror && image && replication.diskBuffer ? { mirror, image } : undefined;
    const fence = this.#fences?.primary;
    const side = {
      clock,
      link: this.#near,
      guest: sending,
      options,
      replication,
      capture: this.#capture(memory, words),
      compressor: this.compressor,
      net: from.net,
      ...(disk ? { disk } : {}),
      ...(fence ? { fence } : {}),
      work,
      runUntil: (untilNs: number) => from.crew.runUntil(untilNs, clock.now()),
      onEpoch: (record: EpochRecord) => {
        this.epochs.push(record);
        onEpoch(this, record);
      },
    };
    const { colo } = this;
    const algorithm = colo
      ? coloPrimary({ ...side, ...colo.primary }, policy)
      : primary(side, policy);
    return new Half(algorithm, {
      clock,
      link: this.#near,
      isGuestSettled: () => sending.isSettled(),
      isCancelled,
    });
  }

  #capture(memory: ProtectedPlace['side']['memory'], words: Int32Array) {
    const { config, primary: from } = this.parts;
    const { capture, capturePages, costs } = config.replication;
    if (capture === 'staging') return new StagingBuffer(memory);
    if (capture === 'none') return new InPlace(memory);
    const copyOnWrite = new CopyOnWrite({
      memory,
      words,
      clock: this.#clocks.primary,
      mostPages: capturePages,
      copyNs: costs.copyNs,
    });
    from.copyOnWrite = copyOnWrite;
    return copyOnWrite;
  }

  #backupHalf(): Half<BackupEnd> {
    const { config, backup: to, plan, onReady } = this.parts;
    const clock = this.#clocks.backup;
    const inner = new SharedDestinationGuest(to.side, plan, clock);
    const guest = new VirtualDestinationGuest(inner, to.crew, clock, config.run.costs);
    const { colo } = this;
    const fence = this.#fences?.backup;
    const side = {
      clock,
      link: this.#far,
      guest,
      buffer: this.buffer,
      replication: config.replication,
      ...(fence ? { fence } : {}),
      work: (ns: number) => clock.spend(ns),
      onCommit: (blocks: number) => this.#drain(blocks),
      diskReadyNs: () => this.#diskReadyNs,
      onReady: (epoch: number) => onReady(this, epoch),
    };
    const algorithm = colo
      ? coloSecondary({ ...side, ...colo.secondary, guest: colo.guestOver(guest) })
      : backup(side);
    return new Half(algorithm, {
      clock,
      link: this.#far,
      isGuestSettled: () => (colo ? colo.isSettled() : guest.isSettled()),
      isCancelled: () => false,
    });
  }

  /** Keeps the sender busy; vCPUs on its CPU lose a share of that time. */
  #work(ns: number): void {
    const { config, primary: from } = this.parts;
    this.senderNs += ns;
    from.crew.steal(ns * config.replication.costs.contention);
    this.#clocks.primary.spend(ns);
  }

  /** Has the backup's disk write the blocks of an epoch that is whole. */
  #drain(blocks: number): void {
    const { config } = this.parts;
    const bytes = blocks * (config.emissions.disk?.shape.blockBytes ?? 0);
    const fromNs = Math.max(this.#diskReadyNs, this.#clocks.backup.now());
    this.#diskReadyNs = fromNs + (bytes / config.diskBytesPerSecond) * 1e9;
  }

  begin(): void {
    this.#primary.begin();
    this.#backup.begin();
  }

  get isOver(): boolean {
    const isPrimaryOver = this.#isPrimaryDead || this.#primary.isOver;
    return isPrimaryOver && (this.#isBackupDead || this.#backup.isOver);
  }

  nextNs(nowNs: number): number {
    const primaryNs = this.#isPrimaryDead ? Infinity : this.#primary.nextNs(nowNs);
    const backupNs = this.#isBackupDead ? Infinity : this.#backup.nextNs(nowNs);
    this.#due = backupNs <= primaryNs ? 'backup' : 'primary';
    return Math.min(primaryNs, backupNs);
  }

  step(atNs: number): void {
    if (this.#due === 'primary' && !this.#isPrimaryDead) this.#primary.go(atNs);
    else if (this.#due === 'backup' && !this.#isBackupDead) this.#backup.go(atNs);
    if (!this.#told.primary && this.#primary.result) {
      this.#told.primary = true;
      this.parts.onPrimaryEnd(this, this.#primary.result);
    }
    if (!this.#told.backup && this.#backup.result) {
      this.#told.backup = true;
      this.parts.onBackupEnd(this, this.#backup.result);
    }
  }

  /** Has one of the hosts die, or one of the connections be cut, in silence. */
  suffer(what: Trouble, nowNs: number): void {
    if (what === 'primary') {
      this.#isPrimaryDead = true;
      this.#forward.senderDiedNs = nowNs;
      this.#loseFence('primary', nowNs);
    } else if (what === 'backup') {
      this.#isBackupDead = true;
      this.#backward.senderDiedNs = nowNs;
      this.#loseFence('backup', nowNs);
    } else if (what === 'link') {
      this.#forward.cutNs = Math.min(this.#forward.cutNs, nowNs);
      this.#backward.cutNs = Math.min(this.#backward.cutNs, nowNs);
    } else this.#loseFence(what === 'primary-fence' ? 'primary' : 'backup', nowNs);
  }

  #loseFence(who: 'primary' | 'backup', nowNs: number): void {
    const fence = this.#fences?.[who];
    if (fence) fence.lostFromNs = Math.min(fence.lostFromNs, nowNs);
  }

  get postedBytes(): number {
    return this.#near.postedBytes;
  }
}
