import { PAGE_FREE, PAGE_USED } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import { pageStates } from '../memory/page-states.ts';
import type { PageRange } from './manager-config.ts';
import type { GuestPlan } from './stream-plan.ts';

/** Pages of one slot that may be free: all but those in use throughout. */
export interface ManagedRange {
  readonly slot: number;
  /** Within the slot. */
  readonly first: number;
  readonly pages: number;
  /** The one stream that touches them; -1: none does. */
  readonly stream: number;
  /** The vCPU that manages them: the stream's, else vCPU 0. */
  readonly owner: number;
  readonly isCache: boolean;
}

type Slots = readonly Pick<Memslot, 'layout'>[];

/** Cuts a guest's memory where what it is used for changes. Each page has at most one stream. */
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

/** The states of a guest that has just been started: what no process has touched yet is free. */
export function writeStates(slot: Memslot, plan: GuestPlan): void {
  if (!plan.manager) return;
  const states = pageStates(slot);
  states.fill(PAGE_USED);
  for (const { slot: index, first, pages, isCache } of managedRanges(plan, [slot])) {
    if (index === slot.layout.index && !isCache) states.fill(PAGE_FREE, first, first + pages);
  }
}
