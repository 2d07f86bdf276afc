import { OneEvent, type Process } from '../../clock/process.ts';
import { VIRTUAL_CLOCK_NAME, VirtualClock } from '../../clock/virtual.ts';
import { vcpuDemand } from '../../guest/cpu-demand.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import { createNetwork, type Flow, type LinkSpec, Network } from '../../link/network.ts';
import { Topology } from '../../link/topology.ts';
import { fillDestination } from '../../memory/contents/contents.ts';
import { openMemory } from '../../memory/guest-memory.ts';
import { fillGuest } from '../common/fill.ts';
import { giveBackGuestSide, openGuestSide } from '../common/guest-side.ts';
import { othersTurn } from '../common/others-turn.ts';
import { createPlace, createTransfer } from '../common/stage.ts';
import { inlineRunner } from '../common/work.ts';
import type { RunReport } from '../report.ts';
import type {
  Director,
  GuestSpec,
  World,
  WorldMigration,
  WorldOptions,
  WorldSpec,
} from '../world/world.ts';
import { EventLoop } from './event-loop.ts';
import { VirtualGuest } from './guest.ts';
import { VirtualHost } from './host.ts';
import { VirtualMigration } from './migration.ts';
import { DirectorProcess } from './director-process.ts';
import { type HostedGuest, reportOfMigration, HostedMigration } from './hosted-migration.ts';

/** Each migration has a flow in either direction. */
const FLOWS_EACH = 2;

/** A world on a virtual clock: any number of guests run in one thread, and every run has the same results. */
export class VirtualWorld implements World {
  readonly runtime = 'virtual';
  readonly clock = VIRTUAL_CLOCK_NAME;
  readonly #spec: WorldSpec;
  readonly #options: WorldOptions;
  readonly #loop = new EventLoop();
  readonly #topology = new Topology();
  /** It has room for the migrations of all guests. */
  #network: Network | undefined;
  readonly #hosts = new Map<string, VirtualHost>();
  readonly #guests = new Map<string, HostedGuest>();
  readonly #migrations: HostedMigration[] = [];
  #director: DirectorProcess | undefined;

  constructor(spec: WorldSpec, options: WorldOptions = {}) {
    this.#spec = spec;
    this.#options = options;
    for (const host of spec.hosts) {
      this.#hosts.set(host.name, new VirtualHost(host));
      this.#topology.addHost(host.name, host.nicBytesPerSecond);
    }
    this.#topology.core(spec.core.bytesPerSecond);
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

  hostCpuNs(): readonly number[] {
    return [...this.#hosts.values()].map(({ usedCpuNs }) => usedCpuNs);
  }

  async play(guests: readonly GuestSpec[], director: Director): Promise<void> {
    const mostFlows = FLOWS_EACH * Math.max(1, guests.length);
    this.#network = new Network(createNetwork(this.#topology.links, mostFlows));
    for (const spec of guests) {
      await this.#settle(spec);
      await othersTurn();
    }
    const loop = this.#loop;
    for (const host of this.#hosts.values()) loop.add(host);
    const startNs = Math.max(0, ...guests.map(({ config }) => config.migration.startAfterNs));
    await loop.play(() => loop.nextNs > startNs);
    loop.nowNs = startNs;
    const directing = new DirectorProcess(director);
    this.#director = directing;
    loop.add(directing);
    await loop.play(() => directing.isOver);
    // Guests that have just moved live on for their `runAfter`, and share their hosts' CPUs meanwhile.
    const ends = [...this.#guests.values()].map(({ guest }) => guest.untilNs);
    const endNs = Math.max(loop.nowNs, ...ends.filter(Number.isFinite));
    await loop.play(() => loop.nextNs > endNs);
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
    const target = this.#hosts.get(to);
    if (!hostedGuest) throw new RangeError(`there is no guest "${name}"`);
    if (!target) throw new RangeError(`there is no host "${to}"`);
    if (hostedGuest.migration) throw new RangeError(`guest "${name}" has migrated already`);
    const migration = this.#begin(hostedGuest, target);
    hostedGuest.migration = migration;
    this.#migrations.push(migration);
    this.#director?.follow(migration);
    migration.process.begin();
    this.#loop.add(migration.process);
    return migration;
  }

  /** Advances a guest to the present, and creates its migration with memory at its target, flows and workers. */
  #begin(hostedGuest: HostedGuest, target: VirtualHost): HostedMigration {
    const { guest, spec, host } = hostedGuest;
    const { config } = spec;
    const { nowNs: startNs } = this.#loop;
    guest.advance(startNs);
    if (startNs > 0) guest.measureRates();
    guest.isMigrating = true;
    guest.timeline.sample(startNs);
    const destination = createPlace(config.guest, guest.plan, hostedGuest.geometries(1));
    for (const { ram } of openMemory(destination.slots).slots) fillDestination(ram);
    const path = this.#topology.route(host.spec.name, target.spec.name);
    const flows = {
      forward: this.#openFlow(path),
      backward: this.#openFlow(this.#topology.route(target.spec.name, host.spec.name)),
    };
    const workers = { sender: host.hire(), receiver: target.hire() };
    const transfer = createTransfer(this.#linkOf(config.link), config.guest.pageSize, false);
    const place = guest.prepare(openGuestSide(destination));
    target.admit(guest, place, hostedGuest.demandCpus);
    const process = new VirtualMigration({
      config: { ...config, link: this.#linkOf(config.link) },
      guest,
      target: place,
      transfer,
      startNs,
      isCancelled: () => this.#options.signal?.aborted ?? false,
      onOver: () => this.#loop.wake(this.#director!),
      flows,
      workers,
    });
    const parts = {
      hostedGuest,
      process,
      transfer,
      destination,
      from: host,
      to: target,
      path,
      startNs,
    };
    return new HostedMigration({ ...parts, flows, workers });
  }

  async reports(): Promise<ReadonlyMap<string, RunReport>> {
    const reports = new Map<string, RunReport>();
    for (const [name, { migration, source }] of this.#guests) {
      if (migration) reports.set(name, await reportOfMigration(migration));
      // A guest that has been reported on no longer needs its memory, which the next world can use.
      migration?.giveBack();
      giveBackGuestSide(source);
      await othersTurn();
    }
    return reports;
  }

  /** Creates a guest on its first host, fills its memory and starts its vCPUs. Throws RangeError without that host. */
  async #settle(spec: GuestSpec): Promise<void> {
    const { guest: shape, seed, costs } = spec.config;
    const host = this.#hosts.get(spec.host);
    if (!host) throw new RangeError(`there is no host "${spec.host}"`);
    const { plan, geometries } = planMemory(shape, seed);
    const source = createPlace(shape, plan, geometries(0));
    const fresh = { prefault: false, isUsed: false };
    await fillGuest(inlineRunner, source, shape.contents, seed, fresh);
    const guest = new VirtualGuest(plan, openGuestSide(source), costs, new VirtualClock());
    guest.start(0);
    const demandCpus = vcpuDemand(shape.workloads, shape.vcpus, costs.accessNs);
    host.admit(guest, guest.place, demandCpus);
    this.#guests.set(spec.name, { spec, guest, geometries, source, host, demandCpus });
  }

  #linkOf(link: GuestSpec['config']['link']): GuestSpec['config']['link'] {
    return { ...link, latencyNs: this.#spec.core.latencyNs };
  }

  #openFlow(path: readonly number[]): Flow {
    const network = this.#network!;
    return network.flow(network.openFlow(path));
  }
}
