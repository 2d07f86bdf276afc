import * as abi from '../memory/kernels/abi.ts';
import { streamAt } from '../memory/layout.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Memslot } from '../memory/memslot.ts';
import { patternNamed } from './patterns/registry.ts';
import { writeStates } from './managed-ranges.ts';
import type { FullPlan, StreamPlan } from './stream-plan.ts';

/** Writes the plan's tables, stream records and page states into a slot; every stream has made no accesses then. */
export function writePlan(slot: Memslot, plan: FullPlan): void {
  const addresses = new Map<number, number>();
  let at = slot.layout.tables;
  for (const [index, { slot: owner, entries }] of plan.tables.entries()) {
    if (owner !== slot.layout.index) continue;
    slot.words.set(entries, at >>> 2);
    addresses.set(index, at);
    at += Math.ceil(entries.byteLength / 64) * 64;
  }
  plan.streams.forEach((stream, index) => {
    if (stream.slot === slot.layout.index) writeRecord(slot, plan, stream, index, addresses);
  });
  writeStates(slot, plan);
}

/** Returns the u32 threshold below which the share `share` of uniform 32-bit draws falls. */
function threshold(share: number): number {
  return Math.min(4294967295, Math.floor(share * 4294967296));
}

function writeRecord(
  slot: Memslot,
  plan: FullPlan,
  stream: StreamPlan,
  index: number,
  addresses: ReadonlyMap<number, number>,
): void {
  const { layout, words, doubles } = slot;
  const workload = plan.workloads[stream.workload]!;
  const at = streamAt(layout, index);
  const put = (offset: number, value: number): void => void (words[(at + offset) >>> 2] = value);
  doubles[at >>> 3] = 0;
  doubles[(at + abi.STREAM_WRITES) >>> 3] = 0;
  put(abi.STREAM_CHECKSUM_LOW, 0);
  put(abi.STREAM_CHECKSUM_HIGH, 0);
  put(abi.STREAM_KEY_A, stream.keyA);
  put(abi.STREAM_KEY_B, stream.keyB);
  put(abi.STREAM_PATTERN, patternNamed(stream.pattern).kernel);
  put(abi.STREAM_FIRST_GFN, stream.firstGfn);
  put(abi.STREAM_PAGES, stream.pages);
  put(abi.STREAM_START, stream.start);
  put(abi.STREAM_STRIDE, stream.stridePages % stream.pages);
  put(abi.STREAM_HOT_PAGES, stream.hotPages);
  put(abi.STREAM_HOT_THRESHOLD, threshold(stream.hotAccesses));
  put(abi.STREAM_WRITE_THRESHOLD, threshold(workload.writes));
  put(abi.STREAM_ALL_WRITES, workload.writes >= 1 ? 1 : 0);
  put(abi.STREAM_LANE, stream.lane);
  put(abi.STREAM_WORDS, workload.wordsPerPage);
  put(abi.STREAM_TABLE, addresses.get(stream.table) ?? 0);
  put(abi.STREAM_TABLE_LENGTH, plan.tables[stream.table]?.entries.length ?? 0);
  put(abi.STREAM_PAGE_SHIFT, layout.pageShift);
  put(abi.STREAM_RAM, layout.ramOffset);
}

/** What a stream has done so far, which is the part of its record that moves with the guest (kernels/abi.ts). */
export interface StreamProgress {
  readonly n: number;
  readonly writes: number;
  readonly checksumLow: number;
  readonly checksumHigh: number;
}

/** Reads from its record what a stream has done so far; to be called only while its vCPU is parked. */
export function readProgress(slot: Memslot, stream: number): StreamProgress {
  const at = streamAt(slot.layout, stream);
  return {
    n: slot.doubles[at >>> 3]!,
    writes: slot.doubles[(at + abi.STREAM_WRITES) >>> 3]!,
    checksumLow: slot.words[(at + abi.STREAM_CHECKSUM_LOW) >>> 2]! >>> 0,
    checksumHigh: slot.words[(at + abi.STREAM_CHECKSUM_HIGH) >>> 2]! >>> 0,
  };
}

/** Writes into its record what a stream has done so far; to be called only while its vCPU is parked. */
export function writeProgress(slot: Memslot, stream: number, progress: StreamProgress): void {
  const at = streamAt(slot.layout, stream);
  slot.doubles[at >>> 3] = progress.n;
  slot.doubles[(at + abi.STREAM_WRITES) >>> 3] = progress.writes;
  slot.words[(at + abi.STREAM_CHECKSUM_LOW) >>> 2] = progress.checksumLow;
  slot.words[(at + abi.STREAM_CHECKSUM_HIGH) >>> 2] = progress.checksumHigh;
}

/** Returns how many accesses a stream has made. It is cheap enough to be read while the guest runs. */
export function readAccesses(slot: Memslot, stream: number): number {
  return slot.doubles[streamAt(slot.layout, stream) >>> 3]!;
}

/** Returns the slot that holds a stream's record and pages. */
export function slotOfStream(
  memory: GuestMemory,
  plan: { readonly streams: readonly Pick<StreamPlan, 'slot'>[] },
  stream: number,
): Memslot {
  return memory.slots[plan.streams[stream]!.slot]!;
}

/** Returns how many accesses all streams together have made; it may be read while the guest runs. */
export function accessesOf(
  memory: GuestMemory,
  plan: { readonly streams: readonly Pick<StreamPlan, 'slot'>[] },
): number {
  return plan.streams.reduce(
    (sum, _, stream) => sum + readAccesses(slotOfStream(memory, plan, stream), stream),
    0,
  );
}
