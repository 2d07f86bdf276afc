import { monotonicClock, monotonicOrigin } from '../../clock/monotonic.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import { type FullPlan, lightPlan } from '../../guest/stream-plan.ts';
import { writePlan } from '../../guest/stream-record.ts';
import { openMemory } from '../../memory/guest-memory.ts';
import { PAUSE } from '../../memory/handshake/words.ts';
import { takeSlot } from '../../memory/memslot.ts';
import {
  DIRTY_RATE_LOGS,
  type DirtyRateMode,
  type DirtyRateOptions,
  type DirtyRateReport,
} from '../../migration/dirty-rate.ts';
import type { RunConfig } from '../config.ts';
import { Crew } from './crew.ts';
import { fillGuest } from '../common/fill.ts';
import {
  giveBackGuestSide,
  guestSideOver,
  openGuestSide,
  type SharedGuestSide,
} from '../common/guest-side.ts';
import { WorkerPool } from './pool.ts';
import { RunWords } from './run-words.ts';
import { logConfigOf } from '../common/stage.ts';

/** A measurement occupies a thread for each vCPU and one for the engine. */
const threadsOf = (config: RunConfig): number => config.guest.vcpus + 1;

/**
 * Measures a scenario's dirty rate, one measurement after the other, and calls `onMeasured` after each. Each mode
 * gets a new guest from the same seed, which runs for `startAfter` before the first measurement. Throws CrewError
 * when a thread dies, and ContentsError when the guest's contents can't be used.
 */
export async function runDirtyRate(
  config: RunConfig,
  measurements: readonly DirtyRateOptions[],
  onMeasured: (measured: DirtyRateReport) => void = () => undefined,
): Promise<DirtyRateReport[]> {
  const pool = new WorkerPool(threadsOf(config));
  try {
    const results: DirtyRateReport[] = [];
    for (const mode of new Set(measurements.map((one) => one.mode))) {
      const own = measurements.filter((one) => one.mode === mode);
      results.push(...(await measureMode(config, mode, own, pool, onMeasured)));
    }
    return results;
  } finally {
    await pool.destroy();
  }
}

async function measureMode(
  config: RunConfig,
  mode: DirtyRateMode,
  measurements: readonly DirtyRateOptions[],
  pool: WorkerPool,
  onMeasured: (measured: DirtyRateReport) => void,
): Promise<DirtyRateReport[]> {
  const guest = { ...config.guest, dirtyLog: DIRTY_RATE_LOGS[mode] };
  const { plan, geometries } = planMemory(guest, config.seed);
  const shared = guestSideOver(
    geometries(0).map((geometry) => takeSlot(geometry)),
    plan,
    logConfigOf(guest),
  );
  for (const slot of openMemory(shared.slots).slots) writePlan(slot, plan);
  Atomics.store(new Int32Array(shared.handshake), PAUSE, 1);
  await fillGuest(pool, shared, guest.contents, config.seed, { prefault: true, isUsed: false });
  const running = new RunningGuest(shared, plan, pool);
  const measured = await running.measure(config, measurements, onMeasured);
  if (running.haveAllLeft) giveBackGuestSide(shared);
  return measured;
}

/** A guest whose vCPUs run on threads, without a migration. */
class RunningGuest {
  readonly #shared: SharedGuestSide;
  readonly #plan: FullPlan;
  readonly #pool: WorkerPool;
  readonly #origin = monotonicOrigin();
  readonly #clock = monotonicClock(this.#origin);
  readonly #words = new RunWords();
  readonly #crew = new Crew(() => this.#clock.now() / 1e6);
  /** Whether all threads have ended, so that the guest's memory can be used again. */
  haveAllLeft = false;

  constructor(shared: SharedGuestSide, plan: FullPlan, pool: WorkerPool) {
    this.#shared = shared;
    this.#plan = plan;
    this.#pool = pool;
  }

  async measure(
    config: RunConfig,
    measurements: readonly DirtyRateOptions[],
    onMeasured: (measured: DirtyRateReport) => void,
  ): Promise<DirtyRateReport[]> {
    const guestSide = openGuestSide(this.#shared);
    const task = {
      guestSide: this.#shared,
      plan: lightPlan(this.#plan),
      clockOrigin: this.#origin,
      runWords: this.#words.buffer,
    };
    for (let vcpu = 0; vcpu < this.#plan.vcpus; vcpu++) {
      void this.#crew.watch(`vCPU ${vcpu}`, this.#pool.run('vcpu', { ...task, vcpu }));
    }
    try {
      const areReady = (): boolean => this.#words.ready === this.#plan.vcpus;
      await this.#crew.until('the vCPUs start', areReady, 60_000);
      guestSide.engine.resume();
      await this.#crew.pass(config.migration.startAfterNs / 1e6, () => false);
      const results: DirtyRateReport[] = [];
      for (const options of measurements) {
        const work = this.#pool.run('dirtyRate', { ...task, options });
        const measured = await this.#crew.result(this.#crew.watch('the engine', work));
        onMeasured(measured);
        results.push(measured);
      }
      return results;
    } finally {
      guestSide.engine.stop();
      this.haveAllLeft = await this.#crew.haveAllLeft(5000);
    }
  }
}
