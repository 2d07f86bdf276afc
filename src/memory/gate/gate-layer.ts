import type { Memslot } from '../memslot.ts';

/**
 * One of the mechanisms that may stop a vCPU's access to a page: demand faults are one, copy-on-write, page sharing
 * and host swap are others. Each page has one gate, a byte that says whether a vCPU may access the page as it is
 * (PAGE_* in kernels/abi.ts). While no layer is on, the handshake's word GATE is 0 and no vCPU reads the gates. Else
 * a vCPU counts, once a batch, how many of the next accesses no gate stops (the kernel `countPlain`). It makes those,
 * and hands the first one that is stopped to the layer that owns the bits of that gate.
 *
 * A layer sets bits while the writers are parked. A bit that is set while they run takes effect only when every writer
 * has acknowledged an epoch that was opened after it, since a writer may be making a batch whose gates it read before.
 */
export interface GateLayer {
  /** The bits of a gate that the layer resolves; no other layer of the vCPU owns any of them. */
  readonly bits: number;
  /**
   * Clears the way for an access to a page of a slot, before anything is read or written. `atNs` is the vCPU's time.
   * Returns the nanoseconds that this takes on a virtual clock (0 on a real one, where they have gone by already);
   * after them the vCPU reads the gate again. Returns WAITS when the access can't be made now. A layer that runs in a
   * thread blocks instead, and returns WAITS only when the vCPU was paused or stopped meanwhile. Two vCPUs may ask for
   * the same page at once: the layer must do once what has to be done once, and clear its bit only afterwards.
   */
  resolve(slot: Memslot, page: number, isWrite: boolean, atNs: number): number;
  /**
   * Returns, after WAITS on a virtual clock, the time at which the vCPU runs again, if that is known by `nowNs`;
   * Infinity while it is not. A layer that never returns WAITS there does without this method.
   */
  settle?(nowNs: number): number;
}

/** The result of `resolve` that says that the vCPU has to wait. */
export const WAITS = -1;
