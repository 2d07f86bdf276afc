import { OneEvent } from '../../../clock/process.ts';
import { planMemory } from '../../../guest/memory-plan.ts';
import { loadVcpus } from '../../../guest/vcpu-state.ts';
import { fillDestination } from '../../../memory/contents/contents.ts';
import { openMemory } from '../../../memory/guest-memory.ts';
import { packetsSentIn } from '../../../replication/guest-tap.ts';
import { PacketLedger } from '../../../replication/packet-ledger.ts';
import type { BackupEnd, EpochRecord, PrimaryEnd } from '../../../replication/ports.ts';
import { fillGuest } from '../../common/fill.ts';
import { giveBackGuestSide } from '../../common/guest-side.ts';
import { GivenUpError } from '../../common/pieces.ts';
import {
  createPlace,
  createTransfer,
  giveBackTransfer,
  type Transfer,
} from '../../common/stage.ts';
import { inlineRunner, type WorkRunner } from '../../common/work.ts';
import { EventLoop, StuckError } from '../event-loop.ts';
import { admitClients, type Clients } from './clients.ts';
import { contradictions } from './contradictions.ts';
import type { ProtectConfig, TroubleAt } from './config.ts';
import { VirtualPair } from './pair.ts';
import { ProtectedPlace } from './place.ts';
import { provePlace } from './prove-place.ts';
import type { PairReport, PlaceProof, ProtectReport, TakeoverReport } from './report.ts';
import { outcomeOf, problemsOf, splitNsOf } from './verdict.ts';

export interface ProtectionOptions {
  /** Fills memory and works for the proofs in other threads; without it, this thread does all the work. */
  readonly runner?: WorkRunner;
  readonly signal?: AbortSignal;
  readonly proofSignal?: AbortSignal;
  /** Called when the guest's memory has been filled and the guest is about to run. */
  readonly onSettled?: () => void;
  /** Called for each epoch that has been acknowledged. */
  readonly onEpoch?: (record: EpochRecord, nowNs: number) => void;
  readonly onProof?: () => void;
  /** Called before an image is proved, for tests: with the RAM and the disk of a host. */
  readonly beforeProof?: (place: ProtectedPlace) => void;
  /** Ask the guest for answers, and wait for them. */
  readonly clients?: Clients;
  readonly mostEvents?: number;
}

type Ending = Pick<PairReport, 'end' | 'endNs' | 'reason'>;

/** A guest on a virtual clock that hosts protect by Remus, one after another, while hosts and links die. */
export class VirtualProtection {
  readonly #config: ProtectConfig;
  readonly #options: ProtectionOptions;
  readonly #loop = new EventLoop();
  readonly #ledger = new PacketLedger();
  readonly #memory: ReturnType<typeof planMemory>;
  readonly #places: ProtectedPlace[] = [];
  readonly #pairs: VirtualPair[] = [];
  /** A backup that heard nothing takes over although the primary had gone on without protection, and has died since. */
  #hasGoneBack = false;
  /** Packets that have left although a guest that went on elsewhere has sent others in their place (COLO). */
  #contradictions = 0;
  readonly #endings = new Map<VirtualPair, Ending>();
  readonly #transfers: Transfer[] = [];
  readonly #takeovers: TakeoverReport[] = [];
  readonly #proofs: PlaceProof[] = [];
  /** Images that are about to run, and wait for their proof. */
  readonly #ready: { readonly place: ProtectedPlace; readonly epoch: number }[] = [];

  constructor(config: ProtectConfig, options: ProtectionOptions = {}) {
    this.#config = config;
    this.#options = options;
    this.#memory = planMemory(config.run.guest, config.run.seed);
  }

  /** Lets the guest live to the end. Throws ContentsError when an image can't be used. */
  async run(): Promise<ProtectReport> {
    const loop = this.#loop;
    const { run, troubles, durationNs } = this.#config;
    const first = await this.#settle();
    this.#options.onSettled?.();
    loop.add(new OneEvent(run.migration.startAfterNs, (nowNs) => this.#protect(first, nowNs)));
    const crewAt = (nowNs: number) => this.#places.findLast((one) => one.isActive(nowNs))?.crew;
    admitClients(this.#options.clients, { loop, ledger: this.#ledger, crewAt });
    for (const trouble of troubles) {
      loop.add(new OneEvent(trouble.atNs, (nowNs) => this.#suffer(trouble, nowNs)));
    }
    let error: string | undefined;
    let isProved = this.#config.isProved;
    try {
      isProved = await this.#live(durationNs);
    } catch (thrown) {
      // A mistake of the program is no outcome of a run.
      if (!(thrown instanceof StuckError)) throw thrown;
      error = thrown.message;
      isProved = false;
    }
    const endedNs = this.#isCancelled() || error !== undefined ? loop.nowNs : durationNs;
    if (error === undefined) this.#advanceAll(endedNs);
    if (isProved) {
      this.#options.onProof?.();
      isProved = await this.#proveAll(endedNs);
    }
    const report = this.#report(endedNs, error, isProved);
    this.#giveBack();
    return report;
  }

  async #settle(): Promise<ProtectedPlace> {
    const { runner = inlineRunner } = this.#options;
    const { guest, seed } = this.#config.run;
    const place = this.#place(0);
    await fillGuest(runner, place.shared, guest.contents, seed, { prefault: false, isUsed: false });
    place.side.engine.resume();
    place.crew.poll(0);
    place.begin(0);
    return place;
  }

  /** Creates a place for the guest at a host; its memory may hold anything. */
  #place(host: number): ProtectedPlace {
    const { run, emissions } = this.#config;
    const { plan, geometries } = this.#memory;
    const shared = createPlace(run.guest, plan, geometries(host % 2));
    const parts = { host, shared, plan, emissions, costs: run.costs, ledger: this.#ledger };
    const place = new ProtectedPlace(parts);
    this.#places.push(place);
    return place;
  }

  /** Begins to protect a guest with the next host, if there is one. */
  #protect(primary: ProtectedPlace, nowNs: number): void {
    const { run, spares } = this.#config;
    const host = this.#places.length;
    if (host > spares + 1 || primary.diedNs <= nowNs) return;
    const backup = this.#place(host);
    for (const { ram } of openMemory(backup.shared.slots).slots) fillDestination(ram);
    const transfer = createTransfer(run.link, run.guest.pageSize, false);
    this.#transfers.push(transfer);
    const pair = new VirtualPair({
      config: this.#config,
      plan: this.#memory.plan,
      primary,
      backup,
      transfer,
      loop: this.#loop,
      startNs: nowNs,
      isCancelled: () => this.#isCancelled(),
      onEpoch: (_, record) => this.#options.onEpoch?.(record, this.#loop.nowNs),
      onReady: (one, epoch) => void this.#ready.push({ place: one.parts.backup, epoch }),
      onPrimaryEnd: (one, end) => this.#primaryEnded(one, end),
      onBackupEnd: (one, end) => this.#backupEnded(one, end),
    });
    this.#pairs.push(pair);
    pair.begin();
    this.#loop.add(pair);
  }

  /** Has a host or a connection of the newest pair fail. */
  #suffer({ what }: TroubleAt, nowNs: number): void {
    const pair = this.#pairs.at(-1);
    const { primary, backup } = pair?.parts ?? { primary: this.#places[0]!, backup: undefined };
    // After a takeover without a spare, the guest's only host is the one that was the backup.
    const isPrimaryGone = primary.diedNs <= nowNs;
    const dying = what === 'primary' ? (isPrimaryGone ? backup : primary) : backup;
    if (what === 'primary' || what === 'backup') {
      if (!dying || dying.diedNs <= nowNs) return;
      dying.crew.advance(nowNs);
      dying.diedNs = nowNs;
      this.#ledger.died(dying.host, nowNs);
    }
    for (const one of this.#pairs) {
      const role = one.parts.primary === dying ? 'primary' : 'backup';
      const isTheirs = one.parts.primary === dying || one.parts.backup === dying;
      if (what === 'primary' || what === 'backup') {
        if (isTheirs) this.#hurt(one, role, nowNs);
      } else if (one === pair) this.#hurt(one, what, nowNs);
    }
  }

  #hurt(pair: VirtualPair, what: TroubleAt['what'], nowNs: number): void {
    pair.suffer(what, nowNs);
    if (pair.isOver && !this.#endings.has(pair)) {
      this.#endings.set(pair, { end: 'lost', endNs: nowNs });
    }
    this.#loop.wake(pair);
  }

  #primaryEnded(pair: VirtualPair, { kind, reason, atNs }: PrimaryEnd): void {
    const { primary } = pair.parts;
    if (!this.#endings.has(pair)) this.#endings.set(pair, { end: kind, endNs: atNs, reason });
    if (kind === 'fenced') primary.fencedNs = Math.min(primary.fencedNs, atNs);
    else if (kind === 'dropped') {
      this.#loop.add(new OneEvent(atNs, (nowNs) => this.#protect(primary, nowNs)));
    }
  }

  #backupEnded(pair: VirtualPair, end: BackupEnd): void {
    const { primary, backup } = pair.parts;
    if (end.kind !== 'tookOver') {
      const reason = end.kind === 'gaveUp' ? { reason: end.reason } : {};
      const isFirst = !this.#endings.has(pair) && primary.diedNs < Infinity;
      if (isFirst) this.#endings.set(pair, { end: end.kind, endNs: end.atNs, ...reason });
      return;
    }
    const { nowNs } = this.#loop;
    const { runningNs } = end.times;
    this.#hasGoneBack ||= this.#endings.get(pair)?.end === 'dropped';
    backup.begin(nowNs);
    const { packets } = this.#config.emissions;
    const sent = pair.colo
      ? backup.tap.sent
      : packetsSentIn(this.#memory.plan, packets, pair.buffer.complete!.vcpus);
    if (pair.colo) this.#contradictions += contradictions(this.#ledger, this.#places, backup);
    this.#ledger.takenOver({ host: backup.host, atNs: nowNs, sent });
    this.#endings.set(pair, { end: 'tookOver', endNs: runningNs });
    const { diedNs } = primary;
    const died = diedNs < Infinity ? { diedNs } : {};
    const facts = { from: primary.host, to: backup.host, epoch: end.epoch, ...died };
    this.#takeovers.push({ ...facts, ...end.times });
    this.#loop.add(new OneEvent(runningNs, (atNs) => this.#protect(backup, atNs)));
  }

  /** Lets everything happen up to a point in time; returns whether all proofs on the way were made. */
  async #live(toNs: number): Promise<boolean> {
    const loop = this.#loop;
    const { mostEvents } = this.#options;
    const isDone = (): boolean =>
      this.#ready.length > 0 || loop.nextNs > toNs || this.#isCancelled();
    let isProved = this.#config.isProved;
    for (;;) {
      await loop.play(isDone, mostEvents === undefined ? {} : { mostEvents });
      const image = this.#ready.shift();
      if (!image) return isProved;
      if (isProved) isProved = await this.#prove(image.place, 'image', image.epoch);
    }
  }

  #isCancelled(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  #advanceAll(nowNs: number): void {
    for (const place of this.#places) if (place.isActive(nowNs)) place.crew.advance(nowNs);
  }

  /** Proves the guest wherever it runs, and the image of every backup that waits. */
  async #proveAll(nowNs: number): Promise<boolean> {
    for (const place of this.#places) {
      if (place.isActive(nowNs) && !(await this.#prove(place, 'end'))) return false;
    }
    for (const { parts, buffer, colo } of this.#pairs) {
      const { backup } = parts;
      if (backup.ranFromNs < Infinity || backup.diedNs <= nowNs || !buffer.complete) continue;
      const { epoch, vcpus } = buffer.complete;
      // The guest of a secondary has run on from there, and its vCPUs have the state that it is in.
      if (!colo) loadVcpus(backup.side.memory, backup.side.area, this.#memory.plan, vcpus);
      else colo.settle();
      if (!(await this.#prove(backup, 'image', epoch))) return false;
    }
    return true;
  }

  /** Proves a place; returns false when the proof was given up. */
  async #prove(place: ProtectedPlace, of: PlaceProof['of'], epoch?: number): Promise<boolean> {
    this.#options.beforeProof?.(place);
    const { runner: pool = inlineRunner, proofSignal: signal } = this.#options;
    try {
      const parts = { config: this.#config, memory: this.#memory, pool, signal };
      const isMirrored = place.host === 0 || this.#config.replication.diskBuffer;
      const found = await provePlace(place, parts, isMirrored);
      this.#proofs.push({
        host: place.host,
        of,
        ...(epoch === undefined ? {} : { epoch }),
        ...found,
      });
      return true;
    } catch (error) {
      if (error instanceof GivenUpError) return false;
      throw error;
    }
  }

  #report(endedNs: number, error: string | undefined, isProved: boolean): ProtectReport {
    const active = this.#places.filter((place) => place.isActive(endedNs));
    const splitNs = splitNsOf(this.#places, endedNs);
    const totals = this.#ledger.totals();
    const last = active.at(-1);
    const ending = {
      error,
      isCancelled: this.#isCancelled(),
      splitNs,
      hasGoneBack: this.#hasGoneBack,
      isAlive: last !== undefined,
    };
    return {
      outcome: outcomeOf(ending),
      ...(error === undefined ? {} : { error }),
      endedNs,
      pairs: this.#pairs.map((pair) => this.#pairReport(pair)),
      takeovers: this.#takeovers,
      packets: { ...totals, ...this.#held(last) },
      delays: this.#ledger.delays(),
      writtenBlocks: this.#places.reduce((sum, { tap }) => sum + tap.writtenBlocks, 0),
      accesses: last?.crew.accesses() ?? 0,
      splitNs,
      proofs: isProved ? this.#proofs : undefined,
      problems: problemsOf(this.#config.replication, totals, ending, this.#contradictions),
    };
  }

  #held(last: ProtectedPlace | undefined) {
    return {
      held: last?.net.heldPackets ?? 0,
      heldBytes: last?.net.heldBytes ?? 0,
      mostHeldBytes: Math.max(...this.#places.map(({ net }) => net.mostHeldBytes)),
    };
  }

  #pairReport(pair: VirtualPair): PairReport {
    const { primary, backup, startNs } = pair.parts;
    const first = pair.epochs[0];
    return {
      primary: primary.host,
      backup: backup.host,
      startNs,
      ...(first ? { protectedNs: first.ackNs } : {}),
      ...this.#endings.get(pair),
      epochs: pair.epochs,
      bytes: pair.postedBytes,
      codes: pair.compressor.counts,
      cache: pair.compressor.cache,
      senderNs: pair.senderNs,
    };
  }

  #giveBack(): void {
    for (const transfer of this.#transfers) giveBackTransfer(transfer);
    for (const { shared } of this.#places) giveBackGuestSide(shared);
  }
}
