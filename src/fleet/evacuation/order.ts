import { ACCESS_READ_BIT } from '../../memory/kernels/abi.ts';
import type { Workload } from '../../guest/workload.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { EvacuatedGuest, EvacuationOrder } from './config.ts';

/** The key that each order sorts by, the least first; guests with equal keys keep their order in the file. */
const KEYS: Record<EvacuationOrder, (guest: EvacuatedGuest) => number> = {
  given: () => 0,
  smallest: ({ config }) => config.guest.memoryBytes,
  'least-dirty': ({ config }) => dirtyBytesPerSecond(config),
  deadline: ({ deadlineNs = Infinity }) => deadlineNs,
};

/** Returns the indices of `guests` in the order in which their migrations are to begin. */
export function orderOf(guests: readonly EvacuatedGuest[], order: EvacuationOrder): number[] {
  const keys = guests.map(KEYS[order]);
  return guests.map((_, index) => index).toSorted((a, b) => compare(keys[a]!, keys[b]!) || a - b);
}

/** Compares two keys without a subtraction, as Infinity minus Infinity is NaN. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Returns how many bytes of pages a guest dirties in a second, as its configuration says: the sum of the pages that
 * each workload writes, which are at most the pages that it covers, and at most the guest's memory.
 */
export function dirtyBytesPerSecond({ guest }: RunConfig): number {
  const pages = guest.workloads.reduce((sum, workload) => sum + dirtyPagesPerSecond(workload), 0);
  return Math.min(guest.memoryBytes, pages * guest.pageSize);
}

function dirtyPagesPerSecond(workload: Workload): number {
  const { pattern, pages, rate, writes } = workload;
  if (pattern.kind === 'trace') return Math.min(pages, tracedPagesPerSecond(pattern));
  // A workload that only reads dirties nothing; with the rate `max` the product would be Infinity × 0, which is NaN.
  return writes === 0 ? 0 : Math.min(pages, rate * writes);
}

function tracedPagesPerSecond(pattern: Extract<Workload['pattern'], { kind: 'trace' }>): number {
  const { intervals, intervalNs } = pattern.intervals;
  let written = 0;
  for (const gfns of intervals) {
    for (const entry of gfns) if ((entry & ACCESS_READ_BIT) === 0) written++;
  }
  const seconds = (intervals.length * intervalNs) / pattern.speed / 1e9;
  return seconds > 0 ? written / seconds : 0;
}
