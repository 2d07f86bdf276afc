import { type GuestPlan, planGuest, tableBytes } from '../../guest/stream-plan.ts';
import { writePlan } from '../../guest/stream-record.ts';
import { ringBytes } from '../../link/capacity.ts';
import { createRing, type SharedRing } from '../../link/ring.ts';
import { PAUSE } from '../../memory/handshake/words.ts';
import type { SlotGeometry } from '../../memory/layout.ts';
import { openSlot } from '../../memory/memslot.ts';
import type { RunConfig } from '../config.ts';
import { createHost, type SharedHost } from './host.ts';
import type { WorkerPool } from './pool.ts';
import { ranges } from './ranges.ts';

/** Everything that two sides share before a thread of them runs. */
export interface Stage {
  readonly plan: GuestPlan;
  readonly source: SharedHost;
  readonly destination: SharedHost;
  /** Frames from source to destination, and back. */
  readonly forward: SharedRing;
  readonly backward: SharedRing;
}

/** Threads that a run occupies: an engine and the vCPUs on either side. */
export function threadsOf(config: RunConfig): number {
  return 2 + 2 * config.guest.vcpus;
}

/** Shape of one side's memslot; the destination is shifted by a page, see memory/layout.ts. */
function geometryOf(config: RunConfig, plan: GuestPlan, skewPages: number): SlotGeometry {
  const { memoryBytes, pageSize, vcpus } = config.guest;
  return {
    pages: memoryBytes / pageSize,
    pageSize,
    writers: vcpus + 1,
    // A spare record a vCPU, for its warm-up.
    streams: plan.streams.length + vcpus,
    tableBytes: tableBytes(plan),
    skewPages,
  };
}

/**
 * Reserves both sides' memory, fills the source with its initial contents and touches every page of
 * both, so that no first touch is left for the migration. The vCPUs of both sides are to pause.
 */
export async function setStage(config: RunConfig, pool: WorkerPool): Promise<Stage> {
  const { guest, link, seed } = config;
  const plan = planGuest(guest.workloads, guest.vcpus, guest.pageSize, seed);
  const source = createHost(geometryOf(config, plan, 0), plan, guest.dirtyLog);
  const destination = createHost(geometryOf(config, plan, 1), plan, guest.dirtyLog);
  for (const host of [source, destination]) {
    writePlan(openSlot(host.slot), plan);
    Atomics.store(new Int32Array(host.handshake), PAUSE, 1);
  }
  const capacity = ringBytes(link.bytesPerSecond, link.latencyNs, guest.pageSize);
  if (capacity === undefined) throw new Error('the link has more under way than a ring holds');
  const { contents } = guest;
  await Promise.all(
    ranges(source.slot.geometry.pages, pool.threads).flatMap((range) => [
      pool.run('fill', { host: source, contents, seed, ...range }),
      pool.run('prefault', { host: destination, ...range }),
    ]),
  );
  return {
    plan,
    source,
    destination,
    forward: createRing(capacity),
    backward: createRing(4 * 1024 * 1024),
  };
}
