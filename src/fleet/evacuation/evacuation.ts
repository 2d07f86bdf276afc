import type { Director, World, WorldMigration } from '../../runtime/world/world.ts';
import type { EvacuationConfig } from './config.ts';
import { EvacuationPlanner } from './planner.ts';
import type { EvacuationOptions, EvacuationProgress } from './report.ts';
import { UseSampler } from './use-sampler.ts';

/** The director that empties a host. It starts the migrations that its planner names, whenever one has ended. */
export class Evacuation implements Director {
  readonly sampler: UseSampler;
  startedNs = 0;
  endedNs = 0;
  readonly #config: EvacuationConfig;
  readonly #world: World;
  readonly #options: EvacuationOptions;
  readonly #planner: EvacuationPlanner;
  readonly #indices: ReadonlyMap<string, number>;

  constructor(config: EvacuationConfig, world: World, options: EvacuationOptions) {
    this.#config = config;
    this.#world = world;
    this.#options = options;
    this.#planner = new EvacuationPlanner(config);
    this.#indices = new Map(config.guests.map(({ name }, index) => [name, index]));
    this.sampler = new UseSampler(world);
  }

  /** Whether every migration that was to begin has ended; once it is cancelled, no other one begins. */
  get isOver(): boolean {
    return this.#planner.isOver || (this.#isCancelled && this.#planner.running === 0);
  }

  get #isCancelled(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  begin(nowNs: number): void {
    this.startedNs = nowNs;
    this.endedNs = nowNs;
    this.sampler.begin(nowNs);
    this.#start();
  }

  onMigrationEnd({ guest, report }: WorldMigration, nowNs: number): void {
    this.endedNs = Math.max(this.endedNs, nowNs);
    this.#planner.ended(this.#indices.get(guest)!, report?.outcome === 'completed');
    this.#start();
    if (this.isOver) this.sampler.sample(nowNs);
  }

  watch(nowNs: number): void {
    this.sampler.sample(nowNs);
    this.#options.onProgress?.(this.#progress(nowNs));
  }

  /** Starts the migrations whose turn it is. */
  #start(): void {
    if (this.#isCancelled) return;
    for (const { guest, target } of this.#planner.starts()) {
      this.#world.migrate(this.#config.guests[guest]!.name, target);
    }
  }

  #progress(nowNs: number): EvacuationProgress {
    const migrations = new Map(this.#world.migrations.map((one) => [one.guest, one]));
    return {
      nowNs,
      guests: this.#config.guests.map(({ name }) => {
        const migration = migrations.get(name);
        if (!migration) return { name, state: 'waiting' };
        const { endNs, report, round, pagesLeft } = migration;
        if (endNs === undefined) return { name, state: 'migrating', round, pagesLeft };
        return { name, state: 'over', outcome: report?.outcome ?? 'failed' };
      }),
    };
  }
}
