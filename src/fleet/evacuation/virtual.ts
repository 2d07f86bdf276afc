import type { Process } from '../../clock/process.ts';
import { VIRTUAL_CLOCK_NAME, VirtualClock } from '../../clock/virtual.ts';
import { vcpuDemand } from '../../guest/cpu-demand.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import { createNetwork, type Flow, Network } from '../../link/network.ts';
import { Topology } from '../../link/topology.ts';
import { fillDestination } from '../../memory/contents/contents.ts';
import { openMemory } from '../../memory/guest-memory.ts';
import { fillGuest } from '../../runtime/common/fill.ts';
import { openGuestSide, type SharedGuestSide } from '../../runtime/common/guest-side.ts';
import { proveRun } from '../../runtime/common/prove-run.ts';
import { reportOf } from '../../runtime/common/run-report.ts';
import { createPlace, createTransfer } from '../../runtime/common/stage.ts';
import { inlineRunner } from '../../runtime/common/work.ts';
import type { RunReport } from '../../runtime/report.ts';
import { VirtualGuest } from '../../runtime/virtual/guest.ts';
import { VirtualHost, type VirtualWorker } from '../../runtime/virtual/host.ts';
import { VirtualMigration } from '../../runtime/virtual/migration.ts';
import { VirtualWorld } from '../../runtime/virtual/world.ts';
import type { EvacuatedGuest, EvacuationConfig } from './config.ts';
import { forcedConfig, wasForced } from './force.ts';
import { EvacuationPlanner, type PlannedStart } from './planner.ts';
import type {
  EvacuationOptions,
  EvacuationProgress,
  EvacuationReport,
  GuestEvacuation,
} from './report.ts';
import { UseSampler } from './use-sampler.ts';

/** A guest of the evacuation, and its migration once that has begun. */
interface Passenger {
  readonly spec: EvacuatedGuest;
  readonly guest: VirtualGuest;
  readonly geometries: ReturnType<typeof planMemory>['geometries'];
  readonly source: SharedGuestSide;
  voyage?: Voyage;
}

/** A migration on its way, with what it has taken of the world. */
interface Voyage {
  readonly migration: VirtualMigration;
  readonly destination: SharedGuestSide;
  readonly target: string;
  readonly path: readonly number[];
  readonly startNs: number;
  readonly flows: { readonly forward: Flow; readonly backward: Flow };
  readonly workers: { readonly sender: VirtualWorker; readonly receiver: VirtualWorker };
  /** The planner has been told of its end. */
  isSettled: boolean;
}

/** Each migration opens a flow there and one back. */
const FLOWS_EACH = 2;

/** Empties a host on a virtual clock: dozens of guests, shared links and CPUs, one thread. */
export class VirtualEvacuation implements Process {
  readonly #config: EvacuationConfig;
  readonly #options: EvacuationOptions;
  readonly #world = new VirtualWorld();
  readonly #topology = new Topology();
  readonly #network: Network;
  readonly #hosts = new Map<string, VirtualHost>();
  readonly #planner: EvacuationPlanner;
  readonly #sampler: UseSampler;
  #passengers: readonly Passenger[] = [];
  #startedNs = 0;
  #endedNs = 0;
  #hasAsked = false;

  constructor(config: EvacuationConfig, options: EvacuationOptions) {
    this.#config = config;
    this.#options = options;
    for (const spec of config.hosts) {
      this.#hosts.set(spec.name, new VirtualHost(spec));
      this.#topology.addHost(spec.name, spec.nicBytesPerSecond);
    }
    this.#topology.core(config.core.bytesPerSecond);
    const mostFlows = FLOWS_EACH * config.guests.length;
    this.#network = new Network(createNetwork(this.#topology.links, mostFlows));
    this.#planner = new EvacuationPlanner(config);
    this.#sampler = new UseSampler({
      links: this.#topology.links.length,
      hosts: [...this.#hosts.values()],
      voyages: () =>
        this.#passengers.flatMap(({ voyage }) =>
          voyage
            ? [
                {
                  path: voyage.path,
                  bytes: voyage.migration.postedBytes,
                  isOver: voyage.migration.isOver,
                },
              ]
            : [],
        ),
    });
  }

  async run(): Promise<EvacuationReport> {
    await this.#board();
    const world = this.#world;
    this.#startedNs = world.nowNs;
    this.#endedNs = world.nowNs;
    this.#sampler.begin(world.nowNs);
    for (const host of this.#hosts.values()) world.add(host);
    world.add(this.#sampler);
    world.add(this);
    await world.play(() => this.isOver, {
      onTurn: () => this.#options.onProgress?.(this.#progress()),
    });
    this.#sampler.step(this.#endedNs);
    return {
      runtime: 'virtual',
      clock: VIRTUAL_CLOCK_NAME,
      startedNs: this.#startedNs,
      endedNs: this.#endedNs,
      guests: await this.#reports(),
      links: this.#topology.links,
      samples: this.#sampler.samples,
      wall: { ns: 0, events: world.events },
    };
  }

  /** All that could begin has ended. */
  get isOver(): boolean {
    if (this.#planner.running > 0) return false;
    return this.#planner.isOver || (this.#hasAsked && this.#isCancelled);
  }

  /** Once at the start; then whenever a migration is over. */
  nextNs(nowNs: number): number {
    if (!this.#hasAsked) return nowNs;
    let nextNs = Infinity;
    for (const { voyage } of this.#passengers) {
      if (!voyage || voyage.isSettled || !voyage.migration.isOver) continue;
      nextNs = Math.min(nextNs, Math.max(nowNs, voyage.migration.endNs));
    }
    return nextNs;
  }

  step(atNs: number): void {
    this.#passengers.forEach((passenger, index) => {
      const { voyage } = passenger;
      if (!voyage || voyage.isSettled || !voyage.migration.isOver) return;
      if (voyage.migration.endNs <= atNs) this.#arrive(passenger, voyage, index);
    });
    this.#hasAsked = true;
    if (this.#isCancelled) return;
    for (const start of this.#planner.starts()) this.#depart(start, atNs);
  }

  get #isCancelled(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  /** The guests come to live on the host that will be emptied, for as long as the longest `startAfter`. */
  async #board(): Promise<void> {
    const passengers: Passenger[] = [];
    const home = this.#hosts.get(this.#config.source)!;
    for (const spec of this.#config.guests) {
      const { guest: shape, seed, costs } = spec.config;
      const { plan, geometries } = planMemory(shape, seed);
      const source = createPlace(shape, plan, geometries(0));
      await fillGuest(inlineRunner, source, shape.contents, seed);
      const guest = new VirtualGuest(plan, openGuestSide(source), costs, new VirtualClock());
      guest.start(0);
      home.admit(guest, vcpuDemand(shape.workloads, shape.vcpus, costs.accessNs));
      passengers.push({ spec, guest, geometries, source });
    }
    this.#passengers = passengers;
    const startAfters = passengers.map(({ spec }) => spec.config.migration.startAfterNs);
    this.#world.nowNs = Math.max(0, ...startAfters);
  }

  /** A guest's migration begins: it has lived until now, and its target gets memory for it. */
  #depart({ guest: index, target }: PlannedStart, atNs: number): void {
    const passenger = this.#passengers[index]!;
    const { spec, guest, geometries } = passenger;
    const { config } = spec;
    guest.advance(atNs);
    guest.measureRates();
    guest.timeline.sample(atNs);
    const destination = createPlace(config.guest, guest.plan, geometries(1));
    for (const { ram } of openMemory(destination.slots).slots) fillDestination(ram);
    const { source } = this.#config;
    const path = this.#topology.route(source, target);
    const flows = {
      forward: this.#open(path),
      backward: this.#open(this.#topology.route(target, source)),
    };
    const workers = {
      sender: this.#hosts.get(source)!.hire(),
      receiver: this.#hosts.get(target)!.hire(),
    };
    const migration = new VirtualMigration({
      config: forcedConfig(spec),
      guest,
      target: guest.prepare(openGuestSide(destination)),
      transfer: createTransfer(config.link, config.guest.pageSize, false),
      startNs: atNs,
      isCancelled: () => this.#isCancelled,
      onOver: () => this.#world.wake(this),
      flows,
      workers,
    });
    passenger.voyage = {
      migration,
      destination,
      target,
      path,
      startNs: atNs,
      flows,
      workers,
      isSettled: false,
    };
    migration.begin();
    this.#world.add(migration);
  }

  #open(path: readonly number[]): Flow {
    return this.#network.flow(this.#network.openFlow(path));
  }

  /** A migration is over: what it had of the world is free again. */
  #arrive({ guest, spec }: Passenger, voyage: Voyage, index: number): void {
    voyage.isSettled = true;
    const { migration, target, flows, workers } = voyage;
    const home = this.#hosts.get(this.#config.source)!;
    const there = this.#hosts.get(target)!;
    flows.forward.close();
    flows.backward.close();
    home.dismiss(workers.sender);
    there.dismiss(workers.receiver);
    const isMoved = migration.result!.outcome === 'completed';
    if (isMoved) {
      const { workloads, vcpus } = spec.config.guest;
      home.release(guest);
      there.admit(guest, vcpuDemand(workloads, vcpus, spec.config.costs.accessNs));
    }
    this.#endedNs = Math.max(this.#endedNs, migration.endNs);
    this.#planner.ended(index, isMoved);
  }

  #progress(): EvacuationProgress {
    return {
      nowNs: this.#world.nowNs,
      guests: this.#passengers.map(({ spec: { name }, voyage }) => {
        if (!voyage) return { name, state: 'waiting' };
        const { migration } = voyage;
        const { round, pagesLeft } = migration;
        if (!migration.isOver) return { name, state: 'migrating', round, pagesLeft };
        return { name, state: 'over', outcome: migration.result!.outcome };
      }),
    };
  }

  async #reports(): Promise<GuestEvacuation[]> {
    const reports: GuestEvacuation[] = [];
    for (const passenger of this.#passengers) reports.push(await this.#reportOf(passenger));
    return reports;
  }

  /** Lets a guest live on for its `runAfter`, stand still, and be proved. */
  async #reportOf(passenger: Passenger): Promise<GuestEvacuation> {
    const { spec, voyage } = passenger;
    const { name } = spec;
    if (!voyage) return { name, wasForced: false };
    const { migration, target, startNs } = voyage;
    return {
      name,
      target,
      startedNs: startNs,
      endedNs: migration.endNs,
      run: await this.#runOf(passenger, voyage),
      wasForced: wasForced(spec, migration.result!),
    };
  }

  async #runOf({ spec, guest, source }: Passenger, voyage: Voyage): Promise<RunReport> {
    const { migration, destination } = voyage;
    const { config } = spec;
    const endedNs = migration.endNs + config.migration.runAfterNs;
    guest.catchUp(migration.endNs);
    guest.advance(endedNs);
    guest.timeline.sample(endedNs);
    const { source: from, target: to } = migration;
    const proof = await proveRun(
      {
        config,
        plan: guest.plan,
        sides: { source, destination },
        report: migration.result!,
        sentState: migration.sourceGuest.savedState,
        receivedState: migration.destinationGuest.loadedState,
        zeroings: { source: from.crew.zeroings(), destination: to.crew.zeroings() },
      },
      inlineRunner,
    );
    return {
      runtime: 'virtual',
      clock: VIRTUAL_CLOCK_NAME,
      ...reportOf({
        config,
        plan: guest.plan,
        sides: { source: from.side, destination: to.side },
        source: migration.result!,
        destination: migration.destinationResult,
        rates: guest.rates,
        timeline: guest.timeline.samples,
        faults: to.crew.faultLogs(),
        rings: from.side.logReaders().ringCounts(),
        startedNs: 0,
        endedNs,
      }),
      ...(proof ? { proof } : {}),
    };
  }
}
