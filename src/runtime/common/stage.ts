import { planMemory } from '../../guest/memory-plan.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import { writePlan } from '../../guest/stream-record.ts';
import { ringBytes } from '../../link/capacity.ts';
import { createLine, type SharedLine } from '../../link/line.ts';
import { createRing, type SharedRing } from '../../link/ring.ts';
import { PAUSE } from '../../memory/handshake/words.ts';
import { openMemory } from '../../memory/guest-memory.ts';
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
 * Reserves both sides' memory, fills the source with its initial contents and touches every page of
 * both, so that no first touch is left for the migration. The vCPUs of both sides are to pause. The
 * destination's memslots are shifted by a page, see memory/layout.ts.
 */
export async function setStage(config: RunConfig, pool: WorkRunner): Promise<Stage> {
  const { guest, link, seed } = config;
  const { plan, geometries } = planMemory(guest, seed);
  const log = logConfigOf(guest);
  const source = createGuestSide(geometries(0), plan, log);
  const destination = createGuestSide(geometries(1), plan, log);
  for (const guestSide of [source, destination]) {
    for (const slot of openMemory(guestSide.slots).slots) writePlan(slot, plan);
    Atomics.store(new Int32Array(guestSide.handshake), PAUSE, 1);
  }
  // On a virtual clock a first touch takes no time.
  const isTimed = config.runtime === 'threads';
  const capacity = ringBytes(link.bytesPerSecond, link.latencyNs, guest.pageSize, !isTimed);
  if (capacity === undefined) throw new Error('the link has more under way than a ring holds');
  await Promise.all(
    pageRanges(destination, pool.threads).map((range) =>
      pool.run('prefault', { guestSide: destination, ...range }),
    ),
  );
  await fillGuest(pool, source, guest.contents, seed);
  return {
    plan,
    source,
    destination,
    forward: createRing(capacity, isTimed),
    backward: createRing(4 * 1024 * 1024, isTimed),
    line: createLine(),
  };
}
