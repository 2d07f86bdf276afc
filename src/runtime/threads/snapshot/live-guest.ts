import { monotonicClock, monotonicOrigin } from '../../../clock/monotonic.ts';
import { planMemory } from '../../../guest/memory-plan.ts';
import { type FullPlan, lightPlan } from '../../../guest/stream-plan.ts';
import type { VcpuEnd } from '../../../guest/vcpu.ts';
import { createPlace } from '../../common/stage.ts';
import { type GuestSide, openGuestSide, type SharedGuestSide } from '../../common/guest-side.ts';
import type { SnapshotProofParts } from '../../common/snapshot/prove-snapshot.ts';
import { Timeline } from '../../common/timeline.ts';
import type { RunConfig } from '../../config.ts';
import { Crew } from '../crew.ts';
import type { WorkerPool } from '../pool.ts';
import { RunWords } from '../run-words.ts';

/** A vCPU polls every few microseconds, so one that takes this long hangs. */
const ANSWER_MS = 10_000;
/** How often the figures of the engine are looked at. */
const WATCH_MS = 100;

/** A guest of a save or a restore, whose vCPUs are threads. The methods are called in the order in which they stand here. */
export class LiveGuest {
  readonly plan: FullPlan;
  readonly geometries: ReturnType<typeof planMemory>['geometries'];
  readonly shared: SharedGuestSide;
  readonly side: GuestSide;
  readonly clockOrigin = monotonicOrigin();
  readonly clock = monotonicClock(this.clockOrigin);
  readonly words = new RunWords();
  readonly crew = new Crew(() => this.clock.now() / 1e6);
  readonly timeline: Timeline;
  readonly #config: RunConfig;
  readonly #pool: WorkerPool;
  readonly #ends: VcpuEnd[] = [];

  constructor(config: RunConfig, pool: WorkerPool) {
    const { plan, geometries } = planMemory(config.guest, config.seed);
    this.#config = config;
    this.#pool = pool;
    this.plan = plan;
    this.geometries = geometries;
    this.shared = createPlace(config.guest, plan, geometries(0));
    this.side = openGuestSide(this.shared);
    this.timeline = new Timeline(this.clock, () => [this.side.memory], plan);
  }

  /** What the tasks of the guest's threads have in common. */
  get task() {
    return {
      guestSide: this.shared,
      plan: lightPlan(this.plan),
      clockOrigin: this.clockOrigin,
      runWords: this.words.buffer,
    };
  }

  /** Starts the threads of the vCPUs, which are parked, and waits until they are ready. */
  async launch(savesPages: boolean): Promise<void> {
    const { vcpus } = this.plan;
    for (let vcpu = 0; vcpu < vcpus; vcpu++) {
      const run = this.#pool.run('vcpu', { ...this.task, vcpu, savesPages });
      const kept = run.then((end) => void (this.#ends[vcpu] = end));
      void this.crew.watch(`vCPU ${vcpu}`, kept);
    }
    await this.crew.until('the vCPUs start', () => this.words.ready === vcpus, 60_000);
  }

  /** Lets the vCPUs run. */
  async start(): Promise<void> {
    this.side.engine.resume();
    await this.crew.until('the vCPUs run', () => this.side.engine.areAllRunning(), ANSWER_MS);
  }

  /**
   * Waits for the engine's thread to end with `work`, tells of its progress, and has it cancel once `signal` is aborted.
   * Throws CrewError.
   */
  async engine<Result>(
    work: Promise<Result>,
    signal: AbortSignal | undefined,
    onBytes: (doneBytes: number) => void,
  ): Promise<Result> {
    const cancel = (): void => {
      this.words.cancel();
      this.side.doorbell.ring();
    };
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    const { pages, pageSize } = this.side.memory;
    const watching = setInterval(() => {
      const { pagesLeft, ns } = this.words.figures();
      if (ns > 0) onBytes((pages - pagesLeft) * pageSize);
    }, WATCH_MS);
    try {
      return await this.crew.result(this.crew.watch('the engine', work));
    } finally {
      clearInterval(watching);
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Returns what the proofs of this guest work with. */
  proving(signal: AbortSignal | undefined): SnapshotProofParts {
    const { plan, geometries, clock } = this;
    return { config: this.#config, plan, geometries, runner: this.#pool, clock, signal };
  }

  /** Lets the guest live for so long, or until `signal` is aborted. */
  live(ns: number, signal: AbortSignal | undefined): Promise<void> {
    return this.crew.pass(ns / 1e6, () => signal?.aborted ?? false);
  }

  /** Parks the vCPUs for good. */
  async park(): Promise<void> {
    this.side.engine.pause();
    await this.crew.until('the vCPUs pause', () => this.side.engine.areAllParked(), ANSWER_MS);
    this.timeline.stop();
  }

  /** Ends all threads. Returns whether all have ended, so that the guest's memory may be used again. */
  async leave(): Promise<boolean> {
    this.timeline.stop();
    this.words.abort();
    this.side.engine.stop();
    this.side.doorbell.ring();
    return this.crew.haveAllLeft(5000);
  }

  /** The demand faults of the vCPUs, once they have left. */
  get faults(): VcpuEnd['faults'][] {
    return this.#ends.map(({ faults }) => faults);
  }
}
