import type { Clock } from '../../clock/clock.ts';
import { MONOTONIC_CLOCK_NAME, monotonicClock, monotonicOrigin } from '../../clock/monotonic.ts';
import { createNetwork, type LinkSpec, Network, type SharedNetwork } from '../../link/network.ts';
import { Topology } from '../../link/topology.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { RunReport } from '../report.ts';
import type {
  Director,
  GuestSpec,
  World,
  WorldMigration,
  WorldOptions,
  WorldSpec,
} from '../world/world.ts';
import { Gate } from './gate.ts';
import type { LiveView, RunCompany } from './options.ts';
import { runThreads } from './run.ts';

/** The director's `watch` is called this often. */
const WATCH_MS = 100;

interface Flows {
  readonly forward: number;
  readonly backward: number;
}

/** A guest of a world of threads. */
interface ThreadGuest {
  readonly spec: GuestSpec;
  readonly mayMigrate: Gate<Flows>;
  host: string;
  migration?: ThreadMigration;
  look?: () => LiveView;
  /** Whether its run has ended; a run that could not be set up ends before its migration. */
  isGone: boolean;
  /** It was let go without a migration, because the world is over. */
  isLetGo?: boolean;
}

/** A migration in a world of threads. */
interface ThreadMigration extends WorldMigration {
  readonly flows: Flows;
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
  readonly #options: WorldOptions;
  readonly #origin = monotonicOrigin();
  readonly #time: Clock = monotonicClock(this.#origin);
  readonly #topology = new Topology();
  readonly #shared: SharedNetwork;
  readonly #network: Network;
  readonly #guests = new Map<string, ThreadGuest>();
  readonly #reports = new Map<string, RunReport>();
  readonly #areAllReady = new Gate<void>();
  readonly #isOver = new Gate<void>();
  #director: Director | undefined;
  #ready = 0;
  #hasBegun = false;
  /** Why a guest could not be set up; the world does not begin then. */
  #setUpFailure: unknown;

  constructor(spec: WorldSpec, options: WorldOptions = {}) {
    this.#spec = spec;
    this.#options = options;
    for (const { name, nicBytesPerSecond } of spec.hosts) {
      this.#topology.addHost(name, nicBytesPerSecond);
    }
    this.#topology.core(spec.core.bytesPerSecond);
    this.#shared = createNetwork(this.#topology.links, 64);
    this.#network = new Network(this.#shared);
  }

  get links(): readonly LinkSpec[] {
    return this.#topology.links;
  }

  /** Returns undefined, because all hosts are one machine here and their CPU time can't be told apart. */
  hostCpuNs(): undefined {
    return undefined;
  }

  async play(guests: readonly GuestSpec[], director: Director): Promise<void> {
    this.#director = director;
    for (const spec of guests) {
      const guest = { spec, mayMigrate: new Gate<Flows>(), host: spec.host, isGone: false };
      this.#guests.set(spec.name, guest);
    }
    const runs = [...this.#guests.values()].map((guest) => this.#run(guest));
    const watching = setInterval(() => {
      if (!this.#hasBegun) return;
      director.watch(this.#time.now());
      this.#settle();
    }, WATCH_MS);
    try {
      // A run that fails later does not end the others; its error is thrown once all runs are over.
      await Promise.allSettled(runs);
      if (this.#setUpFailure !== undefined) throw this.#setUpFailure;
      await Promise.all(runs);
    } finally {
      clearInterval(watching);
    }
  }

  migrate(name: string, to: string): WorldMigration {
    const guest = this.#guests.get(name);
    if (!guest) throw new RangeError(`there is no guest "${name}"`);
    if (guest.migration) throw new RangeError(`guest "${name}" has migrated already`);
    const from = guest.host;
    const path = this.#topology.route(from, to);
    const flows = {
      forward: this.#network.openFlow(path),
      backward: this.#network.openFlow(this.#topology.route(to, from)),
    };
    const figure = (key: 'round' | 'pagesLeft' | 'bytes'): number =>
      guest.look?.().figures[key] ?? 0;
    const migration: ThreadMigration = {
      guest: name,
      from,
      to,
      path,
      flows,
      startNs: this.#time.now(),
      get round() {
        return figure('round');
      },
      get pagesLeft() {
        return figure('pagesLeft');
      },
      get sentBytes() {
        return figure('bytes');
      },
    };
    guest.migration = migration;
    this.migrations.push(migration);
    if (guest.isGone) setImmediate(() => this.#end(guest));
    else guest.mayMigrate.open(flows);
    return migration;
  }

  reports(): Promise<ReadonlyMap<string, RunReport>> {
    return Promise.resolve(this.#reports);
  }

  async #run(guest: ThreadGuest): Promise<void> {
    const { signal } = this.#options;
    const { config } = guest.spec;
    const link = { ...config.link, latencyNs: this.#spec.core.latencyNs };
    try {
      const report = await runThreads(
        { ...config, link },
        {
          ...(signal ? { signal } : {}),
          company: this.#companyOf(guest),
          onStart: (look) => (guest.look = look),
        },
      );
      if (guest.migration) this.#reports.set(guest.spec.name, report);
    } catch (error) {
      // Nothing has begun yet, so the others need not go on without this guest.
      if (!this.#hasBegun) {
        this.#setUpFailure ??= error;
        this.#areAllReady.fail(error);
      }
      throw error;
    } finally {
      guest.isGone = true;
      this.#becomeReady();
      if (guest.migration && guest.migration.endNs === undefined) this.#end(guest);
    }
  }

  #companyOf(guest: ThreadGuest): RunCompany {
    return {
      origin: this.#origin,
      network: this.#shared,
      beforeStart: () => {
        this.#becomeReady();
        return this.#areAllReady.opened;
      },
      beforeMigration: () => {
        if (!this.#hasBegun) this.#begin();
        return guest.mayMigrate.opened;
      },
      afterMigration: (report) => {
        if (guest.migration) this.#end(guest, report);
        return this.#isOver.opened;
      },
    };
  }

  /** Counts a guest that is ready or has failed; once all are counted, the guests start together. */
  #becomeReady(): void {
    this.#ready++;
    if (this.#ready >= this.#guests.size) this.#areAllReady.open();
  }

  #begin(): void {
    this.#hasBegun = true;
    this.#director!.begin(this.#time.now());
    this.#settle();
  }

  #end(guest: ThreadGuest, report?: SourceReport): void {
    const migration = guest.migration!;
    migration.endNs = this.#time.now();
    if (report) migration.report = report;
    if (report?.outcome === 'completed') guest.host = migration.to;
    const { forward, backward } = migration.flows;
    for (const id of [forward, backward]) this.#network.flow(id).close();
    this.#director!.ended(migration, migration.endNs);
    this.#settle();
  }

  /**
   * Lets all guests stop once the director says that nothing more is to happen. A world is over before all guests have
   * migrated only when it is cancelled, so those that still wait are let go and end cancelled at once.
   */
  #settle(): void {
    if (!this.#director!.isOver) return;
    this.#isOver.open();
    for (const guest of this.#guests.values()) {
      if (guest.migration || guest.isLetGo) continue;
      guest.isLetGo = true;
      const path = this.#topology.route(guest.host, guest.host);
      const [forward, backward] = [this.#network.openFlow(path), this.#network.openFlow(path)];
      guest.mayMigrate.open({ forward, backward });
    }
  }
}
