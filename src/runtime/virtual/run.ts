import { VIRTUAL_CLOCK_NAME, VirtualClock } from '../../clock/virtual.ts';
import { areVcpusRunning, openGuestSide } from '../common/guest-side.ts';
import { proveRun } from '../common/prove-run.ts';
import { reportOf } from '../common/run-report.ts';
import { giveBackStage, setStage, type Stage } from '../common/stage.ts';
import { inlineRunner } from '../common/work.ts';
import type { RunConfig } from '../config.ts';
import type { Proof, RunReport } from '../report.ts';
import { VirtualGuest } from './guest.ts';
import { VirtualMigration } from './migration.ts';
import type { VirtualOptions } from './options.ts';
import { rehearseVirtual } from './rehearsal.ts';
import { EventLoop } from './event-loop.ts';

/**
 * Runs one migration on a virtual clock: a world of one guest, with the same algorithms, frames and memory as in
 * real time. The same configuration gives the same report, to the bit, on any machine. Throws ContentsError when an
 * image can't be used.
 */
export async function runVirtual(
  config: RunConfig,
  options: VirtualOptions = {},
): Promise<RunReport> {
  const { runner = inlineRunner, clock } = options;
  const marks: number[] = [];
  const mark = (): void => void marks.push(clock?.now() ?? 0);
  mark();
  const staging = setStage(config, runner);
  // A failure is thrown when the stage is awaited below, so it is not an unhandled rejection.
  staging.catch(() => undefined);
  if (runner.threads > 1 && clock) await rehearseVirtual(config, clock, runVirtual);
  const stage = await staging;
  const run = new VirtualRun(config, stage, options);
  const migration = await run.begin();
  mark();
  await run.play(migration);
  mark();
  const report = await run.report(migration);
  giveBackStage(stage);
  mark();
  if (!clock) return report;
  const [setUpNs, runNs, proofNs] = [1, 2, 3].map((i) => marks[i]! - marks[i - 1]!);
  const { events } = run;
  return { ...report, wall: { setUpNs: setUpNs!, runNs: runNs!, proofNs: proofNs!, events } };
}

class VirtualRun {
  readonly #config: RunConfig;
  readonly #stage: Stage;
  readonly #options: VirtualOptions;
  readonly #world = new EventLoop();
  readonly #guest: VirtualGuest;

  constructor(config: RunConfig, stage: Stage, options: VirtualOptions) {
    this.#config = config;
    this.#stage = stage;
    this.#options = options;
    const side = openGuestSide(stage.source);
    this.#guest = new VirtualGuest(stage.plan, side, config.costs, new VirtualClock());
  }

  get events(): number {
    return this.#world.events;
  }

  /** Runs the guest for its `startAfter`, and returns its migration, which is ready to begin. */
  async begin(): Promise<VirtualMigration> {
    const { migration } = this.#config;
    const guest = this.#guest;
    const { signal, happenings } = this.#options;
    const target = guest.prepare(openGuestSide(this.#stage.destination));
    guest.start(0);
    await this.#live(migration.startAfterNs);
    if (migration.startAfterNs > 0) guest.measureRates();
    guest.timeline.sample(this.#world.nowNs);
    return new VirtualMigration({
      config: this.#config,
      guest,
      target,
      transfer: this.#stage,
      startNs: this.#world.nowNs,
      isCancelled: () => signal?.aborted ?? false,
      ...(happenings ? { happenings } : {}),
    });
  }

  /** Plays the migration to its end, and runs the guest for its `runAfter`. */
  async play(migration: VirtualMigration): Promise<void> {
    const { mostEvents, onProgress, onEnd } = this.#options;
    const world = this.#world;
    migration.begin();
    world.add(migration);
    await world.play(() => migration.isOver, {
      ...(mostEvents === undefined ? {} : { mostEvents }),
      onTurn: () =>
        onProgress?.({
          nowNs: world.nowNs,
          events: world.events,
          bytes: migration.postedBytes,
          pagesLeft: migration.pagesLeft,
        }),
    });
    world.nowNs = Math.max(world.nowNs, migration.endNs);
    const { source, target } = migration;
    onEnd?.({ source: areVcpusRunning(source.side), destination: areVcpusRunning(target.side) });
    this.#guest.catchUp(world.nowNs);
    await this.#live(this.#config.migration.runAfterNs);
    this.#guest.timeline.sample(world.nowNs);
  }

  async #live(ns: number): Promise<void> {
    const { nowNs } = this.#world;
    const isCancelled = (): boolean => this.#options.signal?.aborted ?? false;
    this.#world.nowNs = await this.#guest.live(nowNs, nowNs + ns, isCancelled);
  }

  async report(migration: VirtualMigration): Promise<RunReport> {
    const { source, target } = migration;
    const proof = await this.#prove(migration);
    return {
      runtime: 'virtual',
      clock: VIRTUAL_CLOCK_NAME,
      ...reportOf({
        config: this.#config,
        plan: this.#stage.plan,
        sides: { source: source.side, destination: target.side },
        source: migration.result!,
        destination: migration.destinationResult,
        rates: this.#guest.rates,
        timeline: this.#guest.timeline.samples,
        faults: target.crew.faultLogs(),
        rings: source.side.logReaders().ringCounts(),
        startedNs: 0,
        endedNs: this.#world.nowNs,
      }),
      ...(proof ? { proof } : {}),
    };
  }

  async #prove(migration: VirtualMigration): Promise<Proof | undefined> {
    const { source, target } = migration;
    const rams = [source, target].map(({ side }) => side.memory.slots.map(({ ram }) => ram));
    this.#options.beforeProof?.(rams[0]!, rams[1]!);
    const run = {
      config: this.#config,
      plan: this.#stage.plan,
      sides: this.#stage,
      report: migration.result!,
      sentState: migration.sourceGuest.savedState,
      receivedState: migration.destinationGuest.loadedState,
      zeroings: { source: source.crew.zeroings(), destination: target.crew.zeroings() },
    };
    return proveRun(run, this.#options.runner ?? inlineRunner);
  }
}
