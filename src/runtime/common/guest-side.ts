import type { GuestPlan } from '../../guest/stream-plan.ts';
import { createVcpuArea } from '../../guest/vcpu-state.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { LogReaders } from '../../memory/dirty-logs/log-readers.ts';
import type { DirtyLogKind, DirtyLogParts } from '../../memory/dirty-logs/dirty-log.ts';
import { createRings, type SharedRings } from '../../memory/dirty-logs/rings.ts';
import { type GuestMemory, openMemory } from '../../memory/guest-memory.ts';
import { EngineHandshake } from '../../memory/handshake/engine.ts';
import { createHandshake, DOORBELL, PAUSE } from '../../memory/handshake/words.ts';
import { createHints, type SharedHints } from '../../memory/hint-queues.ts';
import { createSlot, giveBackSlot, type SharedSlot } from '../../memory/memslot.ts';
import type { SlotGeometry } from '../../memory/layout.ts';

/** How a guest's writes are logged. */
export interface LogConfig {
  readonly kind: DirtyLogKind;
  /** Entries of each vCPU's ring, when the kind is `ring`. */
  readonly ringSize: number;
  /** Pages in a chunk that is cleared by hand; when it is absent, the harvest clears the marks. */
  readonly clearChunkPages?: number;
}

/** One side's guest in shared memory; all of its parts can be sent through a message port. */
export interface SharedGuestSide {
  readonly slots: readonly SharedSlot[];
  /** The number of writers: the host side and every vCPU. */
  readonly writers: number;
  readonly handshake: SharedArrayBuffer;
  readonly vcpuArea: SharedArrayBuffer;
  readonly log: LogConfig;
  readonly rings?: SharedRings;
  /** The queues of free-page hinting, if the guest hints its free pages. */
  readonly hints?: SharedHints;
}

/** Creates a guest's side with memory of its own. */
export function createGuestSide(
  geometries: readonly SlotGeometry[],
  plan: GuestPlan,
  log: LogConfig,
): SharedGuestSide {
  return guestSideOver(geometries.map(createSlot), plan, log);
}

/** Creates a guest's side over memslots that exist already. */
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
    ...(plan.manager?.hintBlockPages === undefined ? {} : { hints: createHints(plan.vcpus) }),
  };
}

/** Gives the slots of a side back to the pool that they came from; no thread may use the side from then on. */
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
  readonly hints?: SharedHints;
  /** Returns the engine's end of the dirty log, which the first call opens; only one thread may drive a log. */
  readonly logReaders: () => LogReaders;
}

/** Opens a guest's side in this thread, with the WASM kernels or their TypeScript twin. */
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
    ...(shared.hints ? { hints: shared.hints } : {}),
    logReaders: () =>
      (readers ??= new LogReaders(shared.log.kind, logParts(side), shared.log.clearChunkPages)),
  };
  return side;
}

/** Returns what an engine needs to open a dirty log over a guest. */
export function logParts({ memory, engine, rings }: GuestSide): DirtyLogParts {
  return { memory, handshake: engine, ...(rings ? { rings } : {}) };
}

/** Returns whether a side's vCPUs may run, which means that its engine has not asked them to pause. */
export function areVcpusRunning({ words }: GuestSide): boolean {
  return Atomics.load(words, PAUSE) === 0;
}
