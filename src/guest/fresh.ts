import { ACCESS_READ_BIT, MARK_BYTE } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';

/**
 * Marks the writes of an access list in a writer's own map, a bit or a byte a page (with MARK_BYTE). Returns how many
 * pages were not marked before: these would be the write faults of a write-protected guest. Of a bitmap their gfns are
 * moved to the head of the list.
 */
export function markFresh(
  slot: Memslot,
  mark: number,
  list: number,
  count: number,
  map: number,
): number {
  if (mark !== MARK_BYTE) return slot.kernels.markFresh(list, count, map);
  const { words } = slot;
  const bytes = new Uint8Array(slot.buffer);
  let fresh = 0;
  for (let i = 0; i < count; i++) {
    const access = words[(list >>> 2) + i]!;
    if (access & ACCESS_READ_BIT || bytes[map + access] !== 0) continue;
    bytes[map + access] = 1;
    fresh++;
  }
  return fresh;
}

/**
 * Counts the write faults of a process (a workload on a vCPU), which has to wait after a limited number of them: that
 * is how rogue processes are stunned (Clark et al. 2005, section 5.4).
 */
export class FaultBudget {
  #faults = 0;

  /** Returns how many faults the process may still have. A `limit` of 0 is none, and the count begins anew. */
  left(limit: number): number {
    if (limit > 0) return Math.max(0, limit - this.#faults);
    this.#faults = 0;
    return Infinity;
  }

  /** Counts faults that the process has had. */
  had(faults: number): void {
    this.#faults += faults;
  }
}
