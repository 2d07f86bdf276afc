import type { Clock } from '../../clock/clock.ts';
import { MONOTONIC_CLOCK_NAME, monotonicClock, monotonicOrigin } from '../../clock/monotonic.ts';
import { createNetwork, type LinkSpec, Network, type SharedNetwork } from '../../link/network.ts';
import { Topology } from '../../link/topology.ts';
import { aroundNs } from '../../migration/spec/common-spec.ts';
import type { SourceReport } from '../../migration/source.ts';
import { setUpMeter } from '../common/set-up-meter.ts';
import type { RunReport } from '../report.ts';
import type { Director, GuestSpec, World, WorldMigration, WorldSpec } from '../world/world.ts';
import { Gate } from './gate.ts';
import { type FlowIds, ThreadGuest } from './guest.ts';
import type { LiveView, ThreadWorldOptions } from './options.ts';
import { WorkerPool } from './pool.ts';
import { threadsOf } from './tasks.ts';

/** The director's `watch` is called this often. */
const WATCH_MS = 100;
/** This many flows fit the network, two for each migration. */
const MOST_FLOWS = 64;

/** A guest of a world of threads, where it is, and what it waits for. */
interface Resident {
  readonly spec: GuestSpec;
  readonly guest: ThreadGuest;
  /** It opens when the guest's migration may begin, or once there will be none. */
  readonly turn: Gate<'migrate' | 'stay'>;
  host: string;
  migration?: ThreadMigration;
}

/** A migration in a world of threads. */
interface ThreadMigration extends WorldMigration {
  endNs?: number;
  report?: SourceReport;
}

/**
 * A world in real time. Every guest has its own worker threads, which really write and send, and all senders share
 * one network. It is for a few small guests, whose results the virtual world can be checked against.
 */
export class ThreadWorld implements World {
  readonly runtime = 'threads';
  readonly clock = MONOTONIC_CLOCK_NAME;
  readonly migrations: ThreadMigration[] = [];
  readonly #spec: WorldSpec;
  readonly #options: ThreadWorldOptions;
  readonly #origin = monotonicOrigin();
  readonly #time: Clock = monotonicClock(this.#origin);
  readonly #topology = new Topology();
  readonly #shared: SharedNetwork | undefined;
  readonly #network: Network | undefined;
  readonly #residents = new Map<string, Resident>();
  readonly #reports = new Map<string, RunReport>();
  readonly #areAllReady = new Gate<void>();
  readonly #haveAllLived = new Gate<void>();
  readonly #isOver = new Gate<void>();
  #pool: WorkerPool | undefined;
  #director: Director | undefined;
  #ready = 0;
  #lived = 0;
  #hasBegun = false;
  #hasFailed = false;

  constructor(spec: WorldSpec, options: ThreadWorldOptions = {}) {
    this.#spec = spec;
    this.#options = options;
    if (!spec.core) return;
    for (const { name, nicBytesPerSecond = Infinity } of spec.hosts) {
      this.#topology.addHost(name, nicBytesPerSecond);
    }
    this.#topology.core(spec.core.bytesPerSecond);
    this.#shared = createNetwork(this.#topology.links, MOST_FLOWS);
    this.#network = new Network(this.#shared);
  }

  get links(): readonly LinkSpec[] {
    return this.#topology.links;
  }

  /** Returns undefined, because all hosts are one machine here and their CPU time can't be told apart. */
  hostCpuNs(): undefined {
    return undefined;
  }

  /** Throws RunSetupError too, and an Error when the pool has too few threads; nothing of the world is left then. */
  async settle(guests: readonly GuestSpec[]): Promise<void> {
    for (const { host } of guests) this.#checkHost(host);
    const threads = guests.reduce((sum, { config }) => sum + threadsOf(config), 0);
    const pool = this.#options.pool ?? new WorkerPool(Math.max(1, threads));
    if (pool.threads < threads) {
      throw new Error(`the run needs ${threads} threads, the pool has ${pool.threads}`);
    }
    this.#pool = pool;
    const onBytes = setUpMeter(guests, 2, this.#options.onSetUp);
    for (const spec of guests) {
      const guest = new ThreadGuest(this.#linked(spec.config), {
        options: this.#options,
        pool,
        clockOrigin: this.#origin,
        onBytes,
        ...(this.#shared ? { network: this.#shared } : {}),
      });
      this.#residents.set(spec.name, { spec, guest, turn: new Gate(), host: spec.host });
    }
    // All of them come to an end before the first failure is thrown, as they use the pool.
    const settlings = await Promise.allSettled(this.#all().map(({ guest }) => guest.settle()));
    const failure = settlings.find(({ status }) => status === 'rejected');
    if (!failure) return;
    await this.leave();
    throw (failure as PromiseRejectedResult).reason;
  }

  async play(director: Director): Promise<void> {
    this.#director = director;
    const lives = this.#all().map((resident) => this.#live(resident));
    const watching = setInterval(() => this.#watch(), WATCH_MS);
    try {
      if (lives.length === 0) this.#begin();
      await Promise.all([...lives, this.#isOver.opened]);
    } finally {
      clearInterval(watching);
      await this.leave();
    }
  }

  migrate(name: string, to: string): WorldMigration {
    const resident = this.#residents.get(name);
    if (!resident) throw new RangeError(`there is no guest "${name}"`);
    this.#checkHost(to);
    if (resident.migration) throw new RangeError(`guest "${name}" has migrated already`);
    const { guest, host: from } = resident;
    const path = this.#route(from, to);
    const migration: ThreadMigration = {
      guest: name,
      from,
      to,
      path,
      startNs: this.#time.now(),
      get round() {
        return guest.look().figures.round;
      },
      get pagesLeft() {
        return guest.look().figures.pagesLeft;
      },
      get sentBytes() {
        return guest.look().figures.bytes;
      },
    };
    resident.migration = migration;
    this.migrations.push(migration);
    resident.turn.open('migrate');
    return migration;
  }

  reports(): Promise<ReadonlyMap<string, RunReport>> {
    return Promise.resolve(this.#reports);
  }

  /** Returns a view of a guest at this moment. Throws RangeError when there is no such guest. */
  look(name: string): LiveView {
    const resident = this.#residents.get(name);
    if (!resident) throw new RangeError(`there is no guest "${name}"`);
    return resident.guest.look();
  }

  #checkHost(name: string): void {
    if (this.#spec.hosts.some((host) => host.name === name)) return;
    throw new RangeError(`there is no host "${name}"`);
  }

  #all(): Resident[] {
    return [...this.#residents.values()];
  }

  /** Lets a guest live from the start of its threads to its proof. */
  async #live(resident: Resident): Promise<void> {
    const { guest, spec } = resident;
    try {
      await guest.launch();
      if (++this.#ready === this.#residents.size) this.#areAllReady.open();
      await this.#areAllReady.opened;
      await guest.liveBefore();
      if (++this.#lived === this.#residents.size) this.#begin();
      await this.#haveAllLived.opened;
      if ((await resident.turn.opened) === 'migrate') {
        const { before, after } = aroundNs(spec.config.migration.around);
        await guest.rest(before);
        const flows = this.#openFlows(resident);
        await guest.migrate(flows);
        for (const id of Object.values(flows ?? {})) this.#network!.flow(id).close();
        await guest.rest(after);
        this.#end(resident);
      }
      await guest.liveAfter();
      // A proof would take CPU time from the migrations that are still under way.
      await this.#isOver.opened;
      if (resident.migration) this.#reports.set(spec.name, await guest.report());
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** Opens the flows of a guest's migration in the world's network, if it has one. */
  #openFlows({ migration }: Resident): FlowIds | undefined {
    const { path, from, to } = migration!;
    return (
      this.#network && {
        forward: this.#network.openFlow(path),
        backward: this.#network.openFlow(this.#route(to, from)),
      }
    );
  }

  /** Lets the director watch, whose errors end the world. */
  #watch(): void {
    if (!this.#hasBegun || this.#hasFailed) return;
    try {
      this.#director!.watch(this.#time.now());
      this.#checkEnd();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** An error of the program itself, or of the director, ends every guest's wait; the director hears no more. */
  #fail(error: unknown): void {
    this.#hasFailed = true;
    const gates = [this.#areAllReady, this.#haveAllLived, this.#isOver];
    for (const gate of [...gates, ...this.#all().map(({ turn }) => turn)]) gate.fail(error);
  }

  #begin(): void {
    this.#hasBegun = true;
    this.#haveAllLived.open();
    this.#director!.begin(this.#time.now());
    this.#checkEnd();
  }

  #end(resident: Resident): void {
    if (this.#hasFailed) return;
    const migration = resident.migration!;
    migration.endNs = this.#time.now();
    migration.report = resident.guest.outcome;
    if (migration.report.outcome === 'completed') resident.host = migration.to;
    this.#director!.onMigrationEnd(migration, migration.endNs);
    this.#checkEnd();
  }

  /** Once the director says that nothing more is to happen, guests that have not migrated stay where they are. */
  #checkEnd(): void {
    if (!this.#director!.isOver) return;
    this.#isOver.open();
    for (const { turn } of this.#residents.values()) turn.open('stay');
  }

  /**
   * Ends all threads of all guests, and the pool too unless others may go on with it. `play` does so at its end; whoever
   * has settled guests and does not play calls it.
   */
  async leave(): Promise<void> {
    const haveLeft = await Promise.all(this.#all().map(({ guest }) => guest.leave()));
    if (!this.#options.pool || haveLeft.includes(false)) await this.#pool?.destroy();
  }

  /** Returns a guest's configuration with the latency of the world's network. */
  #linked(config: GuestSpec['config']): GuestSpec['config'] {
    const { core } = this.#spec;
    return core ? { ...config, link: { ...config.link, latencyNs: core.latencyNs } } : config;
  }

  #route(from: string, to: string): readonly number[] {
    return this.#spec.core ? this.#topology.route(from, to) : [];
  }
}
