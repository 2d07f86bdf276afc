import { ACCESS_BATCH } from '../memory/kernels/abi.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { accessListAt, streamAt } from '../memory/layout.ts';
import type { Memslot } from '../memory/memslot.ts';
import { type Deal, groupsOf } from './dealing.ts';
import { FaultBudget } from './fresh.ts';
import { Pacer, type PaceSpec } from './pacing.ts';
import type { GuestPlan } from './stream-plan.ts';
import { readAccesses } from './stream-record.ts';
import { paceAt } from './vcpu-state.ts';

/** A stream as its vCPU sees it. */
export interface Stream {
  /** The byte address of the stream's record in its slot. */
  readonly record: number;
  /** The stream's index in the plan. */
  readonly index: number;
  readonly slot: Memslot;
  /** The byte address of the vCPU's access list in that slot. */
  readonly list: number;
}

/** The streams that share a pace (dealing.ts), with what their vCPU needs to drive them. */
export interface Group {
  readonly pacer: Pacer;
  readonly streams: readonly Stream[];
  /** The most accesses between two polls. */
  readonly batch: number;
  readonly deal: Deal;
  /** Returns how many accesses the stream in a place of the group has made; it is the argument of `deal`. */
  readonly madeAt: (place: number) => number;
  readonly faults: FaultBudget;
}

export interface GroupsParts {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly memory: GuestMemory;
  readonly area: Float64Array;
}

/** The most bytes that a vCPU writes between two polls. */
export const POLL_BYTES = 65536;

/** Opens the groups of a vCPU's streams. A driver may replace their paces with `paceOf`. */
export function openGroups(
  { vcpu, plan, memory, area }: GroupsParts,
  writer: number,
  paceOf: (spec: PaceSpec) => PaceSpec = (spec) => spec,
): Group[] {
  return groupsOf(plan.streams, vcpu).map(({ streams, deal }) => {
    const leader = streams[0]!;
    const { workload, pace } = plan.streams[leader]!;
    const bytes = plan.workloads[workload]!.wordsPerPage * 8;
    const members = streams.map((index): Stream => {
      const slot = memory.slots[plan.streams[index]!.slot]!;
      const { layout } = slot;
      return { index, slot, record: streamAt(layout, index), list: accessListAt(layout, writer) };
    });
    return {
      deal,
      madeAt: (place) => accessesOf(members[place]!),
      faults: new FaultBudget(),
      pacer: new Pacer(paceOf(pace), area, paceAt(plan, vcpu, leader)),
      batch: Math.max(1, Math.min(ACCESS_BATCH, Math.floor(POLL_BYTES / Math.max(1, bytes)))),
      streams: members,
    };
  });
}

/**
 * Notes that the pages of an access list were referenced in the scan of guest time `guestNs`, if the guest scans
 * (every `scanNs`). Scans count from 1; 0 stands for a page that was never referenced.
 */
export function noteReferences(
  { slot, list }: Stream,
  count: number,
  guestNs: number,
  scanNs: number | undefined,
): void {
  if (scanNs === undefined) return;
  const epoch = 1 + Math.floor(guestNs / scanNs);
  slot.kernels.noteReferences(list, count, slot.layout.references, epoch);
}

/** Returns how many accesses a stream has made. */
export function accessesOf({ slot, index }: Stream): number {
  return readAccesses(slot, index);
}
