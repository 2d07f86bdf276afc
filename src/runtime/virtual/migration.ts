import type { Process } from '../../clock/process.ts';
import { VirtualClock } from '../../clock/virtual.ts';
import type { Link } from '../../link/link.ts';
import type { Flow } from '../../link/network.ts';
import { Line } from '../../link/line.ts';
import { ChannelledLink } from '../../link/channelled-link.ts';
import { openPacing, type Pacing } from '../../link/pacing.ts';
import { ringLink } from '../../link/ring-link.ts';
import { closeRing } from '../../link/ring.ts';
import { EncodingMeter } from '../../wire/meter.ts';
import { GATE, GATE_PRESENCE } from '../../memory/handshake/words.ts';
import {
  destination as runDestination,
  type DestinationReport,
} from '../../migration/destination.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { SourceSession } from '../../migration/source-session.ts';
import { recoveryOf, sourceAlgorithm, sourceOptions } from '../../migration/spec/wiring.ts';
import { SharedDestinationGuest, SharedSourceGuest } from '../common/guests.ts';
import { compressionCosts } from '../compression-costs.ts';
import { ownKinds } from '../common/own-kinds.ts';
import type { Transfer } from '../common/stage.ts';
import type { RunConfig } from '../config.ts';
import type { SourceHost } from '../../migration/hosting.ts';
import type { VirtualGuest, VirtualPlace } from './guest.ts';
import type { Gang } from './gangs.ts';
import { type ArrivingHost, VirtualDestinationGuest, VirtualSourceGuest } from './guests.ts';
import { Half } from './half.ts';
import type { VirtualWorker } from './virtual-worker.ts';
import {
  type ChannelWorkers,
  openChannels,
  type VirtualChannels,
} from './channels/open-channels.ts';
import { VirtualLink } from './link.ts';
import type { Happening, HappeningWorld } from './options.ts';
import { outagesOf, whenOf } from './outages.ts';

export interface VirtualMigrationParts {
  readonly config: Pick<RunConfig, 'guest' | 'link' | 'migration' | 'costs'>;
  readonly guest: VirtualGuest;
  readonly target: VirtualPlace;
  readonly transfer: Transfer;
  readonly startNs: number;
  readonly isCancelled: () => boolean;
  /** Called once, when the migration has ended; its `endNs` says when that was. */
  readonly onOver?: (migration: VirtualMigration) => void;
  /** Its flows over links that are shared with other migrations; without them, the link is its own. */
  readonly flows?: { readonly forward: Flow; readonly backward: Flow };
  /** Its sender on the source host's shared CPUs; without it, the sender has a CPU of its own. */
  readonly sender?: VirtualWorker;
  /** Its receiver on the target host's shared CPUs; without it, the receiver has a CPU of its own. */
  readonly receiver?: VirtualWorker;
  /** The workers of its channels on these CPUs. */
  readonly channelWorkers?: ChannelWorkers;
  /** Returns the guest's hosts, if they are overcommitted, which do their work on the clocks of the two halves. */
  readonly hosting?: (clocks: {
    readonly source: VirtualClock;
    readonly destination: VirtualClock;
  }) => { readonly source: SourceHost; readonly destination: ArrivingHost };
  /** What the guests have sent, and have at the target host, that move between the same two hosts. */
  readonly gang?: Gang;
  /** Returns faults that hit the migration at points in time, for tests. */
  readonly happenings?: (world: HappeningWorld) => readonly Happening[];
}

/** The kind of the next event: one of the halves can go on, or something happens to the migration. */
type Due = 'source' | 'destination' | 'senders' | 'receivers' | 'happening';

/**
 * A migration in a virtual world, as a process that is stepped from event to event. Each half has a clock of its
 * own, which is ahead of the world's clock while the half computes.
 */
export class VirtualMigration implements Process, HappeningWorld {
  readonly guest: VirtualGuest;
  readonly source: VirtualPlace;
  readonly target: VirtualPlace;
  readonly sourceGuest: SharedSourceGuest;
  readonly destinationGuest: SharedDestinationGuest;
  readonly line: Line;
  isOver = false;
  readonly #clocks = { source: new VirtualClock(), destination: new VirtualClock() };
  readonly #source: Half<SourceReport>;
  readonly #destination: Half<DestinationReport>;
  readonly #near: VirtualLink;
  readonly #far: VirtualLink;
  /** The link as the source's half sees it, with all channels. */
  readonly #link: Link;
  /** The channels that carry pages; absent if there are none beside the main one. */
  readonly #channels: VirtualChannels | undefined;
  readonly #transfer: Transfer;
  #session: SourceSession | undefined;
  #happenings: readonly Happening[];
  #due: Due = 'source';
  #stalledUntilNs = 0;
  #isDestinationDead = false;
  readonly #onOver: VirtualMigrationParts['onOver'];
  readonly #gang: Gang | undefined;

  constructor(parts: VirtualMigrationParts) {
    const { config, guest, target, transfer, startNs, isCancelled, flows, sender, receiver, gang } =
      parts;
    const { costs, link, migration } = config;
    const { plan, place: source } = guest;
    const clocks = this.#clocks;
    for (const clock of Object.values(clocks)) clock.moveTo(startNs);
    this.guest = guest;
    this.source = source;
    this.target = target;
    this.#transfer = transfer;
    this.#onOver = parts.onOver;
    this.#gang = gang;
    this.line = new Line(transfer.line, [transfer.forward, transfer.backward]);
    this.sourceGuest = new SharedSourceGuest(source.side, plan, clocks.source);
    this.destinationGuest = new SharedDestinationGuest(target.side, plan, clocks.destination);
    const hosts = parts.hosting?.(clocks);
    const sending = new VirtualSourceGuest(
      this.sourceGuest,
      source.crew,
      clocks.source,
      costs,
      hosts?.source,
    );
    gang?.peers.announce(this.destinationGuest.memory, guest);
    const receiving = new VirtualDestinationGuest(
      this.destinationGuest,
      target.crew,
      clocks.destination,
      costs,
      hosts?.destination,
    );
    const slots = source.side.memory.slots.map(({ layout }) => layout.pages);
    const { storedBytes } = source.side.memory.slots[0]!.layout;
    const { pageSize } = config.guest;
    const stalledUntilNs = (): number => this.#stalledUntilNs;
    const compression = compressionCosts(migration, costs);
    const meter = new EncodingMeter();
    const shared = { costs, pageSize, storedBytes, slots, stalledUntilNs, compression };
    const pacing = openPacing({
      bytesPerSecond: link.bytesPerSecond,
      madeUpLagNs: 0,
      flow: flows?.forward,
    });
    this.#near = new VirtualLink({
      ...shared,
      inner: this.#endOf('near', link, pacing),
      ...(sender ? { worker: sender } : {}),
      clock: clocks.source,
      hashesPages: migration.encodings.includes('reference'),
      meter,
      setupNs: costs.setupNs,
      neighbours: source.crew,
      beforeRead: () => sending.live(),
    });
    this.#far = new VirtualLink({
      ...shared,
      inner: this.#endOf(
        'far',
        link,
        openPacing({
          bytesPerSecond: link.bytesPerSecond,
          madeUpLagNs: 0,
          flow: flows?.backward,
        }),
      ),
      ...(receiver ? { worker: receiver } : {}),
      clock: clocks.destination,
      afterFrame: () => target.crew.attendFaults(clocks.destination.now()),
    });
    const lag = { fixedNs: costs.windowLagNs, perByteNs: costs.windowLagNsPerByte };
    const options = {
      ...sourceOptions(link, migration, source.side.memory, lag, config.guest.devices),
      meter,
    };
    if (transfer.channels.length > 0) {
      this.#channels = openChannels({
        rings: transfer.channels,
        latencyNs: link.latencyNs,
        pacing,
        clocks,
        doorbells: { source: source.side.doorbell, destination: target.side.doorbell },
        shared,
        neighbours: source.crew,
        liveUntil: (ns) => source.crew.advance(ns),
        options,
        target: target.side.memory,
        isLost: () => this.line.isLost,
        workers: parts.channelWorkers ?? { senders: [], receivers: [] },
      });
    }
    const channels = this.#channels;
    this.#link = channels ? new ChannelledLink(this.#near, channels.senders) : this.#near;
    const side = {
      clock: clocks.source,
      link: this.#link,
      guest: sending,
      ...(channels ? { senders: channels.senders } : {}),
      ...(gang ? { sent: gang.sent } : {}),
      watch: (session: SourceSession) => void (this.#session = session),
      options,
    };
    this.#source = new Half(sourceAlgorithm(side, migration, ownKinds), {
      clock: clocks.source,
      link: this.#link,
      isGuestSettled: () => sending.isSettled(),
      isCancelled,
    });
    const { devices } = config.guest;
    const receivingSide = {
      clock: clocks.destination,
      link: this.#far,
      guest: receiving,
      ...(devices ? { devices } : {}),
      ...(gang ? { peers: gang.peers } : {}),
      ...(channels ? { receivers: channels.receivers } : {}),
    };
    this.#destination = new Half(runDestination({ ...receivingSide, ...recoveryOf(migration) }), {
      clock: clocks.destination,
      link: this.#far,
      isGuestSettled: () => receiving.isSettled(),
      isCancelled: () => false,
    });
    this.#happenings = [
      ...(parts.happenings?.(this) ?? []),
      ...outagesOf(link.outages ?? [], startNs, this.line),
    ].toSorted((a, b) => a.atNs - b.atNs);
  }

  #endOf(
    end: 'near' | 'far',
    { bytesPerSecond, latencyNs }: RunConfig['link'],
    pacing: Pacing,
  ): Link {
    const { forward, backward, line } = this.#transfer;
    const isNear = end === 'near';
    return ringLink({
      bytesPerSecond,
      latencyNs,
      pacing,
      clock: isNear ? this.#clocks.source : this.#clocks.destination,
      outgoing: isNear ? forward : backward,
      incoming: isNear ? backward : forward,
      peerDoorbell: (isNear ? this.target : this.source).side.doorbell,
      line: { shared: line, side: end },
    });
  }

  /** The source's report; it is undefined until the source's half has ended. */
  get result(): SourceReport | undefined {
    return this.#source.result;
  }

  get destinationResult(): DestinationReport | undefined {
    return this.#destination.result;
  }

  /** The time when it ended, which is the later one of the two halves' clocks. */
  get endNs(): number {
    const { source, destination } = this.#clocks;
    return Math.max(source.now(), this.#isDestinationDead ? 0 : destination.now());
  }

  get postedBytes(): number {
    return this.#link.postedBytes;
  }

  get round(): number {
    return this.#session?.metrics.round ?? 1;
  }

  /** Whether the guest runs at the destination while its pages still come, or wait for a new connection. */
  get isPostcopy(): boolean {
    return this.#session?.phase.startsWith('postcopy') ?? false;
  }

  /** How many pages have yet to be sent. */
  get pagesLeft(): number {
    return this.#session?.unsent.count ?? 0;
  }

  begin(): void {
    this.#source.begin();
    this.#destination.begin();
  }

  /** Returns when the next event is: a half goes on, a vCPU faults, or something happens to the migration. */
  nextNs(nowNs: number): number {
    if (this.isOver) return Infinity;
    const nearNs = this.#source.nextNs(nowNs);
    const farNs = this.#isDestinationDead ? Infinity : this.#destination.nextNs(nowNs);
    const happening = this.#happenings[0];
    const happeningNs = happening ? whenOf(happening, nowNs) : Infinity;
    const sendersNs = this.#channels?.senders.nextNs(nowNs) ?? Infinity;
    const isDead = this.#isDestinationDead;
    const receiversNs = isDead ? Infinity : (this.#channels?.receivers.nextNs(nowNs) ?? Infinity);
    const atNs = Math.min(nearNs, farNs, sendersNs, receiversNs, happeningNs);
    if (atNs === Infinity) throw new Error('both halves of the migration wait for ever');
    if (happeningNs <= atNs) this.#due = 'happening';
    else if (receiversNs <= atNs) this.#due = 'receivers';
    else if (sendersNs <= atNs) this.#due = 'senders';
    else this.#due = farNs <= nearNs ? 'destination' : 'source';
    if (!this.#isPartly()) return atNs;
    const { crew } = this.target;
    crew.advance(atNs);
    const faultNs = Math.max(crew.faultAtNs(), this.#clocks.destination.now());
    if (faultNs >= atNs) return atNs;
    this.#due = 'destination';
    return faultNs;
  }

  step(atNs: number): void {
    if (this.#due === 'source') this.#source.go(atNs);
    else if (this.#due === 'destination') this.#destination.go(atNs);
    else if (this.#due === 'senders') this.#channels!.senders.step(atNs);
    else if (this.#due === 'receivers') this.#channels!.receivers.step(atNs);
    else {
      const [happening, ...later] = this.#happenings;
      this.#happenings = later;
      happening!.act();
    }
    this.#settleEnd();
  }

  wrapLink(end: 'near' | 'far', wrap: (inner: Link) => Link): void {
    (end === 'near' ? this.#near : this.#far).wrap(wrap);
  }

  cutLink(): void {
    closeRing(this.#transfer.forward);
    closeRing(this.#transfer.backward);
  }

  killDestination(): void {
    this.#isDestinationDead = true;
    closeRing(this.#transfer.backward);
  }

  stallLink(untilNs: number): void {
    this.#stalledUntilNs = Math.max(this.#stalledUntilNs, untilNs);
  }

  stallChannel(channel: number, untilNs: number): void {
    this.#channels!.stall(channel, untilNs);
  }

  /** Ends the migration once the source has ended and the destination has too, or is dead. */
  #settleEnd(): void {
    if (!this.#source.isOver) return;
    const { outcome, guestLost } = this.#source.result!;
    if (outcome !== 'completed' && !guestLost) this.guest.stay();
    if (!this.#isDestinationDead && !this.#destination.isOver) {
      // The destination learns that the source is gone once it has read the frames that are under way.
      closeRing(this.#transfer.forward);
      return;
    }
    this.isOver = true;
    if (outcome === 'completed') this.guest.moveTo(this.target);
    else this.#gang?.peers.forget(this.destinationGuest.memory);
    this.#onOver?.(this);
  }

  /** Returns whether the guest runs at the destination without all of its pages, and the half there still serves it. */
  #isPartly(): boolean {
    if (this.#isDestinationDead || this.#destination.isOver) return false;
    return (Atomics.load(this.target.side.words, GATE) & GATE_PRESENCE) !== 0;
  }
}
