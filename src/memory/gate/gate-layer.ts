import type { Memslot } from '../memslot.ts';

/**
 * A page has one gate: a byte that says whether a vCPU may touch it as it is (kernels/abi.ts). While no
 * layer is on, the handshake's word GATE is 0 and nobody looks. Else a vCPU looks once a batch how many
 * leading accesses are plain (the kernel `countPlain`), makes those, and hands the first that is not
 * to the layer that owns what the byte says. Demand faults are such a layer; copy-on-write, page sharing
 * and host swap are others.
 *
 * A layer puts marks on pages while the writers are parked; a mark put while they run counts once every
 * writer has acknowledged an epoch that was bumped after it, since a writer may be making a batch that it
 * looked at before.
 */
export interface GateLayer {
  /** The bits of a gate byte that the layer resolves; no other layer of a vCPU has one of them. */
  readonly bits: number;
  /**
   * Makes the way free for an access to a page of a slot, before anything is read or written. `atNs` is
   * the vCPU's clock. Returns the nanoseconds that it takes on a clock that somebody has to move (0 on a
   * real one, where they have gone by), after which the vCPU looks again; or WAITS: the access can't be
   * made now. A layer that runs in a thread blocks instead, and answers WAITS only when the vCPU was
   * paused or stopped meanwhile. Two vCPUs may be handed the same page at once: the layer sees to it
   * that what has to happen once happens once, and takes its bit off only after it has happened.
   */
  resolve(slot: Memslot, page: number, isWrite: boolean, atNs: number): number;
  /**
   * Of a layer that has answered WAITS on a virtual clock: from when on the vCPU runs again, if that is
   * known by `nowNs`; Infinity while it is not.
   */
  settle?(nowNs: number): number;
}

export const WAITS = -1;
