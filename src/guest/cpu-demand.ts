import { vcpusOf, type Workload } from './workload.ts';

/**
 * Returns how many CPUs a guest's vCPUs keep busy, when an access takes `accessNs`: the sum over the vCPUs of the share
 * of its time that a vCPU's accesses take, at most 1 each. A trace counts with its mean rate.
 */
export function vcpuDemand(
  workloads: readonly Workload[],
  vcpus: number,
  accessNs: number,
): number {
  const busy = Array.from({ length: vcpus }, () => 0);
  for (const workload of workloads) {
    const members = vcpusOf(workload, vcpus);
    const share = (accessesPerSecond(workload) * accessNs) / 1e9 / members.length;
    for (const vcpu of members) {
      busy[vcpu]! += workload.rate === Infinity && workload.pattern.kind !== 'trace' ? 1 : share;
    }
  }
  return busy.reduce((sum, one) => sum + Math.min(1, one), 0);
}

function accessesPerSecond({ pattern, rate }: Workload): number {
  if (pattern.kind !== 'trace') return rate === Infinity ? 0 : rate;
  const { intervals, intervalNs } = pattern.intervals;
  const accesses = intervals.reduce((sum, gfns) => sum + gfns.length, 0);
  const seconds = (intervals.length * intervalNs) / 1e9 / pattern.speed;
  return seconds > 0 ? accesses / seconds : 0;
}
