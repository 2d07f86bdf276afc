import { PAGE_FREE, PAGE_USED } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import { pageStates } from '../memory/page-states.ts';
import type { PageRange } from './manager-config.ts';
import type { GuestPlan } from './stream-plan.ts';

/** A range of pages of one slot that the memory manager may free, so none that are in use throughout. */
export interface ManagedRange {
  readonly slot: number;
  /** The range's first page, counted in the slot. */
  readonly first: number;
  readonly pages: number;
  /** The index of the one stream that accesses the pages, -1 when none does. */
  readonly stream: number;
  /** The vCPU that manages the pages: that of the stream, else vCPU 0. */
  readonly owner: number;
  /** Whether the pages are page cache. */
  readonly isCache: boolean;
}

type Slots = readonly Pick<Memslot, 'layout'>[];

/**
 * Cuts a guest's memory into ranges at the pages where its use changes. Each page has at most one stream, since a guest
 * with a memory manager must not have more. A guest without one has no ranges.
 */
export function managedRanges(plan: GuestPlan, slots: Slots): ManagedRange[] {
  const { manager, streams } = plan;
  if (!manager) return [];
  return slots.flatMap(({ layout }) => {
    const { index, firstGfn, pages } = layout;
    const inSlot = (range: PageRange): Span => ({
      from: Math.max(0, range.firstGfn - firstGfn),
      to: Math.min(pages, range.firstGfn + range.pages - firstGfn),
    });
    const fixed = [{ firstGfn: 0, pages: manager.kernelPages }, ...manager.used].map(inSlot);
    const cache = manager.cache.map(inSlot);
    const owned = streams.flatMap((stream, number) =>
      stream.slot === index
        ? [{ from: stream.firstGfn, to: stream.firstGfn + stream.pages, number }]
        : [],
    );
    const all = [...fixed, ...cache, ...owned].filter(({ from, to }) => to > from);
    const cuts = [...new Set([0, pages, ...all.flatMap(({ from, to }) => [from, to])])];
    cuts.sort((a, b) => a - b);
    return cuts.slice(0, -1).flatMap((first, i): ManagedRange[] => {
      if (fixed.some(covers(first))) return [];
      const stream = owned.find(covers(first))?.number ?? -1;
      const owner = stream < 0 ? 0 : streams[stream]!.vcpu;
      const isCache = cache.some(covers(first));
      return [{ slot: index, first, pages: cuts[i + 1]! - first, stream, owner, isCache }];
    });
  });
}

interface Span {
  readonly from: number;
  readonly to: number;
}

const covers =
  (page: number) =>
  ({ from, to }: Span): boolean =>
    page >= from && page < to;

/** Writes the page states of a guest that has just started: all that is neither in use throughout nor cache is free. */
export function writeStates(slot: Memslot, plan: GuestPlan): void {
  if (!plan.manager) return;
  const states = pageStates(slot);
  states.fill(PAGE_USED);
  for (const { slot: index, first, pages, isCache } of managedRanges(plan, [slot])) {
    if (index === slot.layout.index && !isCache) states.fill(PAGE_FREE, first, first + pages);
  }
}
