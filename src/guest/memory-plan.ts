import { type DirtyLogKind } from '../memory/dirty-logs/dirty-log.ts';
import { mapUnitOf } from '../memory/dirty-logs/open.ts';
import { splitPages } from '../memory/guest-memory.ts';
import {
  type Backing,
  MAX_SLOT_BYTES,
  slotLayout,
  type SlotGeometry,
  storedBytesOf,
} from '../memory/layout.ts';
import type { ManagerConfig } from './manager-config.ts';
import { type PlanSize, planSizeOf } from './plan-size.ts';
import { type FullPlan, planGuest, tableBytes } from './stream-plan.ts';
import type { Workload } from './workload.ts';

/** The properties of a guest on which the layout of its memory depends. */
export interface GuestShape {
  readonly memoryBytes: number;
  readonly pageSize: number;
  readonly vcpus: number;
  readonly dirtyLog: DirtyLogKind;
  readonly backing?: Backing;
  /** The least number of memslots; there are more when the guest does not fit into that many. */
  readonly memslots: number;
  readonly workloads: readonly Workload[];
  readonly memoryManager?: ManagerConfig;
  /** How often the guest scans which pages have been referenced; it never does when this is absent. */
  readonly lruScanNs?: number;
}

/** A guest's streams, and the memslots over which they are planned. */
export interface MemoryPlan {
  readonly plan: FullPlan;
  /** Returns the geometries of one side's memslots; those of the two sides differ only in the skew. */
  readonly geometries: (skewPages: number) => SlotGeometry[];
}

/** The search for a cut ends at so many slots. A guest of 8 GiB needs three; no tables of a workload need this many. */
const MOST_SLOTS = 4096;

/**
 * Cuts a guest's memory into memslots and plans its streams over them. There are as few slots as can hold the memory,
 * each together with its control area, whose size depends on the cut. `check` may throw for a plan that would be too
 * large, before it is made. Throws LanesError.
 */
export function planMemory(
  guest: GuestShape,
  seed: number,
  check: (size: PlanSize) => void = () => undefined,
): MemoryPlan {
  const pages = guest.memoryBytes / guest.pageSize;
  let slots = Math.max(
    guest.memslots,
    Math.ceil((pages * storedBytesOf(guest.backing, guest.pageSize)) / MAX_SLOT_BYTES),
  );
  for (;;) {
    check(planSizeOf(guest.workloads, guest.vcpus, splitPages(pages, slots)));
    const made = planSlots(guest, pages, slots, seed);
    const largest = Math.max(...made.geometries(1).map((g) => slotLayout(g).totalBytes));
    if (largest <= MAX_SLOT_BYTES || slots >= Math.min(pages, MOST_SLOTS)) return made;
    slots = Math.max(slots + 1, Math.floor((slots * largest) / MAX_SLOT_BYTES));
  }
}

function planSlots(guest: GuestShape, pages: number, slots: number, seed: number): MemoryPlan {
  const { pageSize, vcpus, dirtyLog, backing = 'bytes', memoryManager: manager } = guest;
  // Versions count writes and store no words, so no stream needs words of its own.
  const workloads =
    backing === 'versions'
      ? guest.workloads.map((workload) => ({ ...workload, wordsPerPage: 0 }))
      : guest.workloads;
  const ranges = splitPages(pages, slots);
  const plan = {
    ...planGuest(workloads, vcpus, ranges, pageSize, seed),
    ...(manager ? { manager } : {}),
    ...(guest.lruScanNs === undefined ? {} : { lruScanNs: guest.lruScanNs }),
  };
  return {
    plan,
    geometries: (skewPages) =>
      ranges.map((range, index) => ({
        ...range,
        index,
        pageSize,
        backing,
        writers: vcpus + 1,
        mapUnit: mapUnitOf(dirtyLog),
        hasStates: manager !== undefined,
        hasReferences: guest.lruScanNs !== undefined,
        // Each vCPU has one more record, for its warm-up.
        streams: plan.streams.length + vcpus,
        tableBytes: tableBytes(plan, index),
        skewPages,
      })),
  };
}
