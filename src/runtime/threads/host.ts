import type { GuestPlan } from '../../guest/stream-plan.ts';
import { createVcpuArea } from '../../guest/vcpu-state.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import type { DirtyLogKind } from '../../memory/dirty-logs/dirty-log.ts';
import { EngineHandshake } from '../../memory/handshake/engine.ts';
import { createHandshake, DOORBELL } from '../../memory/handshake/words.ts';
import { createSlot, type Memslot, openSlot, type SharedSlot } from '../../memory/memslot.ts';
import type { SlotGeometry } from '../../memory/layout.ts';

/** One side's guest in shared memory; all of it passes through a message port. */
export interface SharedHost {
  readonly slot: SharedSlot;
  readonly handshake: SharedArrayBuffer;
  readonly vcpuArea: SharedArrayBuffer;
  readonly dirtyLog: DirtyLogKind;
}

export function createHost(
  geometry: SlotGeometry,
  plan: GuestPlan,
  dirtyLog: DirtyLogKind,
): SharedHost {
  return {
    slot: createSlot(geometry),
    handshake: createHandshake(geometry.writers),
    vcpuArea: createVcpuArea(plan),
    dirtyLog,
  };
}

/** A host as one thread has opened it. */
export interface Host {
  readonly slot: Memslot;
  readonly words: Int32Array;
  readonly area: Float64Array;
  readonly doorbell: Doorbell;
  readonly engine: EngineHandshake;
  readonly dirtyLog: DirtyLogKind;
}

export function openHost(shared: SharedHost, kernels: 'wasm' | 'twin' = 'wasm'): Host {
  const words = new Int32Array(shared.handshake);
  return {
    slot: openSlot(shared.slot, kernels),
    words,
    area: new Float64Array(shared.vcpuArea),
    doorbell: new Doorbell(words, DOORBELL),
    engine: new EngineHandshake(words, shared.slot.geometry.writers),
    dirtyLog: shared.dirtyLog,
  };
}
