import { planMemory } from '../../guest/memory-plan.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import { writePlan } from '../../guest/stream-record.ts';
import { ringBytes } from '../../link/capacity.ts';
import { createLine, type SharedLine } from '../../link/line.ts';
import { createRing, type SharedRing } from '../../link/ring.ts';
import { PAUSE } from '../../memory/handshake/words.ts';
import { openMemory } from '../../memory/guest-memory.ts';
import type { SlotGeometry } from '../../memory/layout.ts';
import type { RunConfig } from '../config.ts';
import { fillGuest } from './fill.ts';
import { createGuestSide, type LogConfig, type SharedGuestSide } from './guest-side.ts';
import type { WorkRunner } from './work.ts';
import { pageRanges } from './ranges.ts';

/** The connection of a migration's two sides. */
export interface Transfer {
  /** Frames from source to destination, and back. */
  readonly forward: SharedRing;
  readonly backward: SharedRing;
  /** Whether the two rings are a connection. */
  readonly line: SharedLine;
}

/** Everything that two sides share before a thread of them runs. */
export interface Stage extends Transfer {
  readonly plan: FullPlan;
  readonly source: SharedGuestSide;
  readonly destination: SharedGuestSide;
}

export function logConfigOf(guest: RunConfig['guest']): LogConfig {
  const { dirtyLog: kind, dirtyRingSize: ringSize, clearChunkPages } = guest;
  return { kind, ringSize, ...(clearChunkPages === undefined ? {} : { clearChunkPages }) };
}

/**
 * Reserves a guest's memory on one side, with what its streams need there; its vCPUs are to pause. Places
 * between which it moves differ by a page in where its RAM begins (memory/layout.ts).
 */
export function createPlace(
  guest: RunConfig['guest'],
  plan: FullPlan,
  geometries: readonly SlotGeometry[],
): SharedGuestSide {
  const side = createGuestSide(geometries, plan, logConfigOf(guest));
  for (const slot of openMemory(side.slots).slots) writePlan(slot, plan);
  Atomics.store(new Int32Array(side.handshake), PAUSE, 1);
  return side;
}

/** The rings of a connection; `isTimed`: they are touched before, as a first touch takes real time. */
export function createTransfer(
  { bytesPerSecond, latencyNs }: RunConfig['link'],
  pageSize: number,
  isTimed: boolean,
): Transfer {
  const capacity = ringBytes(bytesPerSecond, latencyNs, pageSize, !isTimed);
  if (capacity === undefined) throw new Error('the link has more under way than a ring holds');
  return {
    forward: createRing(capacity, isTimed),
    backward: createRing(4 * 1024 * 1024, isTimed),
    line: createLine(),
  };
}

/**
 * Reserves both sides' memory, fills the source with its initial contents and touches every page of
 * both, so that no first touch is left for the migration.
 */
export async function setStage(config: RunConfig, pool: WorkRunner): Promise<Stage> {
  const { guest, link, seed } = config;
  const { plan, geometries } = planMemory(guest, seed);
  const source = createPlace(guest, plan, geometries(0));
  const destination = createPlace(guest, plan, geometries(1));
  // On a virtual clock a first touch takes no time.
  const transfer = createTransfer(link, guest.pageSize, config.runtime === 'threads');
  await Promise.all(
    pageRanges(destination, pool.threads).map((range) =>
      pool.run('prefault', { guestSide: destination, ...range }),
    ),
  );
  await fillGuest(pool, source, guest.contents, seed);
  return { plan, source, destination, ...transfer };
}
