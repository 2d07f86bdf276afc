import type { GuestMemory } from '../memory/guest-memory.ts';
import type { GuestPlan } from './stream-plan.ts';

/**
 * Returns the gfns of all pages in the order of their allocation: first the pages that no workload accesses, then those
 * of the workloads by turns, as if all processes had begun together and allocated their pages one by one.
 */
export function allocationOrder({ streams }: GuestPlan, memory: GuestMemory): Uint32Array {
  const order = new Uint32Array(memory.pages);
  const isListed = new Uint8Array(memory.pages);
  const regions = streams.map(({ slot, firstGfn, pages }) => ({
    first: memory.slots[slot]!.layout.firstGfn + firstGfn,
    pages,
  }));
  for (const { first, pages } of regions) isListed.fill(1, first, first + pages);
  let at = 0;
  for (let gfn = 0; gfn < memory.pages; gfn++) if (isListed[gfn] === 0) order[at++] = gfn;
  const longest = regions.reduce((most, { pages }) => Math.max(most, pages), 0);
  for (let offset = 0; offset < longest; offset++) {
    for (const { first, pages } of regions) {
      if (offset >= pages || isListed[first + offset] !== 1) continue;
      isListed[first + offset] = 2;
      order[at++] = first + offset;
    }
  }
  return order;
}

/**
 * Returns the gfns of all pages, the most recently referenced ones first, as the guest's own scans saw them (Hines et
 * al., OSR 2009, section 3.5). Pages of one scan come in the order of their allocation. The guest's slots must keep
 * references.
 */
export function lruOrder(plan: GuestPlan, memory: GuestMemory): Uint32Array {
  const base = allocationOrder(plan, memory);
  const epochs = new Uint32Array(memory.pages);
  for (const { buffer, layout } of memory.slots) {
    epochs.set(new Uint32Array(buffer, layout.references, layout.pages), layout.firstGfn);
  }
  const scans = [...new Set(epochs)].toSorted((a, b) => b - a);
  const starts = new Map<number, number>();
  const counts = new Map<number, number>();
  for (const epoch of epochs) counts.set(epoch, (counts.get(epoch) ?? 0) + 1);
  let start = 0;
  for (const epoch of scans) {
    starts.set(epoch, start);
    start += counts.get(epoch)!;
  }
  const order = new Uint32Array(memory.pages);
  for (const gfn of base) {
    const epoch = epochs[gfn]!;
    const at = starts.get(epoch)!;
    order[at] = gfn;
    starts.set(epoch, at + 1);
  }
  return order;
}
