import { planMemory } from '../../guest/memory-plan.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import { writePlan } from '../../guest/stream-record.ts';
import { ringBytes } from '../../link/capacity.ts';
import { createLine, type SharedLine } from '../../link/line.ts';
import { createRing, giveBackRing, type SharedRing } from '../../link/ring.ts';
import { PAUSE } from '../../memory/handshake/words.ts';
import { openMemory } from '../../memory/guest-memory.ts';
import type { SlotGeometry } from '../../memory/layout.ts';
import { takeSlot } from '../../memory/memslot.ts';
import type { RunConfig } from '../config.ts';
import { fillGuest } from './fill.ts';
import {
  giveBackGuestSide,
  guestSideOver,
  type LogConfig,
  type SharedGuestSide,
} from './guest-side.ts';
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
 * Takes a guest's memory on one side from the pool, with what its streams need there; its vCPUs are to
 * pause. Its RAM holds anything until it is filled. Places between which a guest moves differ by a page in
 * where its RAM begins (memory/layout.ts).
 */
export function createPlace(
  guest: RunConfig['guest'],
  plan: FullPlan,
  geometries: readonly SlotGeometry[],
): SharedGuestSide {
  const slots = geometries.map((geometry) => takeSlot(geometry));
  const side = guestSideOver(slots, plan, logConfigOf(guest));
  for (const slot of openMemory(side.slots).slots) writePlan(slot, plan);
  Atomics.store(new Int32Array(side.handshake), PAUSE, 1);
  return side;
}

/**
 * The rings of a connection, of the pool; `isTimed`: they are touched before, as a first touch takes real
 * time.
 */
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
 * Takes both sides' memory from the pool, fills the source with its initial contents and the
 * destination with a pattern. In real time every page of both is touched, so that no first touch is left
 * for the migration; on a virtual clock, where a touch takes no time, what is zero anyway is not.
 */
export async function setStage(config: RunConfig, pool: WorkRunner): Promise<Stage> {
  const { guest, link, seed } = config;
  const { plan, geometries } = planMemory(guest, seed);
  const source = createPlace(guest, plan, geometries(0));
  const destination = createPlace(guest, plan, geometries(1));
  const isTimed = config.runtime === 'threads';
  const transfer = createTransfer(link, guest.pageSize, isTimed);
  await Promise.all(
    pageRanges(destination, pool.threads).map((range) =>
      pool.run('prefault', { guestSide: destination, ...range }),
    ),
  );
  await fillGuest(pool, source, guest.contents, seed, { prefault: isTimed, isUsed: false });
  return { plan, source, destination, ...transfer };
}

/** Ends the use of a connection: no thread and no link may look at it from now on. */
export function giveBackTransfer({ forward, backward }: Transfer): void {
  for (const ring of [backward, forward]) giveBackRing(ring);
}

/**
 * Gives a stage's memory back to the pool, once no thread, link or view looks at it any more. A run
 * that throws must not: a thread may still be at work on it.
 */
export function giveBackStage(stage: Stage): void {
  giveBackTransfer(stage);
  // What was given back last is taken first: a source whose zeros nobody has touched stays a source.
  for (const guestSide of [stage.destination, stage.source]) giveBackGuestSide(guestSide);
}
