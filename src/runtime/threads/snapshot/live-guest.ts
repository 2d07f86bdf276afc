import { monotonicClock, monotonicOrigin } from '../../../clock/monotonic.ts';
import { planMemory } from '../../../guest/memory-plan.ts';
import { type FullPlan, lightPlan } from '../../../guest/stream-plan.ts';
import type { VcpuEnd } from '../../../guest/vcpu.ts';
import { createPlace } from '../../common/stage.ts';
import { type GuestSide, openGuestSide, type SharedGuestSide } from '../../common/guest-side.ts';
import { Timeline } from '../../common/timeline.ts';
import type { RunConfig } from '../../config.ts';
import { Crew } from '../crew.ts';
import type { WorkerPool } from '../pool.ts';
import { RunWords } from '../run-words.ts';

/** A vCPU polls every few microseconds, so one that takes this long hangs. */
const ANSWER_MS = 10_000;

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

  get config(): RunConfig {
    return this.#config;
  }
}
