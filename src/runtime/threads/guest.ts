import { availableParallelism } from 'node:os';
import type { Clock } from '../../clock/clock.ts';
import { MONOTONIC_CLOCK_NAME, monotonicClock } from '../../clock/monotonic.ts';
import { destinationNs } from '../../guest/devices/device.ts';
import type { VcpuEnd } from '../../guest/vcpu.ts';
import { LAG_NS } from '../../guest/vcpu-state.ts';
import type { SharedNetwork } from '../../link/network.ts';
import { closeRing } from '../../link/ring.ts';
import type { SourceReport } from '../../migration/source.ts';
import { MAX_FRAME_BYTES } from '../../wire/limits.ts';
import { ContentsError } from '../common/fill.ts';
import { type GuestSide, openGuestSide } from '../common/guest-side.ts';
import { achievedRates, mostOf } from '../common/measures.ts';
import { proveRun } from '../common/prove-run.ts';
import { reportOf } from '../common/run-report.ts';
import { giveBackStage, setStage, type Stage } from '../common/stage.ts';
import { Timeline } from '../common/timeline.ts';
import type { RunConfig } from '../config.ts';
import type { Proof, RunReport } from '../report.ts';
import { Connection } from './connection.ts';
import { Crew, CrewError } from './crew.ts';
import { FirstFailure, failedRun, withCause } from './failure.ts';
import { type Engines, launchThreads } from './launch.ts';
import { type LiveView, type RunPhase, RunSetupError, type ThreadWorldOptions } from './options.ts';
import type { WorkerPool } from './pool.ts';
import { RunWords } from './run-words.ts';
import { type SourceEnd, type Tasks, threadsOf } from './tasks.ts';

/** A vCPU polls every few microseconds and a parked one wakes every 100 ms, so one that takes this long hangs. */
const ANSWER_MS = 10_000;

/** What a guest has from the world that it lives in. */
export interface Surroundings {
  readonly options: ThreadWorldOptions;
  readonly pool: WorkerPool;
  /** The origin of the clock that all guests of the world read. */
  readonly clockOrigin: bigint;
  /** Called with the size of each piece of memory that is filled. */
  readonly onBytes?: (bytes: number) => void;
  /** The links that all guests share; without them, each has its link for itself. */
  readonly network?: SharedNetwork;
}

/** The flows of a migration in the world's network, by their numbers. */
export interface FlowIds {
  readonly forward: number;
  readonly backward: number;
}

interface Ends {
  readonly source: SourceEnd;
  /** It is absent when the destination's engine died. */
  readonly destination?: Tasks['destination'][1];
}

/** Returns the CPU time of both engines, if it is known. */
function engineCpuOf(ends: Ends | undefined): Pick<RunReport, 'engineCpuNs'> {
  const [source, destination] = [ends?.source.cpuNs, ends?.destination?.cpuNs];
  if (source === undefined || destination === undefined) return {};
  return { engineCpuNs: { source, destination } };
}

type Sides = Readonly<Record<'source' | 'destination', GuestSide>>;

/**
 * A guest of a world of threads and its one migration. The world calls its methods in the order in which they stand
 * here. When one of the guest's threads has died, the later ones do nothing, and the report says what happened.
 */
export class ThreadGuest {
  readonly #config: RunConfig;
  readonly #world: Surroundings;
  readonly #clock: Clock;
  readonly #words = new RunWords();
  readonly #crew = new Crew(() => this.#clock.now() / 1e6);
  /** What the vCPUs of either side returned when they ended. */
  readonly #vcpuEnds = { source: [] as VcpuEnd[], destination: [] as VcpuEnd[] };
  #stage: Stage | undefined;
  #sides: Sides | undefined;
  #timeline: Timeline | undefined;
  #engines: Engines | undefined;
  #phase: RunPhase = 'prepare';
  #prepareNs = 0;
  #startedNs = 0;
  #endedNs = 0;
  #switchesBefore = 0;
  #involuntarySwitches = 0;
  #rates: number[] | undefined;
  #ends: Ends | undefined;
  readonly #failure: FirstFailure;
  #destinationDeath: CrewError | undefined;
  /** The guest's accesses at the end; it is set once the run is over and another run may have its memory. */
  #finalAccesses: number | undefined;

  constructor(config: RunConfig, world: Surroundings) {
    this.#config = config;
    this.#world = world;
    this.#clock = monotonicClock(world.clockOrigin);
    this.#failure = new FirstFailure(this.#clock);
  }

  /** Takes and fills the memory of both sides. Throws RunSetupError, or ContentsError when an image can't be used. */
  async settle(): Promise<void> {
    this.#enter('prepare');
    const stage = await setStage(this.#config, this.#world.pool, {
      onBytes: this.#world.onBytes,
    }).catch((cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      if (cause instanceof ContentsError) throw cause;
      throw new RunSetupError(`the run could not be set up: ${message}`, { cause });
    });
    const sides = {
      source: openGuestSide(stage.source),
      destination: openGuestSide(stage.destination),
    };
    const memories = [sides.source.memory, sides.destination.memory];
    this.#stage = stage;
    this.#sides = sides;
    this.#timeline = new Timeline(this.#clock, () => memories, stage.plan);
    this.#switchesBefore = process.resourceUsage().involuntaryContextSwitches;
  }

  /** Starts the threads, and waits until all are ready. */
  launch(): Promise<void> {
    return this.#failure.attempt(async () => {
      this.#engines = launchThreads({
        config: this.#config,
        stage: this.#stage!,
        crew: this.#crew,
        words: this.#words,
        ...this.#world,
        onVcpuEnd: (side, vcpu, end) => (this.#vcpuEnds[side][vcpu] = end),
        onDestinationDeath: (error) => this.#outliveDestination(error),
      });
      const threads = threadsOf(this.#config);
      await this.#crew.until('the threads start', () => this.#words.ready === threads, 60_000);
      this.#prepareNs = this.#clock.now();
    });
  }

  /** Starts the vCPUs, and lets the guest live for its `startAfter`. */
  liveBefore(): Promise<void> {
    return this.#failure.attempt(async () => {
      const { source } = this.#sides!;
      const { startAfterNs } = this.#config.migration;
      source.engine.resume();
      await this.#crew.until('the vCPUs start', () => source.engine.areAllRunning(), ANSWER_MS);
      this.#startedNs = this.#clock.now();
      if (this.#endedNs > 0) return;
      this.#timeline!.start();
      this.#enter('before');
      await this.#pass(startAfterNs);
      if (startAfterNs > 0) this.#rates = achievedRates(source, this.#stage!.plan);
    });
  }

  /** Lets the guest live on while the manager of its migration works; a cancelled one does not. */
  rest(ns: number): Promise<void> {
    return this.#failure.attempt(() => (ns > 0 ? this.#pass(ns) : Promise.resolve()));
  }

  /** Migrates the guest; `flows` are its own in the world's network, when there is one. */
  migrate(flows: FlowIds | undefined): Promise<void> {
    return this.#failure.attempt(async () => {
      if (this.#crew.failure) throw this.#crew.failure;
      if (flows) this.#words.setFlows(flows.forward, flows.backward);
      this.#ends = await this.#migrate(this.#engines!, this.#stage!, this.#sides!);
    });
  }

  /** What became of the migration; it counts from the moment that `migrate` has resolved. */
  get outcome(): SourceReport {
    const { source } = this.#ends ?? {};
    const { error: failure, atNs } = this.#failure;
    if (!failure) return withCause(source!.report, this.#destinationDeath);
    return failedRun(failure, this.#phase, this.#words, atNs, source?.report);
  }

  /** Lets the guest live for its `runAfter`, and stops its vCPUs. */
  async liveAfter(): Promise<void> {
    await this.#failure.attempt(async () => {
      this.#enter('after');
      await this.#pass(this.#config.migration.runAfterNs);
      await this.#park();
    });
    this.#stopMeasuring();
  }

  /** Ends the guest's threads, proves the migration, and reports on it; the memory goes back to the pool. */
  async report(): Promise<RunReport> {
    if (!(await this.leave())) this.#failure.note(new CrewError('a thread does not leave'));
    let proof: Proof | undefined;
    await this.#failure.attempt(
      async () => void (proof = await this.#prove(this.#stage!, this.#ends!)),
    );
    const report = this.#reportWith(proof);
    this.#giveBack();
    return report;
  }

  /** Tells all threads to leave; resolves to false when one does not. */
  async leave(): Promise<boolean> {
    this.#stopMeasuring();
    this.#words.abort();
    for (const { engine, doorbell } of Object.values(this.#sides ?? {})) {
      engine.stop();
      doorbell.ring();
    }
    return this.#crew.haveAllLeft(5000);
  }

  /** Returns a view of the guest at this moment. */
  look(): LiveView {
    return {
      phase: this.#phase,
      figures: this.#words.figures(),
      pages: this.#sides?.source.memory.pages ?? 0,
      accesses: this.#finalAccesses ?? this.#timeline?.accesses() ?? 0,
      elapsedNs: this.#clock.now(),
    };
  }

  #enter(phase: RunPhase): void {
    this.#phase = phase;
    this.#world.options.onPhase?.(phase, this.#world.pool);
  }

  #stopMeasuring(): void {
    if (this.#endedNs > 0) return;
    this.#timeline?.stop();
    this.#endedNs = this.#clock.now();
    const { involuntaryContextSwitches } = process.resourceUsage();
    this.#involuntarySwitches = involuntaryContextSwitches - this.#switchesBefore;
  }

  #pass(ns: number): Promise<void> {
    const { signal } = this.#world.options;
    return this.#crew.pass(ns / 1e6, () => signal?.aborted ?? false);
  }

  /** A death before the migration fails the run; later the source can go on with its guest. */
  #outliveDestination(error: CrewError): boolean {
    if (this.#phase === 'prepare') return false;
    this.#destinationDeath = error;
    closeRing(this.#stage!.backward);
    this.#sides!.source.doorbell.ring();
    return true;
  }

  async #migrate(engines: Engines, stage: Stage, sides: Sides): Promise<Ends> {
    const { signal, onConnection } = this.#world.options;
    const cancel = (): void => {
      this.#words.cancel();
      sides.source.doorbell.ring();
    };
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    this.#enter('migrate');
    this.#words.start();
    sides.source.doorbell.ring();
    sides.destination.doorbell.ring();
    const connection = new Connection(stage, sides, this.#clock, this.#config.link.outages);
    void connection.run();
    onConnection?.(connection);
    try {
      const source = await this.#crew.result(engines.source);
      const destination = await this.#destinationEnd(engines, stage, sides);
      return { source, ...(destination ? { destination } : {}) };
    } finally {
      connection.stop();
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Returns what the destination's engine ended with; it must end soon, as the source has ended already. */
  async #destinationEnd(
    engines: Engines,
    stage: Stage,
    sides: Sides,
  ): Promise<Ends['destination']> {
    closeRing(stage.forward);
    sides.destination.doorbell.ring();
    let end: Ends['destination'];
    let isOver = false;
    const task = engines.destination.then((value) => void (end = value));
    void task.catch(() => undefined).finally(() => (isOver = true));
    const mostMs = ANSWER_MS + this.#slackMs();
    await this.#crew.until('the destination engine ends', () => isOver, mostMs);
    return end;
  }

  /** Returns how long the frames that are still under way may take to arrive, and devices to be loaded. */
  #slackMs(): number {
    const { latencyNs, bytesPerSecond } = this.#config.link;
    const devicesMs = destinationNs(this.#config.guest.devices ?? []) / 1e6;
    return devicesMs + latencyNs / 1e6 + (3 * MAX_FRAME_BYTES * 1000) / bytesPerSecond;
  }

  async #park(): Promise<void> {
    const { source, destination } = this.#sides!;
    const isMoved = this.#ends?.source.report.outcome === 'completed';
    const { engine } = isMoved ? destination : source;
    engine.pause();
    await this.#crew.until('the vCPUs pause', () => engine.areAllParked(), ANSWER_MS);
  }

  async #prove(stage: Stage, ends: Ends): Promise<Proof | undefined> {
    const sides = this.#sides!;
    this.#world.options.beforeProof?.(ramsOf(sides.source), ramsOf(sides.destination));
    const { report, state } = ends.source;
    if (this.#config.verify !== 'off' && !report.guestLost) this.#enter('verify');
    const run = {
      config: this.#config,
      plan: stage.plan,
      sides: stage,
      report,
      sentState: state,
      receivedState: ends.destination?.state,
      zeroings: {
        source: this.#vcpuEnds.source.flatMap((end) => end.zeroings),
        destination: this.#vcpuEnds.destination.flatMap((end) => end.zeroings),
      },
    };
    const options = { clock: this.#clock, signal: this.#world.options.proofSignal };
    return proveRun(run, this.#world.pool, options).catch((cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new CrewError(`the proof was cut short: ${message}`, { cause });
    });
  }

  #reportWith(proof: Proof | undefined): RunReport {
    const { plan } = this.#stage!;
    const sides = this.#sides!;
    const ends = this.#ends;
    return {
      runtime: 'threads',
      clock: MONOTONIC_CLOCK_NAME,
      ...reportOf({
        config: this.#config,
        plan,
        sides,
        source: this.outcome,
        destination: ends?.destination?.report,
        rates: this.#rates,
        timeline: this.#timeline!.samples,
        faults: this.#vcpuEnds.destination.map((end) => end.faults),
        rings: ends?.source.rings ?? [],
        startedNs: this.#startedNs,
        endedNs: this.#endedNs,
      }),
      disturbance: {
        maxLagNs: mostOf(sides, plan, LAG_NS),
        involuntarySwitches: this.#involuntarySwitches,
        runnableThreads: threadsOf(this.#config) - this.#config.guest.vcpus,
        cpus: availableParallelism(),
      },
      prepareNs: this.#prepareNs,
      ...engineCpuOf(ends),
      ...(proof ? { proof } : {}),
    };
  }

  /** Gives the memory back to the pool, unless a thread has died, which may have been about to write to it. */
  #giveBack(): void {
    if (this.#failure.error || this.#destinationDeath) return;
    this.#finalAccesses = this.#timeline!.accesses();
    giveBackStage(this.#stage!);
  }
}

function ramsOf({ memory }: GuestSide): Uint8Array[] {
  return memory.slots.map(({ ram }) => ram);
}
