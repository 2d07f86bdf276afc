import { VirtualClock } from '../../clock/virtual.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import { noLink } from '../../link/no-link.ts';
import {
  DIRTY_RATE_LOGS,
  type DirtyRateMode,
  type DirtyRateOptions,
  type DirtyRateReport,
  measureDirtyRate,
} from '../../migration/dirty-rate.ts';
import { fillGuest } from '../common/fill.ts';
import { giveBackGuestSide, openGuestSide } from '../common/guest-side.ts';
import { SharedSourceGuest } from '../common/guests.ts';
import { createPlace } from '../common/stage.ts';
import { inlineRunner } from '../common/work.ts';
import type { RunConfig } from '../config.ts';
import { VirtualGuest } from './guest.ts';
import { VirtualSourceGuest } from './guests.ts';
import { Half } from './half.ts';

/**
 * Measures a scenario's dirty rate on a virtual clock, one measurement after the other, and calls `onMeasured` after
 * each. Each mode gets a new guest from the same seed, which runs for `startAfter` before the first measurement. The
 * same configuration gives the same figures, to the bit. Hashing pages takes no time there. Throws ContentsError when
 * the guest's contents can't be used.
 */
export async function runVirtualDirtyRate(
  config: RunConfig,
  measurements: readonly DirtyRateOptions[],
  onMeasured: (measured: DirtyRateReport) => void = () => undefined,
): Promise<DirtyRateReport[]> {
  const results: DirtyRateReport[] = [];
  for (const mode of new Set(measurements.map((one) => one.mode))) {
    const own = measurements.filter((one) => one.mode === mode);
    results.push(...(await measureMode(config, mode, own, onMeasured)));
  }
  return results;
}

async function measureMode(
  config: RunConfig,
  mode: DirtyRateMode,
  measurements: readonly DirtyRateOptions[],
  onMeasured: (measured: DirtyRateReport) => void,
): Promise<DirtyRateReport[]> {
  const { costs, migration, seed } = config;
  const shape = { ...config.guest, dirtyLog: DIRTY_RATE_LOGS[mode] };
  const { plan, geometries } = planMemory(shape, seed);
  const shared = createPlace(shape, plan, geometries(0));
  await fillGuest(inlineRunner, shared, shape.contents, seed, { prefault: false, isUsed: false });
  const clock = new VirtualClock();
  const guest = new VirtualGuest(plan, openGuestSide(shared), costs, clock);
  guest.start(0);
  const results: DirtyRateReport[] = [];
  const live = async (toNs: number): Promise<void> => {
    clock.moveTo(await guest.live(guest.livedNs, toNs, () => false));
  };
  await live(migration.startAfterNs);
  const { side, crew } = guest.place;
  const inner = new SharedSourceGuest(side, plan, clock);
  const source = new VirtualSourceGuest(inner, crew, clock, costs);
  for (const options of measurements) {
    source.live();
    const half = new Half(
      measureDirtyRate(source, clock, options, () => crew.accesses()),
      { clock, link: noLink, isGuestSettled: () => source.isSettled(), isCancelled: () => false },
    );
    half.begin();
    while (!half.isOver) {
      const atNs = half.nextNs(clock.now());
      await live(atNs);
      half.go(atNs);
    }
    onMeasured(half.result!);
    results.push(half.result!);
  }
  side.engine.stop();
  giveBackGuestSide(shared);
  return results;
}
