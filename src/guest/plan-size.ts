import type { Workload } from './workload.ts';
import type { SlotRange } from './workload-parts.ts';

/** How large the plan of a guest's streams will be. */
export interface PlanSize {
  readonly streams: number;
  /** The 32-bit entries of all tables: alias tables, orders of visits, and the lists and starts of traces. */
  readonly entries: number;
}

/** Alias tables have two entries for each page. */
const ALIAS_ENTRIES = 2;

/** Returns how large the plan of a guest's streams over `slots` will be, without making any part of it. */
export function planSizeOf(
  workloads: readonly Workload[],
  vcpus: number,
  slots: readonly SlotRange[],
): PlanSize {
  let streams = 0;
  let entries = 0;
  // Zipf workloads over the same pages share their tables (stream-plan.ts).
  const shared = new Set<string>();
  for (const workload of workloads) {
    const { pattern, firstGfn, pages } = workload;
    const parts = partsIn(workload, slots);
    const members = (workload.vcpu === undefined ? vcpus : 1) * parts;
    streams += members;
    if (pattern.kind === 'quicksort') entries += pages;
    if (pattern.kind === 'trace') {
      const { intervals } = pattern.intervals;
      entries += members * (intervals.length + 1);
      for (const list of intervals) entries += list.length;
    }
    if (pattern.kind === 'dirty-vector') entries += ALIAS_ENTRIES * pages;
    if (pattern.kind !== 'zipf') continue;
    const key = `${firstGfn} ${pages} ${pattern.theta}`;
    if (!shared.has(key)) entries += ALIAS_ENTRIES * pages;
    shared.add(key);
  }
  return { streams, entries };
}

/** Returns how many slots a workload's region touches. */
function partsIn({ firstGfn, pages }: Workload, slots: readonly SlotRange[]): number {
  return slots.reduce((sum, slot) => {
    const isTouched = firstGfn < slot.firstGfn + slot.pages && slot.firstGfn < firstGfn + pages;
    return sum + (isTouched ? 1 : 0);
  }, 0);
}
