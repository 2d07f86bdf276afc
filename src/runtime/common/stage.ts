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
import { fillGuest, prefaultGuest } from './fill.ts';
import {
  giveBackGuestSide,
  guestSideOver,
  type LogConfig,
  type SharedGuestSide,
} from './guest-side.ts';
import type { PieceOptions } from './pieces.ts';
import type { WorkRunner } from './work.ts';

/** The connection of a migration's two sides in shared memory. */
export interface Transfer {
  /** This ring carries frames from the source to the destination. */
  readonly forward: SharedRing;
  /** This ring carries frames from the destination to the source. */
  readonly backward: SharedRing;
  /** Each of these rings carries the pages of a channel to the destination; there are none without channels. */
  readonly channels: readonly SharedRing[];
  /** The shared words that say whether the connection stands or is lost. */
  readonly line: SharedLine;
}

/** Everything that the two sides of a migration share, ready before any thread of theirs runs. */
export interface Stage extends Transfer {
  readonly plan: FullPlan;
  readonly source: SharedGuestSide;
  readonly destination: SharedGuestSide;
}

/** Returns how a guest's writes are logged, as its configuration says. */
export function logConfigOf(guest: RunConfig['guest']): LogConfig {
  const { dirtyLog: kind, dirtyRingSize: ringSize, clearChunkPages } = guest;
  return { kind, ringSize, ...(clearChunkPages === undefined ? {} : { clearChunkPages }) };
}

/**
 * Takes the memory of one side of a guest from the pool, and writes its streams' records there; its vCPUs are
 * asked to pause. The RAM may hold any bytes until it is filled. The RAM of the source and that of the destination
 * begin at offsets that differ by a page (memory/layout.ts says why).
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
 * Takes the rings of a connection from the pool. With `isTimed` all of their memory is touched at once, so that no
 * first touch slows a run in real time down. `channels` is the number of channels beside the main one. Throws an Error when the link has more bytes under way than fit a ring.
 */
export function createTransfer(
  { bytesPerSecond, latencyNs, sendBufferBytes = 0 }: RunConfig['link'],
  pageSize: number,
  isTimed: boolean,
  channels = 0,
): Transfer {
  const capacity = ringBytes(
    bytesPerSecond,
    latencyNs + (sendBufferBytes / bytesPerSecond) * 1e9,
    pageSize,
    !isTimed,
  );
  if (capacity === undefined) {
    throw new Error('the link has more bytes under way than a ring holds');
  }
  return {
    forward: createRing(capacity, isTimed),
    backward: createRing(4 * 1024 * 1024, isTimed),
    channels: Array.from({ length: channels }, () => createRing(capacity, isTimed)),
    line: createLine(),
  };
}

/**
 * Takes both sides' memory from the pool, fills the source with its initial contents, and the destination with a
 * pattern. In real time every page of both is touched, so that no first touch is left for the migration. On a
 * virtual clock a touch takes no time, so pages of the source that are zero already stay untouched.
 */
export async function setStage(
  config: RunConfig,
  pool: WorkRunner,
  options: PieceOptions = {},
): Promise<Stage> {
  const { guest, link, seed } = config;
  const { plan, geometries } = planMemory(guest, seed);
  const source = createPlace(guest, plan, geometries(0));
  const destination = createPlace(guest, plan, geometries(1));
  const isTimed = config.runtime === 'threads';
  const { channels } = config.migration;
  const transfer = createTransfer(link, guest.pageSize, isTimed, channels);
  await prefaultGuest(pool, destination, options);
  const fill = { prefault: isTimed, isUsed: false, ...options };
  await fillGuest(pool, source, guest.contents, seed, fill);
  return { plan, source, destination, ...transfer };
}

/** Gives a connection's rings back to the pool; no thread and no link may use them from then on. */
export function giveBackTransfer({ forward, backward, channels }: Transfer): void {
  for (const ring of [...channels, backward, forward]) giveBackRing(ring);
}

/**
 * Gives a stage's memory back to the pool. Call it only once no thread, link or view uses that memory; a run that
 * throws must not call it, because a thread may still be at work on the memory.
 */
export function giveBackStage(stage: Stage): void {
  giveBackTransfer(stage);
  // The pool hands out first what it got last, so a source's memory serves as a source again, with its zero pages.
  for (const guestSide of [stage.destination, stage.source]) giveBackGuestSide(guestSide);
}
