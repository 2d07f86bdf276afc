import { VirtualClock } from '../../clock/virtual.ts';
import type { DirtyHistory } from '../../migration/history.ts';
import { SharedSourceGuest } from '../common/guests.ts';
import { openGuestSide } from '../common/guest-side.ts';
import { giveBackStage, setStage } from '../common/stage.ts';
import { othersTurn } from '../common/others-turn.ts';
import { inlineRunner } from '../common/work.ts';
import type { RunConfig } from '../config.ts';
import { VirtualCrew } from './crew.ts';
import { TURN_NS } from './guest.ts';

export interface HistoryOptions {
  readonly stepNs: number;
  readonly steps: number;
  readonly signal?: AbortSignal;
  /** Called after each step with the number of steps so far. */
  readonly onStep?: (steps: number) => void;
}

/**
 * Runs a guest without a migration, and harvests its dirty bitmap at every step from the moment when a migration
 * would begin. The same configuration always gives the same history: that of the guest that migrates, apart from
 * what the migration itself does to it. Returns fewer steps when `signal` is aborted.
 */
export async function recordHistory(
  config: RunConfig,
  { stepNs, steps, signal, onStep }: HistoryOptions,
): Promise<DirtyHistory> {
  const { clearChunkPages: _, ...rest } = config.guest;
  // The contents of pages do not change which pages are written, so versions stand for them.
  const guest = {
    ...rest,
    backing: 'versions' as const,
    contents: [],
    dirtyLog: 'bitmap' as const,
  };
  const stage = await setStage({ ...config, runtime: 'virtual', guest }, inlineRunner);
  const guestSide = openGuestSide(stage.source);
  const clock = new VirtualClock();
  const crew = new VirtualCrew(guestSide, stage.plan, config.costs);
  const log = new SharedSourceGuest(guestSide, stage.plan, clock).openLog();
  guestSide.engine.resume();
  crew.poll(0);
  let nowNs = config.migration.startAfterNs;
  await live(0, nowNs);
  log.start();
  crew.poll(nowNs);
  const bitmaps: Uint32Array[] = [];
  for (let step = 0; step < steps; step++) {
    if (signal?.aborted === true) break;
    await live(nowNs, nowNs + stepNs);
    nowNs += stepNs;
    log.harvest();
    crew.poll(nowNs);
    log.collect();
    bitmaps.push(log.pages.bitmap());
    log.pages.clear();
    onStep?.(step + 1);
  }
  giveBackStage(stage);
  return { stepNs, pages: guestSide.memory.pages, bitmaps };

  /** Advances the guest in turns with the rest of the program, as a run does. */
  async function live(fromNs: number, toNs: number): Promise<void> {
    for (let atNs = fromNs; atNs < toNs;) {
      if (signal?.aborted === true) return;
      atNs = Math.min(toNs, atNs + TURN_NS);
      crew.advance(atNs);
      await othersTurn();
    }
  }
}
