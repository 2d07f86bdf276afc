import { availableParallelism } from 'node:os';
import type { Clock } from '../../clock/clock.ts';
import { MONOTONIC_CLOCK_NAME, monotonicClock, monotonicOrigin } from '../../clock/monotonic.ts';
import { lightPlan } from '../../guest/stream-plan.ts';
import type { VcpuEnd } from '../../guest/vcpu.ts';
import { LAG_NS } from '../../guest/vcpu-state.ts';
import { closeRing } from '../../link/ring.ts';
import { MAX_FRAME_BYTES } from '../../wire/limits.ts';
import type { RunConfig } from '../config.ts';
import type { Proof, RunReport } from '../report.ts';
import { Crew, CrewError } from './crew.ts';
import { ContentsError } from '../common/fill.ts';
import { failedRun, withCause } from './failure.ts';
import { type GuestSide, openGuestSide } from '../common/guest-side.ts';
import { achievedRates, mostOf } from '../common/measures.ts';
import { Connection } from './connection.ts';
import { WorkerPool } from './pool.ts';
import { proveRun } from '../common/prove-run.ts';
import { reportOf } from '../common/run-report.ts';
import { type RunOptions, type RunPhase, RunSetupError } from './options.ts';
import { RunWords } from './run-words.ts';
import { giveBackStage, setStage, type Stage } from '../common/stage.ts';
import { type Tasks, threadsOf } from './tasks.ts';
import { Timeline } from '../common/timeline.ts';

export { type LiveView, type RunOptions, type RunPhase, RunSetupError } from './options.ts';

/** A vCPU polls every few microseconds and a parked one wakes every 100 ms, so one that takes this long hangs. */
const ANSWER_MS = 10_000;

/**
 * Runs one migration in real time: the vCPUs and the two engines are worker threads, and frames really move through
 * shared-memory rings. It returns a report, whatever happens to the migration. It throws only when the run could not
 * be set up: RunSetupError, ContentsError when an image can't be used, or an Error when the pool has too few threads.
 */
export async function runThreads(config: RunConfig, options: RunOptions = {}): Promise<RunReport> {
  const pool = options.pool ?? new WorkerPool(threadsOf(config));
  if (pool.threads < threadsOf(config)) {
    throw new Error(`the run needs ${threadsOf(config)} threads, the pool has ${pool.threads}`);
  }
  const run = new ThreadRun(config, options, pool);
  try {
    return await run.run();
  } finally {
    const haveLeft = await run.leave();
    if (!options.pool || !haveLeft) await pool.destroy();
  }
}

interface Ends {
  readonly source: Tasks['source'][1];
  /** It is absent when the destination's engine died. */
  readonly destination?: Tasks['destination'][1];
}

/** How far a run has got. */
interface Play {
  prepareNs: number;
  startedNs: number;
  endedNs: number;
  rates?: number[];
  ends?: Ends;
  failure?: CrewError;
}

interface Engines {
  readonly source: Promise<Tasks['source'][1]>;
  readonly destination: Promise<Tasks['destination'][1]>;
}

class ThreadRun {
  readonly #config: RunConfig;
  readonly #options: RunOptions;
  readonly #pool: WorkerPool;
  readonly #origin: bigint;
  readonly #clock: Clock;
  readonly #words = new RunWords();
  readonly #crew = new Crew(() => this.#clock.now() / 1e6);
  /** What the vCPUs of either side returned when they ended. */
  readonly #vcpuEnds = { source: [] as VcpuEnd[], destination: [] as VcpuEnd[] };
  #destinationDeath: CrewError | undefined;
  #guestSides: { source: GuestSide; destination: GuestSide } | undefined;
  #phase: RunPhase = 'prepare';
  /** The guest's accesses at the end; it is set once the run is over and another run may have its memory. */
  #finalAccesses: number | undefined;

  constructor(config: RunConfig, options: RunOptions, pool: WorkerPool) {
    this.#config = config;
    this.#options = options;
    this.#pool = pool;
    this.#origin = options.company?.origin ?? monotonicOrigin();
    this.#clock = monotonicClock(this.#origin);
  }

  async run(): Promise<RunReport> {
    this.#enter('prepare');
    const stage = await setStage(this.#config, this.#pool).catch((cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      if (cause instanceof ContentsError) throw cause;
      throw new RunSetupError(`the run could not be set up: ${message}`, { cause });
    });
    const guestSides = {
      source: openGuestSide(stage.source),
      destination: openGuestSide(stage.destination),
    };
    this.#guestSides = guestSides;
    const memories = [guestSides.source.memory, guestSides.destination.memory];
    const timeline = new Timeline(this.#clock, () => memories, stage.plan);
    this.#offerLook(timeline, guestSides.source.memory.pages);
    const switchesBefore = process.resourceUsage().involuntaryContextSwitches;
    const play: Play = { prepareNs: 0, startedNs: 0, endedNs: 0 };
    await this.#guarded(play, () => this.#play(play, stage, guestSides, timeline));
    timeline.stop();
    play.endedNs = this.#clock.now();
    const switches = process.resourceUsage().involuntaryContextSwitches - switchesBefore;
    if (!(await this.leave())) play.failure ??= new CrewError('a thread does not leave');
    let proof: Proof | undefined;
    if (!play.failure && play.ends) {
      const { ends } = play;
      await this.#guarded(play, async () => void (proof = await this.#prove(stage, ends)));
    }
    const report = this.#report(stage, play, timeline, switches, proof);
    this.#giveBack(stage, play, timeline);
    return report;
  }

  /** Gives the memory back to the pool, unless a thread has died, which may have been about to write to it. */
  #giveBack(stage: Stage, play: Play, timeline: Timeline): void {
    if (play.failure || this.#destinationDeath) return;
    this.#finalAccesses = timeline.accesses();
    giveBackStage(stage);
  }

  /** Notes a worker's death as the run's failure; any other error is a defect of the program and is thrown on. */
  async #guarded(play: Play, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof CrewError)) throw error;
      play.failure ??= error;
    }
  }

  async #play(
    play: Play,
    stage: Stage,
    guestSides: { source: GuestSide; destination: GuestSide },
    timeline: Timeline,
  ): Promise<void> {
    const { migration } = this.#config;
    const crew = this.#crew;
    const engines = this.#startCrew(stage);
    await crew.until('the threads start', () => this.#words.ready === this.#threads(), 60_000);
    play.prepareNs = this.#clock.now();
    const { company } = this.#options;
    await company?.beforeStart();
    guestSides.source.engine.resume();
    await crew.until('the vCPUs start', () => guestSides.source.engine.areAllRunning(), ANSWER_MS);
    play.startedNs = this.#clock.now();
    timeline.start();
    this.#enter('before');
    await this.#pass(migration.startAfterNs);
    if (migration.startAfterNs > 0) play.rates = achievedRates(guestSides.source, stage.plan);
    if (company) {
      const { forward, backward } = await company.beforeMigration();
      this.#words.setFlows(forward, backward);
    }
    play.ends = await this.#migrate(engines, guestSides, stage);
    await company?.afterMigration(play.ends.source.report, this.#clock.now());
    const isMoved = play.ends.source.report.outcome === 'completed';
    this.#enter('after');
    await this.#pass(migration.runAfterNs);
    await this.#park(isMoved ? guestSides.destination : guestSides.source);
  }

  #report(
    stage: Stage,
    play: Play,
    timeline: Timeline,
    involuntarySwitches: number,
    proof: Proof | undefined,
  ): RunReport {
    const { ends, failure, rates } = play;
    const sides = this.#guestSides!;
    return {
      runtime: 'threads',
      clock: MONOTONIC_CLOCK_NAME,
      ...reportOf({
        config: this.#config,
        plan: stage.plan,
        sides,
        source: failure
          ? failedRun(failure, this.#phase, this.#words, this.#clock.now(), ends?.source.report)
          : withCause(ends!.source.report, this.#destinationDeath),
        destination: ends?.destination?.report,
        rates,
        timeline: timeline.samples,
        faults: this.#vcpuEnds.destination.map((end) => end.faults),
        rings: ends?.source.rings ?? [],
        startedNs: play.startedNs,
        endedNs: play.endedNs,
      }),
      disturbance: {
        maxLagNs: mostOf(sides, stage.plan, LAG_NS),
        involuntarySwitches,
        runnableThreads: this.#config.guest.vcpus + 2,
        cpus: availableParallelism(),
      },
      prepareNs: play.prepareNs,
      ...(proof ? { proof } : {}),
    };
  }

  /** Tells all threads to leave; resolves to false when one does not. */
  async leave(): Promise<boolean> {
    this.#words.abort();
    for (const guestSide of Object.values(this.#guestSides ?? {})) {
      guestSide.engine.stop();
      guestSide.doorbell.ring();
    }
    return this.#crew.haveAllLeft(5000);
  }

  #threads(): number {
    return threadsOf(this.#config);
  }

  #enter(phase: RunPhase): void {
    this.#phase = phase;
    this.#options.onPhase?.(phase, this.#pool);
  }

  #pass(ns: number): Promise<void> {
    const isCancelled = (): boolean => this.#options.signal?.aborted ?? false;
    return this.#crew.pass(ns / 1e6, isCancelled);
  }

  #offerLook(timeline: Timeline, pages: number): void {
    this.#options.onStart?.(() => ({
      phase: this.#phase,
      figures: this.#words.figures(),
      pages,
      accesses: this.#finalAccesses ?? timeline.accesses(),
      elapsedNs: this.#clock.now(),
    }));
  }

  #startCrew(stage: Stage): Engines {
    const { vcpus } = this.#config.guest;
    const plan = lightPlan(stage.plan);
    const shared = { plan, clockOrigin: this.#origin, runWords: this.#words.buffer };
    for (const side of ['source', 'destination'] as const) {
      const guestSide = stage[side];
      for (let vcpu = 0; vcpu < vcpus; vcpu++) {
        const task = this.#pool.run('vcpu', { ...shared, guestSide, vcpu });
        void this.#crew.watch(`vCPU ${vcpu} of the ${side}`, this.#keepEnd(task, side, vcpu));
      }
    }
    const { link, migration } = this.#config;
    const network = this.#options.company?.network;
    const engine = {
      ...shared,
      link,
      migration,
      line: stage.line,
      ...(network ? { network } : {}),
    };
    const source = this.#pool.run('source', {
      ...engine,
      guestSide: stage.source,
      peerHandshake: stage.destination.handshake,
      outgoing: stage.forward,
      incoming: stage.backward,
    });
    const destination = this.#pool.run('destination', {
      ...engine,
      guestSide: stage.destination,
      peerHandshake: stage.source.handshake,
      outgoing: stage.backward,
      incoming: stage.forward,
    });
    return {
      source: this.#crew.watch('the source engine', source),
      destination: this.#crew.watch('the destination engine', destination, (error) => {
        // A death before the migration fails the run; later the source can go on with its guest.
        if (this.#phase === 'prepare') return false;
        this.#destinationDeath = error;
        closeRing(stage.backward);
        this.#guestSides?.source.doorbell.ring();
        return true;
      }),
    };
  }

  async #keepEnd(task: Promise<VcpuEnd>, side: 'source' | 'destination', vcpu: number) {
    this.#vcpuEnds[side][vcpu] = await task;
  }

  async #migrate(
    engines: Engines,
    guestSides: { source: GuestSide; destination: GuestSide },
    stage: Stage,
  ): Promise<Ends> {
    const { signal } = this.#options;
    const cancel = (): void => {
      this.#words.cancel();
      guestSides.source.doorbell.ring();
    };
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    this.#enter('migrate');
    this.#words.start();
    guestSides.source.doorbell.ring();
    guestSides.destination.doorbell.ring();
    const connection = new Connection(stage, guestSides, this.#clock, this.#config.link.outages);
    void connection.run();
    this.#options.onConnection?.(connection);
    try {
      const source = await this.#crew.result(engines.source);
      const destination = await this.#destinationEnd(engines, stage);
      return { source, ...(destination ? { destination } : {}) };
    } finally {
      connection.stop();
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Returns what the destination's engine ended with; it must end soon, as the source has ended already. */
  async #destinationEnd(engines: Engines, stage: Stage): Promise<Ends['destination']> {
    closeRing(stage.forward);
    this.#guestSides?.destination.doorbell.ring();
    let end: Ends['destination'];
    let isOver = false;
    const task = engines.destination.then((value) => void (end = value));
    void task.catch(() => undefined).finally(() => (isOver = true));
    await this.#crew.until(
      'the destination engine ends',
      () => isOver,
      ANSWER_MS + this.#slackMs(),
    );
    return end;
  }

  /** Returns how long the frames that are still under way may take to arrive. */
  #slackMs(): number {
    const { latencyNs, bytesPerSecond } = this.#config.link;
    return latencyNs / 1e6 + (3 * MAX_FRAME_BYTES * 1000) / bytesPerSecond;
  }

  async #park(guestSide: GuestSide): Promise<void> {
    guestSide.engine.pause();
    await this.#crew.until('the vCPUs pause', () => guestSide.engine.areAllParked(), ANSWER_MS);
  }

  async #prove(stage: Stage, ends: Ends): Promise<Proof | undefined> {
    const sides = this.#guestSides!;
    this.#options.beforeProof?.(ramsOf(sides.source), ramsOf(sides.destination));
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
    return proveRun(run, this.#pool, this.#clock).catch((cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new CrewError(`the proof was cut short: ${message}`, { cause });
    });
  }
}

function ramsOf({ memory }: GuestSide): Uint8Array[] {
  return memory.slots.map(({ ram }) => ram);
}
