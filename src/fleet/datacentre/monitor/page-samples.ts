import { type Deal, groupsOf } from '../../../guest/dealing.ts';
import { planMemory } from '../../../guest/memory-plan.ts';
import type { PaceSpec } from '../../../guest/pacing.ts';
import type { GuestPlan, StreamPlan } from '../../../guest/stream-plan.ts';
import { writePlan } from '../../../guest/stream-record.ts';
import type { Workload } from '../../../guest/workload.ts';
import { ACCESS_BATCH } from '../../../memory/kernels/abi.ts';
import { type GuestMemory, openMemory } from '../../../memory/guest-memory.ts';
import { accessListAt, streamAt } from '../../../memory/layout.ts';
import { giveBackSlot, type Memslot, takeSlot } from '../../../memory/memslot.ts';
import type { RunConfig } from '../../../runtime/config.ts';

/** Whether the accesses of a workload follow from how long its vCPUs have run, by a rate alone. */
export const isSampleable = ({ pattern, rate, tickNs }: Workload): boolean =>
  pattern.kind !== 'trace' && rate !== Infinity && tickNs === undefined;

/**
 * Returns which of some pages a guest touches while its vCPUs run from `fromNs` to `toNs` of their own time. The n-th
 * access of a stream is a function of n, so the accesses of that time follow without those before it. The guest has
 * page-level memory only within this call, and none of its contents. All its workloads must be sampleable.
 */
export function touchedPages(
  { guest, seed }: Pick<RunConfig, 'guest' | 'seed'>,
  fromNs: number,
  toNs: number,
  pages: ReadonlySet<number>,
): ReadonlySet<number> {
  const { plan, geometries } = planMemory(guest, seed);
  // Nobody reads the contents, so that a count for each page takes the place of its bytes.
  const shared = geometries(0).map((geometry) =>
    takeSlot({ ...geometry, backing: 'versions' as const }),
  );
  try {
    const memory = openMemory(shared);
    for (const slot of memory.slots) writePlan(slot, plan);
    const seen = new Sightings(memory, pages);
    for (let vcpu = 0; vcpu < plan.vcpus && !seen.isComplete; vcpu++) {
      watch(memory, plan, vcpu, { fromNs, toNs }, seen);
    }
    return seen.touched;
  } finally {
    for (const slot of shared) giveBackSlot(slot);
  }
}

/** Pages that are watched for, and those of them that have been seen. */
class Sightings {
  readonly touched = new Set<number>();
  readonly #all: ReadonlySet<number>;
  /** For each slot, a byte for each page: whether it is watched for. */
  readonly #wanted: readonly Uint8Array[];

  constructor(memory: GuestMemory, pages: ReadonlySet<number>) {
    this.#all = pages;
    this.#wanted = memory.slots.map(({ layout }) => new Uint8Array(layout.pages));
    for (const { layout } of memory.slots) {
      for (const gfn of pages) {
        const page = gfn - layout.firstGfn;
        if (page >= 0 && page < layout.pages) this.#wanted[layout.index]![page] = 1;
      }
    }
  }

  get isComplete(): boolean {
    return this.touched.size === this.#all.size;
  }

  /** Notes the pages of an access list of a slot. */
  note({ layout, words }: Memslot, list: number, count: number): void {
    const wanted = this.#wanted[layout.index]!;
    for (let i = list >>> 2; i < (list >>> 2) + count; i++) {
      const page = words[i]!;
      if (wanted[page] === 0) continue;
      wanted[page] = 0;
      this.touched.add(layout.firstGfn + page);
    }
  }
}

/** Goes through the accesses that a vCPU makes in a span of its time. */
function watch(
  memory: GuestMemory,
  plan: GuestPlan,
  vcpu: number,
  { fromNs, toNs }: { readonly fromNs: number; readonly toNs: number },
  seen: Sightings,
): void {
  for (const { streams, deal } of groupsOf(plan.streams, vcpu)) {
    const plans = streams.map((stream) => plan.streams[stream]!);
    const { pace } = plans[0]!;
    const begin = dealt(accessesBy(pace, fromNs), plans, deal);
    const end = dealt(accessesBy(pace, toNs), plans, deal);
    for (const [place, stream] of streams.entries()) {
      const slot = memory.slots[plans[place]!.slot]!;
      const list = accessListAt(slot.layout, vcpu + 1);
      const record = streamAt(slot.layout, stream);
      const endN = end[place]!;
      for (let n = begin[place]!; n < endN; n += ACCESS_BATCH) {
        if (seen.isComplete) return;
        const count = Math.min(ACCESS_BATCH, endN - n);
        slot.doubles[record >>> 3] = n;
        slot.kernels.nextGfns(record, count, list);
        seen.note(slot, list, count);
      }
    }
  }
}

/**
 * Returns how many of a group's accesses each of its streams has made. A cursor walks through them; others take turns by
 * their shares, each within a batch of its own.
 */
function dealt(accesses: number, plans: readonly StreamPlan[], deal: Deal): number[] {
  const made = plans.map(() => 0);
  for (let left = accesses; left > 0;) {
    const { place, most } = deal((one) => made[one]!);
    if (most === Infinity) return plans.map(({ share }) => Math.floor(share * accesses));
    const count = Math.min(most, left);
    made[place]! += count;
    left -= count;
  }
  return made;
}

/** Returns how many accesses a group of streams with an even pace has made when its vCPU has run for so long. */
function accessesBy({ pace, fromNs, untilNs }: PaceSpec, ranNs: number): number {
  const perNs = pace.kind === 'even' ? pace.perNs : 0;
  return Math.floor(perNs * Math.max(0, Math.min(ranNs, untilNs) - fromNs));
}
