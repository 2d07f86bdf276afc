import type { GuestPlan } from '../../guest/stream-plan.ts';
import { createVcpuArea } from '../../guest/vcpu-state.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { LogReaders } from '../../memory/dirty-logs/log-readers.ts';
import type { DirtyLogKind, DirtyLogParts } from '../../memory/dirty-logs/dirty-log.ts';
import { createRings, type SharedRings } from '../../memory/dirty-logs/rings.ts';
import { type GuestMemory, openMemory } from '../../memory/guest-memory.ts';
import { EngineHandshake } from '../../memory/handshake/engine.ts';
import { createHandshake, DOORBELL, PAUSE } from '../../memory/handshake/words.ts';
import { createSlot, giveBackSlot, type SharedSlot } from '../../memory/memslot.ts';
import type { SlotGeometry } from '../../memory/layout.ts';

/** How a guest's writes are logged. */
export interface LogConfig {
  readonly kind: DirtyLogKind;
  readonly ringSize: number;
  readonly clearChunkPages?: number;
}

/** One side's guest in shared memory; all of it passes through a message port. */
export interface SharedGuestSide {
  readonly slots: readonly SharedSlot[];
  readonly writers: number;
  readonly handshake: SharedArrayBuffer;
  readonly vcpuArea: SharedArrayBuffer;
  readonly log: LogConfig;
  readonly rings?: SharedRings;
}

export function createGuestSide(
  geometries: readonly SlotGeometry[],
  plan: GuestPlan,
  log: LogConfig,
): SharedGuestSide {
  return guestSideOver(geometries.map(createSlot), plan, log);
}

/** A guest's side over memslots that are there already. */
export function guestSideOver(
  slots: readonly SharedSlot[],
  plan: GuestPlan,
  log: LogConfig,
): SharedGuestSide {
  const writers = plan.vcpus + 1;
  return {
    slots,
    writers,
    handshake: createHandshake(writers),
    vcpuArea: createVcpuArea(plan),
    log,
    ...(log.kind === 'ring' ? { rings: createRings(plan.vcpus, log.ringSize) } : {}),
  };
}

/** Ends the use of a side whose slots are of the pool: no thread may look at it from now on. */
export function giveBackGuestSide({ slots }: SharedGuestSide): void {
  for (const slot of slots) giveBackSlot(slot);
}

/** A guest's side as one thread has opened it. */
export interface GuestSide {
  readonly memory: GuestMemory;
  readonly words: Int32Array;
  readonly area: Float64Array;
  readonly doorbell: Doorbell;
  readonly engine: EngineHandshake;
  readonly log: LogConfig;
  readonly rings?: SharedRings;
  /** The engine's end of the dirty log, opened when it is first asked for: one thread drives a log. */
  readonly logReaders: () => LogReaders;
}

export function openGuestSide(
  shared: SharedGuestSide,
  kernels: 'wasm' | 'twin' = 'wasm',
): GuestSide {
  const words = new Int32Array(shared.handshake);
  let readers: LogReaders | undefined;
  const side: GuestSide = {
    memory: openMemory(shared.slots, kernels),
    words,
    area: new Float64Array(shared.vcpuArea),
    doorbell: new Doorbell(words, DOORBELL),
    engine: new EngineHandshake(words, shared.writers),
    log: shared.log,
    ...(shared.rings ? { rings: shared.rings } : {}),
    logReaders: () =>
      (readers ??= new LogReaders(shared.log.kind, logParts(side), shared.log.clearChunkPages)),
  };
  return side;
}

/** What an engine needs to open a dirty log over a guest. */
export function logParts({ memory, engine, rings }: GuestSide): DirtyLogParts {
  return { memory, handshake: engine, ...(rings ? { rings } : {}) };
}

/** Whether a side's vCPUs are to run, as far as its engine has said. */
export function areVcpusRunning({ words }: GuestSide): boolean {
  return Atomics.load(words, PAUSE) === 0;
}
