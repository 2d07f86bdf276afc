import { MONOTONIC_CLOCK_NAME, monotonicClock, monotonicOrigin } from '../../clock/monotonic.ts';
import type { Clock } from '../../clock/clock.ts';
import { createNetwork, Network, type SharedNetwork } from '../../link/network.ts';
import { Topology } from '../../link/topology.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { RunReport } from '../../runtime/report.ts';
import type { LiveView, RunCompany } from '../../runtime/threads/options.ts';
import { runThreads } from '../../runtime/threads/run.ts';
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

/** How often somebody who watches is told, and the use of the links is noted. */
const LOOK_MS = 100;

type Flows = { readonly forward: number; readonly backward: number };

/** A guest with threads of its own, and its migration once that has begun. */
interface Passenger {
  readonly spec: EvacuatedGuest;
  readonly mayMigrate: Gate<Flows>;
  /** Its run has ended, as one does that could not be set up. */
  isGone?: boolean;
  look?: () => LiveView;
  voyage?: {
    readonly target: string;
    readonly path: readonly number[];
    readonly flows: Flows;
    readonly startNs: number;
    endNs?: number;
    report?: SourceReport;
  };
}

/**
 * Empties a host in real time: every guest has its own worker threads, which really write and really
 * send, and all senders share one network. For a few small guests, to check the virtual world against.
 */
export class ThreadEvacuation {
  readonly #config: EvacuationConfig;
  readonly #options: EvacuationOptions;
  readonly #origin = monotonicOrigin();
  readonly #clock: Clock = monotonicClock(this.#origin);
  readonly #topology = new Topology();
  readonly #shared: SharedNetwork;
  readonly #network: Network;
  readonly #planner: EvacuationPlanner;
  readonly #passengers: readonly Passenger[];
  readonly #sampler: UseSampler;
  readonly #areAllReady = new Gate<void>();
  readonly #areAllOver = new Gate<void>();
  #ready = 0;
  #startedNs = 0;
  #endedNs = 0;
  #hasBegun = false;

  constructor(config: EvacuationConfig, options: EvacuationOptions) {
    this.#config = config;
    this.#options = options;
    for (const { name, nicBytesPerSecond } of config.hosts) {
      this.#topology.addHost(name, nicBytesPerSecond);
    }
    this.#topology.core(config.core.bytesPerSecond);
    this.#shared = createNetwork(this.#topology.links, 2 * config.guests.length);
    this.#network = new Network(this.#shared);
    this.#planner = new EvacuationPlanner(config);
    this.#passengers = config.guests.map((spec) => ({ spec, mayMigrate: new Gate<Flows>() }));
    this.#sampler = new UseSampler({
      links: this.#topology.links.length,
      hosts: [],
      voyages: () =>
        this.#passengers.flatMap(({ voyage, look }) =>
          voyage
            ? [
                {
                  path: voyage.path,
                  bytes: look?.().figures.bytes ?? 0,
                  isOver: voyage.endNs !== undefined,
                },
              ]
            : [],
        ),
    });
  }

  async run(): Promise<EvacuationReport> {
    const runs = this.#passengers.map((passenger, index) => this.#start(passenger, index));
    const looking = setInterval(() => this.#look(), LOOK_MS);
    try {
      // One that fails ends none of the others; what it throws comes when all are over.
      await Promise.allSettled(runs);
      const reports = await Promise.all(runs);
      return {
        runtime: 'threads',
        clock: MONOTONIC_CLOCK_NAME,
        startedNs: this.#startedNs,
        endedNs: this.#endedNs,
        guests: this.#passengers.map((passenger, index) => evacuated(passenger, reports[index]!)),
        links: this.#topology.links,
        samples: this.#sampler.samples,
      };
    } finally {
      clearInterval(looking);
    }
  }

  #start(passenger: Passenger, index: number): Promise<RunReport> {
    const { spec } = passenger;
    const { signal } = this.#options;
    const run = runThreads(forcedConfig(spec), {
      ...(signal ? { signal } : {}),
      company: this.#companyOf(passenger, index),
      onStart: (look) => (passenger.look = look),
    });
    // A run that fails before its turn lets nobody wait for it.
    return run.finally(() => {
      passenger.isGone = true;
      this.#boarded();
      if (passenger.voyage?.endNs === undefined) this.#arrive(passenger, index, undefined);
    });
  }

  #companyOf(passenger: Passenger, index: number): RunCompany {
    let hasBoarded = false;
    return {
      origin: this.#origin,
      network: this.#shared,
      beforeStart: async () => {
        hasBoarded = true;
        this.#boarded();
        await this.#areAllReady.opened;
      },
      beforeMigration: async () => {
        if (hasBoarded && !this.#hasBegun) this.#begin();
        return passenger.mayMigrate.opened;
      },
      afterMigration: async (report) => {
        this.#arrive(passenger, index, report);
        await this.#areAllOver.opened;
      },
    };
  }

  #boarded(): void {
    this.#ready++;
    if (this.#ready >= this.#passengers.length) this.#areAllReady.open();
  }

  /** The guests have lived for as long as the shortest `startAfter`: the host begins to be emptied. */
  #begin(): void {
    this.#hasBegun = true;
    this.#startedNs = this.#clock.now();
    this.#endedNs = this.#startedNs;
    this.#sampler.begin(this.#startedNs);
    this.#depart();
  }

  #depart(): void {
    // One that is called off before its turn is let go as well: its run ends cancelled at once.
    for (let starts = this.#planner.starts(); starts.length > 0; starts = this.#planner.starts()) {
      for (const start of starts) this.#send(start);
    }
    if (this.#planner.isOver) this.#areAllOver.open();
  }

  #send({ guest, target }: PlannedStart): void {
    const passenger = this.#passengers[guest]!;
    if (passenger.isGone) return this.#planner.ended(guest, false);
    const { source } = this.#config;
    const path = this.#topology.route(source, target);
    const flows = {
      forward: this.#network.openFlow(path),
      backward: this.#network.openFlow(this.#topology.route(target, source)),
    };
    passenger.voyage = { target, path, flows, startNs: this.#clock.now() };
    passenger.mayMigrate.open(flows);
  }

  #arrive(passenger: Passenger, index: number, report: SourceReport | undefined): void {
    const { voyage } = passenger;
    if (voyage) {
      voyage.endNs = this.#clock.now();
      if (report) voyage.report = report;
      this.#endedNs = Math.max(this.#endedNs, voyage.endNs);
      for (const id of [voyage.flows.forward, voyage.flows.backward])
        this.#network.flow(id).close();
      this.#planner.ended(index, report?.outcome === 'completed');
    }
    if (this.#hasBegun) this.#depart();
  }

  #look(): void {
    if (!this.#hasBegun) return;
    this.#sampler.step(this.#clock.now());
    this.#options.onProgress?.(this.#progress());
  }

  #progress(): EvacuationProgress {
    return {
      nowNs: this.#clock.now(),
      guests: this.#passengers.map(({ spec: { name }, voyage, look }) => {
        if (!voyage) return { name, state: 'waiting' };
        if (voyage.report) return { name, state: 'over', outcome: voyage.report.outcome };
        const figures = look?.().figures;
        if (!figures) return { name, state: 'migrating' };
        return { name, state: 'migrating', round: figures.round, pagesLeft: figures.pagesLeft };
      }),
    };
  }
}

function evacuated({ spec, voyage }: Passenger, run: RunReport): GuestEvacuation {
  const { name } = spec;
  if (!voyage) return { name, wasForced: false };
  const { target, startNs, endNs } = voyage;
  return {
    name,
    target,
    startedNs: startNs,
    endedNs: endNs ?? startNs,
    run,
    wasForced: wasForced(spec, run.source),
  };
}

/** Something that several wait for, opened once. */
class Gate<Value> {
  readonly opened: Promise<Value>;
  #open!: (value: Value) => void;

  constructor() {
    this.opened = new Promise((resolve) => (this.#open = resolve));
  }

  open(value: Value): void {
    this.#open(value);
  }
}
