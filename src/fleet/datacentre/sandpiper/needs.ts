import { capacityPerSecond } from '../applications/queueing.ts';
import type { InsideReadings } from '../monitor/monitor.ts';
import type { Series } from '../monitor/series.ts';
import type { VmView } from '../policies/policy.ts';

/** What a VM needs on any host: CPUs, bytes a second over the network card, and bytes of memory. */
export interface Needs {
  readonly cpus: number;
  readonly netBytesPerSecond: number;
  readonly memoryBytes: number;
}

export interface ProvisioningOptions {
  /** The percentile of a profile that counts as its peak. */
  readonly percentile: number;
  /** What is added to a peak that was measured on a host without room, as a share of its own host's resource. */
  readonly delta: number;
}

/** What a VM uses now, by its last readings. */
export function useOf({ readings, memoryBytes }: VmView): Needs {
  return { cpus: readings.cpu.last, netBytesPerSecond: readings.net.last, memoryBytes };
}

/**
 * Returns what a VM uses now, or would use if its host were not too busy to serve all that come: of a VM that serves
 * requests it is known from inside how many come, and what CPU time each of them takes.
 */
export function useFromInside(vm: VmView): Needs {
  const { inside } = vm.readings;
  const use = useOf(vm);
  if (!inside) return use;
  const asked = Math.min(vm.cpus, inside.arrivals.last * inside.serviceS);
  return { ...use, cpus: Math.max(use.cpus, asked) };
}

/**
 * Returns what a VM is to get, as far as it can be told from outside: the peaks of its profiles, and some more of what
 * its host has no room for, because then nobody knows how much it would use (Wood et al., section 4.2).
 */
export function needsFromOutside(
  vm: VmView,
  isHot: { readonly cpu: boolean; readonly net: boolean },
  { percentile, delta }: ProvisioningOptions,
): Needs {
  const { readings, host, vcpus, memoryBytes } = vm;
  const peak = (series: Series): number => Math.max(series.percentile(percentile), series.last);
  const more = (isFull: boolean, capacity: number): number => (isFull ? delta * capacity : 0);
  return {
    cpus: Math.min(vcpus, peak(readings.cpu) + more(isHot.cpu, host.cpus)),
    netBytesPerSecond: peak(readings.net) + more(isHot.net, host.nicBytesPerSecond),
    memoryBytes,
  };
}

/**
 * Returns what a VM is to get, as its own figures tell: λ_peak ÷ λ_cap CPUs, where λ_peak counts requests that were
 * dropped as well, and λ_cap is what a CPU bears within the promised response time (Wood et al., section 4.2). Returns
 * undefined for a VM that serves no requests.
 */
export function needsFromInside(
  vm: VmView,
  { percentile }: ProvisioningOptions,
): Needs | undefined {
  const { inside, net } = vm.readings;
  if (!inside || !(inside.serviceS > 0)) return undefined;
  const peak = Math.max(inside.arrivals.percentile(percentile), inside.arrivals.last);
  const accepted = inside.arrivals.last - inside.drops.last;
  const bytesEach = accepted > 0 ? net.last / accepted : 0;
  return {
    cpus: Math.min(vm.vcpus, peak / capacityOf(inside)),
    netBytesPerSecond: peak * bytesEach,
    memoryBytes: vm.memoryBytes,
  };
}

/** How many times its service a response may take when nobody has promised anything. */
const PATIENCE = 10;

/** So many rounds bring the capacity below to within a millionth, or to next to nothing where there is none. */
const ROUNDS = 60;

/**
 * Returns what a CPU bears of a VM's requests a second. The variance of inter-arrival times belongs to a rate, and at low
 * rates it is so large that the bound allows hardly any; so it is that of Poisson arrivals at the capacity itself.
 */
function capacityOf({ serviceS, serviceVariance, isPoisson, limitS }: InsideReadings): number {
  const responseS = limitS !== undefined && limitS > serviceS ? limitS : PATIENCE * serviceS;
  if (!isPoisson) return capacityPerSecond(serviceS, responseS, 0, serviceVariance);
  let perSecond = 1 / serviceS;
  for (let round = 0; round < ROUNDS; round++) {
    const between = 1 / (perSecond * perSecond);
    perSecond = capacityPerSecond(serviceS, responseS, between, serviceVariance);
  }
  return perSecond;
}
