import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicClock, monotonicOrigin } from '../../../clock/monotonic.ts';
import { planMemory } from '../../../guest/memory-plan.ts';
import { accessesOf } from '../../../guest/stream-record.ts';
import { loadVcpus } from '../../../guest/vcpu-state.ts';
import { DiskImage } from '../../../replication/disk.ts';
import type { EpochRecord } from '../../../replication/ports.ts';
import { fillGuest, prefaultGuest } from '../../common/fill.ts';
import { openGuestSide } from '../../common/guest-side.ts';
import { GivenUpError } from '../../common/pieces.ts';
import {
  createPlace,
  createTransfer,
  giveBackTransfer,
  type Transfer,
} from '../../common/stage.ts';
import { inlineRunner } from '../../common/work.ts';
import type { ProtectConfig, Trouble } from '../../virtual/replication/config.ts';
import { type ProvedPlace, provePlace } from '../../virtual/replication/prove-place.ts';
import type { PlaceProof, ProtectReport } from '../../virtual/replication/report.ts';
import { CrewError } from '../crew.ts';
import { Chronicle, isRunning, noTotals } from './chronicle.ts';
import type { HostNews } from './journal.ts';
import { ProtectedHost } from './protected-host.ts';

export interface ThreadProtectionOptions {
  readonly signal?: AbortSignal;
  readonly proofSignal?: AbortSignal;
  /** Called for each epoch that has been acknowledged. */
  readonly onEpoch?: (record: EpochRecord, nowNs: number) => void;
  readonly onProof?: () => void;
  /** Called when all memory is filled and the guest is about to run. */
  readonly onSettled?: () => void;
  /** Called with all that a host has told, so that a test can have something fail on an event. */
  readonly onNews?: (news: HostNews, host: number) => void;
  /** Called before an image is proved, for tests: with the RAM and the disk of a host. */
  readonly beforeProof?: (place: ProvedPlace) => void;
}

/** The world looks this often at what its hosts have told, in milliseconds. */
const POLL_MS = 3;
/** Starting a worker takes a tenth of a second, unless the machine is very busy. */
const START_MS = 120_000;

/** The image from which a guest has gone on at a host, as it was then. */
interface TakenOver {
  readonly host: ProtectedHost;
  readonly epoch: number;
}

/**
 * A guest in real time that hosts protect by Remus, one after another. Each host is a group of threads of its own, and its
 * death is that these are terminated, so that nobody hears of it. The world only plays the failures, tells hosts whom to
 * protect, and reads what they have told.
 */
export class ThreadProtection {
  readonly #config: ProtectConfig;
  readonly #options: ThreadProtectionOptions;
  readonly #origin = monotonicOrigin();
  readonly #clock = monotonicClock(this.#origin);
  readonly #memory: ReturnType<typeof planMemory>;
  readonly #chronicle: Chronicle;
  readonly #cuts: SharedArrayBuffer;
  readonly #hosts: ProtectedHost[] = [];
  #transfers: readonly Transfer[] = [];
  readonly #takenOver: TakenOver[] = [];
  readonly #proofs: PlaceProof[] = [];
  #endedNs = 0;
  #isToEnd = false;
  /** What is to happen at a time of the guest, the earliest first. */
  #agenda: { readonly atNs: number; readonly act: () => void }[] = [];

  constructor(config: ProtectConfig, options: ThreadProtectionOptions = {}) {
    this.#config = config;
    this.#options = options;
    this.#memory = planMemory(config.run.guest, config.run.seed);
    this.#chronicle = new Chronicle(config, this.#memory.plan);
    this.#cuts = new SharedArrayBuffer(4 * (config.spares + 1));
  }

  /** Lets the guest live to the end. Throws ContentsError when an image can't be used. */
  async run(): Promise<ProtectReport> {
    let error: string | undefined;
    try {
      await this.#settle();
      this.#options.onSettled?.();
      await this.#start();
      await this.#live();
      this.#endedNs = this.#clock.now();
      await this.#finish();
    } catch (thrown) {
      if (!(thrown instanceof CrewError)) throw thrown;
      error = thrown.message;
    } finally {
      await Promise.all(this.#hosts.map((host) => host.leave()));
    }
    if (error !== undefined) this.#endedNs = this.#clock.now();
    this.#hear();
    const isToProve = error === undefined && this.#config.isProved;
    if (isToProve) this.#options.onProof?.();
    const isProved = isToProve && (await this.#proveAll());
    const report = this.#report(error, isProved);
    if (error === undefined) this.#giveBack();
    return report;
  }

  /** Ends the guest's life now, although its time may not be over. */
  end(): void {
    this.#isToEnd = true;
  }

  /** Has hosts or a connection of the newest pair fail now. */
  suffer(what: Trouble): void {
    const pair = this.#chronicle.pairs.at(-1);
    if (what === 'link') {
      if (!pair) return;
      Atomics.store(new Int32Array(this.#cuts), this.#chronicle.pairs.indexOf(pair), 1);
      for (const { side } of [pair.primary, pair.backup]) side.doorbell.ring();
      return;
    }
    const primary = pair?.primary ?? this.#hosts[0]!;
    // After a takeover without a spare, the guest's only host is the one that was the backup.
    const isPrimaryGone = primary.diedNs < Infinity;
    const dying = what === 'primary' && !isPrimaryGone ? primary : pair?.backup;
    if (!dying || dying.diedNs < Infinity) return;
    dying.kill(this.#clock.now());
    // What it has told before its death counts.
    this.#hear();
    this.#chronicle.died(dying);
  }

  /** Prepares the hosts with their memory, and waits until all of their threads are ready. */
  async #settle(): Promise<void> {
    const { run, emissions, spares } = this.#config;
    const { guest, seed } = run;
    const nowMs = (): number => this.#clock.now() / 1e6;
    const hosts = spares + 2;
    this.#transfers = Array.from({ length: hosts - 1 }, () =>
      createTransfer(run.link, guest.pageSize, true),
    );
    for (let host = 0; host < hosts; host++) {
      const snapshot = host > 0 && this.#config.isProved ? this.#place(host + 1) : undefined;
      const shape = emissions.disk?.shape;
      this.#hosts.push(new ProtectedHost(host, this.#place(host), shape, snapshot, nowMs));
    }
    const [first, ...backups] = this.#hosts;
    const fill = { prefault: true, isUsed: false };
    await fillGuest(inlineRunner, first!.shared, guest.contents, seed, fill);
    for (const { shared, snapshot } of backups) {
      await prefaultGuest(inlineRunner, shared);
      if (snapshot) await prefaultGuest(inlineRunner, snapshot.guestSide);
    }
    const handshakes = this.#hosts.map(({ shared }) => shared.handshake);
    const parts = { config: this.#config, plan: this.#memory.plan, clockOrigin: this.#origin };
    for (const host of this.#hosts) {
      host.launch({ ...parts, transfers: this.#transfers, cuts: this.#cuts, handshakes });
    }
    await this.#until('the threads start', () => this.#hosts.every(({ isReady }) => isReady));
  }

  #place(host: number): ReturnType<typeof createPlace> {
    const { plan, geometries } = this.#memory;
    return createPlace(this.#config.run.guest, plan, geometries(host % 2));
  }

  /** Has the guest run at the first host, and plans what is to happen. */
  async #start(): Promise<void> {
    const { run, troubles } = this.#config;
    const first = this.#hosts[0]!;
    first.orders.begin();
    first.side.doorbell.ring();
    await this.#until('the vCPUs start', () => first.side.engine.areAllRunning());
    first.ranFromNs = this.#clock.now();
    this.#chronicle.startedNs = first.ranFromNs;
    this.#agenda = [
      { atNs: run.migration.startAfterNs, act: () => this.#protect(first) },
      ...troubles.map(({ atNs, what }) => ({ atNs, act: () => this.suffer(what) })),
    ].toSorted((a, b) => a.atNs - b.atNs);
  }

  /** Polls until a condition in shared memory is true. Throws CrewError. */
  async #until(what: string, isTrue: () => boolean): Promise<void> {
    const endMs = this.#clock.now() / 1e6 + START_MS;
    while (!isTrue()) {
      this.#checkThreads();
      if (this.#clock.now() / 1e6 > endMs) throw new CrewError(`${what}: this did not happen`);
      await sleep(POLL_MS);
    }
  }

  #checkThreads(): void {
    const failed = this.#hosts.find(({ failure }) => failure);
    if (failed) throw failed.failure!;
  }

  /** Lets everything happen until the guest's time is over, or it is interrupted. Throws CrewError. */
  async #live(): Promise<void> {
    const { durationNs } = this.#config;
    for (;;) {
      this.#checkThreads();
      this.#hear();
      const nowNs = this.#clock.now() - this.#chronicle.startedNs;
      while (this.#agenda[0] && this.#agenda[0].atNs <= nowNs) this.#agenda.shift()!.act();
      if (nowNs >= durationNs || this.#isToEnd || this.#isCancelled()) return;
      await sleep(POLL_MS);
    }
  }

  /** Reads what the hosts have told, and does what follows from it. */
  #hear(): void {
    for (const host of this.#hosts) for (const news of host.news()) this.#take(host, news);
  }

  #take(host: ProtectedHost, news: HostNews): void {
    this.#chronicle.hear(host, news);
    this.#options.onNews?.(news, host.host);
    if (news.kind === 'ready') this.#takenOver.push({ host, epoch: news.epoch });
    else if (news.kind === 'epoch') {
      const record = this.#chronicle.sinceStart(news.record);
      this.#options.onEpoch?.(record, record.ackNs);
    } else if (news.kind === 'primaryEnd' && news.end.kind === 'dropped') this.#protect(host);
    else if (news.kind === 'backupEnd' && news.end.kind === 'tookOver') this.#protect(host);
  }

  /** Begins to protect a guest with the next host, if there is one. */
  #protect(primary: ProtectedHost): void {
    const { pairs } = this.#chronicle;
    const backup = this.#hosts[pairs.length + 1];
    if (!backup || primary.diedNs < Infinity || this.#endedNs > 0) return;
    const startNs = this.#clock.now();
    const number = pairs.push({ primary, backup, startNs, epochs: [], totals: noTotals() }) - 1;
    backup.orders.backUp(number, primary.host);
    primary.orders.protect(number);
    for (const { side } of [backup, primary]) side.doorbell.ring();
  }

  #isCancelled(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  /** Has the guest stand still wherever it runs, and the hosts say what they have. Throws CrewError. */
  async #finish(): Promise<void> {
    const living = this.#hosts.filter(({ diedNs }) => diedNs === Infinity);
    // A journal that nobody reads might fill up, and its writer wait for ever.
    const reading = setInterval(() => this.#hear(), POLL_MS);
    try {
      await Promise.all(
        living.map(async (host) => {
          host.end = await host.finish();
          host.writtenBlocks = host.end.writtenBlocks;
          host.mostHeldBytes = host.end.mostHeldBytes;
        }),
      );
    } finally {
      clearInterval(reading);
    }
  }

  /** Proves the images of takeovers, the guest wherever it runs, and the image of every backup that waits. */
  async #proveAll(): Promise<boolean> {
    const { plan } = this.#memory;
    for (const { host, epoch } of this.#takenOver) {
      if (!(await this.#prove(copyOf(host), 'image', epoch))) return false;
    }
    for (const host of this.#hosts) {
      if (isRunning(host)) {
        if (!(await this.#prove(host, 'end'))) return false;
      } else if (host.end?.waiting) {
        const { epoch, vcpus } = host.end.waiting;
        loadVcpus(host.side.memory, host.side.area, plan, vcpus);
        if (!(await this.#prove(host, 'image', epoch))) return false;
      }
    }
    return true;
  }

  /** Proves a place; returns false when the proof was given up. */
  async #prove(place: ProvedPlace, of: PlaceProof['of'], epoch?: number): Promise<boolean> {
    this.#options.beforeProof?.(place);
    const { proofSignal: signal } = this.#options;
    try {
      const parts = { config: this.#config, memory: this.#memory, pool: inlineRunner, signal };
      const isMirrored = place.host === 0 || this.#config.replication.diskBuffer;
      const found = await provePlace(place, parts, isMirrored);
      const at = epoch === undefined ? {} : { epoch };
      this.#proofs.push({ host: place.host, of, ...at, ...found });
      return true;
    } catch (error) {
      if (error instanceof GivenUpError) return false;
      throw error;
    }
  }

  #report(error: string | undefined, isProved: boolean): ProtectReport {
    const last = this.#hosts.findLast(isRunning);
    return this.#chronicle.report({
      hosts: this.#hosts,
      endedNs: this.#endedNs,
      error,
      isCancelled: this.#isCancelled(),
      accesses: last ? accessesOf(last.side.memory, this.#memory.plan) : 0,
      proofs: isProved ? this.#proofs : undefined,
    });
  }

  #giveBack(): void {
    for (const transfer of this.#transfers) giveBackTransfer(transfer);
    for (const host of this.#hosts) host.giveBack();
  }
}

/** Returns the copy of a host's image from which the guest went on there. */
function copyOf({ host, snapshot, image }: ProtectedHost): ProvedPlace {
  const { guestSide: shared, disk } = snapshot!;
  const own = image && disk && new DiskImage(image.shape, new Uint8Array(disk));
  return { host, shared, side: openGuestSide(shared), image: own };
}
