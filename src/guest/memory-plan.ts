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
import { type FullPlan, planGuest, tableBytes } from './stream-plan.ts';
import type { Workload } from './workload.ts';

/** What of a guest decides how its memory is laid out. */
export interface GuestShape {
  readonly memoryBytes: number;
  readonly pageSize: number;
  readonly vcpus: number;
  readonly dirtyLog: DirtyLogKind;
  readonly backing?: Backing;
  /** Memslots at least; more when the guest does not fit into that many. */
  readonly memslots: number;
  readonly workloads: readonly Workload[];
  readonly memoryManager?: ManagerConfig;
  /** When each page was last referenced is kept. */
  readonly lruScanNs?: number;
}

export interface MemoryPlan {
  readonly plan: FullPlan;
  /** One side's memslots; both sides' are alike but for the skew. */
  readonly geometries: (skewPages: number) => SlotGeometry[];
}

/** A guest of 8 GiB needs three slots; nobody's tables need this many. */
const MOST_SLOTS = 4096;

/**
 * Cuts a guest's memory into as few memslots as hold it (each with its control area, whose size
 * depends on the cut) and plans its streams over them. Throws LanesError.
 */
export function planMemory(guest: GuestShape, seed: number): MemoryPlan {
  const pages = guest.memoryBytes / guest.pageSize;
  let slots = Math.max(
    guest.memslots,
    Math.ceil((pages * storedBytesOf(guest.backing, guest.pageSize)) / MAX_SLOT_BYTES),
  );
  for (;;) {
    const made = planSlots(guest, pages, slots, seed);
    const largest = Math.max(...made.geometries(1).map((g) => slotLayout(g).totalBytes));
    if (largest <= MAX_SLOT_BYTES || slots >= Math.min(pages, MOST_SLOTS)) return made;
    slots = Math.max(slots + 1, Math.floor((slots * largest) / MAX_SLOT_BYTES));
  }
}

function planSlots(guest: GuestShape, pages: number, slots: number, seed: number): MemoryPlan {
  const { pageSize, vcpus, dirtyLog, backing = 'bytes', memoryManager: manager } = guest;
  // Writes are counted, not made: no stream needs words of its own.
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
        // A spare record a vCPU, for its warm-up.
        streams: plan.streams.length + vcpus,
        tableBytes: tableBytes(plan, index),
        skewPages,
      })),
  };
}
