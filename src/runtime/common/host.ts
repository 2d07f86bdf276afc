import type { GuestPlan } from '../../guest/stream-plan.ts';
import { createVcpuArea } from '../../guest/vcpu-state.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import type { DirtyLogKind, DirtyLogParts } from '../../memory/dirty-logs/dirty-log.ts';
import { createRings, type SharedRings } from '../../memory/dirty-logs/rings.ts';
import { type GuestMemory, openMemory } from '../../memory/guest-memory.ts';
import { EngineHandshake } from '../../memory/handshake/engine.ts';
import { createHandshake, DOORBELL } from '../../memory/handshake/words.ts';
import { createSlot, type SharedSlot } from '../../memory/memslot.ts';
import type { SlotGeometry } from '../../memory/layout.ts';

/** How a host's writes are logged. */
export interface LogConfig {
  readonly kind: DirtyLogKind;
  readonly ringSize: number;
  readonly clearChunkPages?: number;
}

/** One side's guest in shared memory; all of it passes through a message port. */
export interface SharedHost {
  readonly slots: readonly SharedSlot[];
  readonly writers: number;
  readonly handshake: SharedArrayBuffer;
  readonly vcpuArea: SharedArrayBuffer;
  readonly log: LogConfig;
  readonly rings?: SharedRings;
}

export function createHost(
  geometries: readonly SlotGeometry[],
  plan: GuestPlan,
  log: LogConfig,
): SharedHost {
  return hostOver(geometries.map(createSlot), plan, log);
}

/** A host over memslots that are there already. */
export function hostOver(
  slots: readonly SharedSlot[],
  plan: GuestPlan,
  log: LogConfig,
): SharedHost {
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

/** A host as one thread has opened it. */
export interface Host {
  readonly memory: GuestMemory;
  readonly words: Int32Array;
  readonly area: Float64Array;
  readonly doorbell: Doorbell;
  readonly engine: EngineHandshake;
  readonly log: LogConfig;
  readonly rings?: SharedRings;
}

export function openHost(shared: SharedHost, kernels: 'wasm' | 'twin' = 'wasm'): Host {
  const words = new Int32Array(shared.handshake);
  return {
    memory: openMemory(shared.slots, kernels),
    words,
    area: new Float64Array(shared.vcpuArea),
    doorbell: new Doorbell(words, DOORBELL),
    engine: new EngineHandshake(words, shared.writers),
    log: shared.log,
    ...(shared.rings ? { rings: shared.rings } : {}),
  };
}

/** What an engine needs to open a host's dirty log. */
export function logParts({ memory, engine, rings }: Host): DirtyLogParts {
  return { memory, handshake: engine, ...(rings ? { rings } : {}) };
}
