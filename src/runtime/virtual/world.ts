import { OneEvent, type Process } from '../../clock/process.ts';
import { VIRTUAL_CLOCK_NAME } from '../../clock/virtual.ts';
import { aroundNs } from '../../migration/spec/common-spec.ts';
import { createNetwork, type Flow, type LinkSpec, Network } from '../../link/network.ts';
import { Topology } from '../../link/topology.ts';
import { giveBackGuestSide } from '../common/guest-side.ts';
import { othersTurn } from '../common/others-turn.ts';
import { setUpMeter } from '../common/set-up-meter.ts';
import { inlineRunner } from '../common/work.ts';
import type { RunReport } from '../report.ts';
import type {
  Director,
  GuestSpec,
  ReferenceTable,
  World,
  WorldMigration,
  WorldSpec,
} from '../world/world.ts';
import { beginMigration } from './begin-migration.ts';
import { DirectorProcess } from './director-process.ts';
import { EventLoop } from './event-loop.ts';
import { Gangs } from './gangs.ts';
import { TURN_NS } from './guest.ts';
import { VirtualHost } from './host.ts';
import { type HostedGuest, settleGuest } from './hosted-guest.ts';
import { HostedMigration } from './hosted-migration.ts';
import type { MigrationHost } from './migration-host.ts';
import type { VirtualWorldOptions } from './world-options.ts';

/** Each migration has a flow in either direction. */
const FLOWS_EACH = 2;

/** A world on a virtual clock: any number of guests run in one thread, and every run has the same results. */
export class VirtualWorld implements World {
  readonly runtime = 'virtual';
  readonly clock = VIRTUAL_CLOCK_NAME;
  readonly #spec: WorldSpec;
  readonly #options: VirtualWorldOptions;
  readonly #loop = new EventLoop();
  readonly #topology = new Topology();
  /** It has room for the migrations of all guests. */
  #network: Network | undefined;
  readonly #hosts = new Map<string, VirtualHost>();
  readonly #guests = new Map<string, HostedGuest>();
  readonly #migrations: HostedMigration[] = [];
  /** Migrations whose guests have lived for their `runAfter`, and wait for their proofs. */
  readonly #due: HostedMigration[] = [];
  readonly #gangs = new Gangs(() => this.#loop.nowNs);
  /** How many guests have begun to migrate and have not been reported on. */
  #unsettled = 0;
  readonly #reports = new Map<string, RunReport>();
  #director: DirectorProcess | undefined;

  constructor(spec: WorldSpec, options: VirtualWorldOptions = {}) {
    this.#spec = spec;
    this.#options = options;
    for (const host of spec.hosts) this.#hosts.set(host.name, new VirtualHost(host));
    if (!spec.core) return;
    for (const { name, nicBytesPerSecond = Infinity } of spec.hosts) {
      this.#topology.addHost(name, nicBytesPerSecond);
    }
    this.#topology.core(spec.core.bytesPerSecond);
  }

  /** The world's time in virtual nanoseconds. */
  get nowNs(): number {
    return this.#loop.nowNs;
  }

  get links(): readonly LinkSpec[] {
    return this.#topology.links;
  }

  get migrations(): readonly WorldMigration[] {
    return this.#migrations;
  }

  /** How many steps of processes it has played so far. */
  get events(): number {
    return this.#loop.events;
  }

  /** What hosts remember of the pages that they have sent; empty if none are sent as references. */
  get referenceTables(): readonly ReferenceTable[] {
    return this.#gangs.tables;
  }

  hostCpuNs(): readonly number[] {
    return [...this.#hosts.values()].map(({ usedCpuNs }) => usedCpuNs);
  }

  async settle(guests: readonly GuestSpec[]): Promise<void> {
    if (this.#spec.core) {
      const mostFlows = FLOWS_EACH * Math.max(1, guests.length);
      this.#network = new Network(createNetwork(this.#topology.links, mostFlows));
    }
    const { runner = inlineRunner, areTargetsReady = false, onSetUp } = this.#options;
    const onBytes = setUpMeter(guests, areTargetsReady ? 2 : 1, onSetUp);
    for (const spec of guests) {
      const host = this.#hostOf(spec.host);
      this.#gangs.expect(spec);
      this.#guests.set(
        spec.name,
        await settleGuest(spec, host, runner, areTargetsReady, { onBytes }),
      );
      await othersTurn();
    }
  }

  async play(director: Director): Promise<void> {
    const loop = this.#loop;
    for (const host of this.#hosts.values()) loop.add(host);
    const starts = [...this.#guests.values()].map(({ spec }) => spec.config.migration.startAfterNs);
    await this.#live(Math.max(0, ...starts));
    const directing = new DirectorProcess(director);
    this.#director = directing;
    loop.add(directing);
    await this.#playUntil(() => directing.isOver);
    // Guests that have just moved live on for their `runAfter`, and share their hosts' CPUs meanwhile.
    await this.#playUntil(() => this.#unsettled === 0);
    this.#gangs.giveBack();
    // The others are not reported on, so nobody looks at their memory again.
    for (const { migration, source, target } of this.#guests.values()) {
      if (!migration) for (const side of [target, source]) if (side) giveBackGuestSide(side);
    }
  }

  /** Lets all guests live to a point in time, or until the world is cancelled, in turns with the rest of the program. */
  async #live(untilNs: number): Promise<void> {
    const loop = this.#loop;
    while (loop.nowNs < untilNs && !this.#isCancelled()) {
      const turnNs = Math.min(untilNs, loop.nowNs + TURN_NS);
      await loop.play(() => loop.nextNs > turnNs, this.#options);
      loop.nowNs = turnNs;
      for (const { guest } of this.#guests.values()) guest.advance(turnNs);
      this.#options.onTurn?.();
      await othersTurn();
    }
  }

  /** Plays until `isDone`; a guest whose `runAfter` has passed is proved at once, and its memory is free again. */
  async #playUntil(isDone: () => boolean): Promise<void> {
    for (;;) {
      await this.#loop.play(() => this.#due.length > 0 || isDone(), this.#options);
      const migration = this.#due.shift();
      if (!migration) return;
      this.#reports.set(migration.guest, await migration.settle(this.#options, this.#gangs));
      this.#unsettled--;
    }
  }

  #isCancelled(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  /** Adds a process of one's own: a monitor, a scanner, a generator of load. */
  add(process: Process): void {
    this.#loop.add(process);
  }

  /** Asks a process anew when it wants to be stepped, because something has changed for it. */
  wake(process: Process): void {
    this.#loop.wake(process);
  }

  /** Has `act` called once, at a point in time; at once when that has passed. */
  at(atNs: number, act: (nowNs: number) => void): void {
    this.#loop.add(new OneEvent(atNs, act));
  }

  migrate(name: string, to: string): WorldMigration {
    const hostedGuest = this.#guests.get(name);
    if (!hostedGuest) throw new RangeError(`there is no guest "${name}"`);
    const target = this.#hostOf(to);
    if (hostedGuest.migration) throw new RangeError(`guest "${name}" has migrated already`);
    const { host: from, spec } = hostedGuest;
    const { before, after: afterNs } = aroundNs(spec.config.migration.around);
    const path = this.#route(from, target);
    const startNs = this.#loop.nowNs;
    const planned = { hostedGuest, from, to: target, path, startNs, afterNs };
    const migration = new HostedMigration(planned);
    hostedGuest.migration = migration;
    this.#migrations.push(migration);
    this.#unsettled++;
    this.#director?.follow(migration, (nowNs) => {
      migration.release(nowNs);
      // The director looks at the guest's memory at the end of the clean-up, and the proof gives it back.
      const dueNs = Math.max(hostedGuest.guest.untilNs, migration.cleanedUpNs!);
      this.at(dueNs, () => void this.#due.push(migration));
    });
    if (before > 0) this.at(startNs + before, () => this.#begin(migration));
    else this.#begin(migration);
    return migration;
  }

  #begin(migration: HostedMigration): void {
    const { hostedGuest, from, to, path } = migration.planned;
    const { happenings } = this.#options;
    const config = this.#linked(hostedGuest.spec.config);
    const gang = this.#gangs.of(from.spec.name, to.spec.name, config);
    const process = beginMigration(migration, {
      startNs: this.#loop.nowNs,
      config,
      ...(gang ? { gang } : {}),
      isCancelled: () => this.#isCancelled(),
      onOver: () => this.#loop.wake(this.#director!),
      ...(this.#network
        ? {
            openFlows: () => ({
              forward: this.#openFlow(path),
              backward: this.#openFlow(this.#route(to, from)),
            }),
          }
        : {}),
      ...(happenings ? { happenings } : {}),
    });
    this.#loop.add(process);
  }

  reports(): Promise<ReadonlyMap<string, RunReport>> {
    return Promise.resolve(this.#reports);
  }

  #hostOf(name: string): VirtualHost {
    const host = this.#hosts.get(name);
    if (!host) throw new RangeError(`there is no host "${name}"`);
    return host;
  }

  /** Returns a guest's configuration with the latency of the world's network. */
  #linked(config: GuestSpec['config']): GuestSpec['config'] {
    const { core } = this.#spec;
    return core ? { ...config, link: { ...config.link, latencyNs: core.latencyNs } } : config;
  }

  #route(from: MigrationHost, to: MigrationHost): readonly number[] {
    return this.#spec.core ? this.#topology.route(from.spec.name, to.spec.name) : [];
  }

  #openFlow(path: readonly number[]): Flow {
    const network = this.#network!;
    return network.flow(network.openFlow(path));
  }
}
