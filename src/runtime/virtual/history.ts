import { VirtualClock } from '../../clock/virtual.ts';
import type { DirtyHistory } from '../../migration/history.ts';
import { HostSourceGuest } from '../common/guests.ts';
import { openHost } from '../common/host.ts';
import { setStage } from '../common/stage.ts';
import { inlineRunner } from '../common/work.ts';
import type { RunConfig } from '../config.ts';
import { VirtualCrew } from './crew.ts';

export interface HistoryOptions {
  readonly stepNs: number;
  readonly steps: number;
  readonly signal?: AbortSignal;
}

/**
 * Lets a guest live without a migration, from the moment that one would begin, and takes its dirty
 * bitmap at every step. The same configuration gives the same history, which is that of the guest
 * that migrates, but for what the migration itself does to it.
 */
export async function recordHistory(
  config: RunConfig,
  { stepNs, steps, signal }: HistoryOptions,
): Promise<DirtyHistory> {
  const { clearChunkPages: _, ...rest } = config.guest;
  // What pages hold makes no difference to which of them are written.
  const guest = {
    ...rest,
    backing: 'versions' as const,
    contents: [],
    dirtyLog: 'bitmap' as const,
  };
  const stage = await setStage({ ...config, runtime: 'virtual', guest }, inlineRunner);
  const host = openHost(stage.source);
  const clock = new VirtualClock();
  const crew = new VirtualCrew(host, stage.plan, config.costs);
  const { dirtyLog, unsent } = new HostSourceGuest(host, stage.plan, clock);
  host.engine.resume();
  crew.poll(0);
  let nowNs = config.migration.startAfterNs;
  crew.advance(nowNs);
  dirtyLog.start();
  crew.poll(nowNs);
  const bitmaps: Uint32Array[] = [];
  for (let step = 0; step < steps; step++) {
    if (signal?.aborted === true) break;
    nowNs += stepNs;
    crew.advance(nowNs);
    dirtyLog.harvest();
    crew.poll(nowNs);
    dirtyLog.collect(unsent);
    bitmaps.push(unsent.bitmap());
    unsent.clear();
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  return { stepNs, pages: host.memory.pages, bitmaps };
}
