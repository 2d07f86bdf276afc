import { planGuest, tableBytes } from '../../dist/guest/stream-plan.js';
import { writePlan } from '../../dist/guest/stream-record.js';
import type { Pattern, Workload } from '../../dist/guest/workload.js';
import type { SlotGeometry } from '../../dist/memory/layout.js';
import { createSlot, type Memslot, openSlot } from '../../dist/memory/memslot.js';

export const PAGE = 4096;
export const MIB = 1024 * 1024;

/** A slot, and its whole memory as a byte array, which the C kernels take. */
export interface BenchSlot {
  readonly slot: Memslot;
  readonly memory: Uint8Array;
}

/** Makes a slot, by default with one vCPU and room for one stream. */
export function makeSlot(geometry: Partial<SlotGeometry> & { readonly pages: number }): BenchSlot {
  const slot = openSlot(
    createSlot({
      pageSize: PAGE,
      writers: 2,
      streams: 1,
      tableBytes: 0,
      skewPages: 0,
      ...geometry,
    }),
  );
  return { slot, memory: new Uint8Array(slot.buffer) };
}

/** Makes every page resident and zero. Fresh pages that are only read would share the zero page. */
export function touchAll({ ram }: Memslot): void {
  ram.fill(1);
  ram.fill(0);
}

/** Returns how many bytes the tables of a pattern over `pages` pages need. */
export function patternTableBytes(pattern: Pattern, pages: number): number {
  return tableBytes(planOf(pattern, pages, 1), 0);
}

/** Starts a stream of accesses to the slot's first pages, as stream 0. */
export function startStream(slot: Memslot, pattern: Pattern, pages: number, writes = 1): void {
  writePlan(slot, planOf(pattern, pages, writes));
}

function planOf(pattern: Pattern, pages: number, writes: number): ReturnType<typeof planGuest> {
  const workload: Workload = {
    pattern,
    firstGfn: 0,
    pages,
    rate: Infinity,
    writes,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
  return planGuest([workload], 1, [{ firstGfn: 0, pages }], PAGE, 1);
}
