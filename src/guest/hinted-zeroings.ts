import type { GuestMemory } from '../memory/guest-memory.ts';
import { PAGE_HINTED } from '../memory/kernels/abi.ts';
import { pageStates } from '../memory/page-states.ts';
import { managedRanges } from './managed-ranges.ts';
import type { GuestPlan } from './stream-plan.ts';
import type { VcpuState } from './vcpu-state.ts';
import type { ZeroLog } from './zeroing.ts';

/**
 * Returns the zeroings of the pages that a guest held as hinted when it was paused to be moved, at the numbers of
 * accesses that `paused` gives. Which pages these are is read from the states that the guest's vCPUs have written at the
 * source, and from nothing that the migration has sent or kept: a page that was accessed after its hint is not among
 * them, so that none of its bytes may be missing.
 */
export function hintedZeroings(
  plan: GuestPlan,
  { slots }: GuestMemory,
  paused: readonly VcpuState[] = [],
): ZeroLog {
  const n = new Map(paused.flatMap(({ streams }) => streams.map((s) => [s.stream, s.n] as const)));
  const log: number[] = [];
  for (const { slot, first, pages, stream } of managedRanges(plan, slots)) {
    const states = pageStates(slots[slot]!);
    for (let page = first; page < first + pages; page++) {
      if (states[page] === PAGE_HINTED) log.push(stream, n.get(stream) ?? 0, slot, page, 1);
    }
  }
  return log;
}
