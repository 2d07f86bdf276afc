import type { GuestPlan } from '../../guest/stream-plan.ts';
import { readAccesses, slotOfStream } from '../../guest/stream-record.ts';
import {
  BALLOON_CALLBACKS,
  BALLOON_DEFLATED,
  BALLOON_INFLATED,
  CACHE_DROPPED,
  CACHE_MISSES,
  GUEST_NS,
  vcpuAreaAt,
} from '../../guest/vcpu-state.ts';
import type { ManagerCounts } from '../report.ts';
import type { GuestSide } from './guest-side.ts';

/** Returns how many accesses each workload has made so far, for each second of guest time. */
export function achievedRates({ memory, area }: GuestSide, plan: GuestPlan): number[] {
  return plan.workloads.map((_, workload) => {
    let rate = 0;
    plan.streams.forEach(({ workload: of, vcpu }, stream) => {
      const seconds = area[vcpuAreaAt(plan, vcpu) + GUEST_NS]! / 1e9;
      if (of !== workload || seconds <= 0) return;
      rate += readAccesses(slotOfStream(memory, plan, stream), stream) / seconds;
    });
    return rate;
  });
}

/** Returns what the guest's memory manager did on both sides; undefined when the guest has none. */
export function managerCounts(
  guestSides: { readonly source: GuestSide; readonly destination: GuestSide },
  plan: GuestPlan,
): ManagerCounts | undefined {
  if (!plan.manager) return undefined;
  const sum = (field: number): number => {
    let total = 0;
    for (const guestSide of [guestSides.source, guestSides.destination]) {
      for (let vcpu = 0; vcpu < plan.vcpus; vcpu++) {
        total += guestSide.area[vcpuAreaAt(plan, vcpu) + field]!;
      }
    }
    return total;
  };
  return {
    inflated: sum(BALLOON_INFLATED),
    deflated: sum(BALLOON_DEFLATED),
    callbacks: sum(BALLOON_CALLBACKS),
    cacheDropped: sum(CACHE_DROPPED),
    cacheMisses: sum(CACHE_MISSES),
  };
}

/** Returns the largest value of a field of the vCPU area among all vCPUs of both sides. */
export function mostOf(
  guestSides: { readonly source: GuestSide; readonly destination: GuestSide },
  plan: GuestPlan,
  field: number,
): number {
  let most = 0;
  for (const guestSide of [guestSides.source, guestSides.destination]) {
    for (let vcpu = 0; vcpu < plan.vcpus; vcpu++) {
      most = Math.max(most, guestSide.area[vcpuAreaAt(plan, vcpu) + field]!);
    }
  }
  return most;
}
