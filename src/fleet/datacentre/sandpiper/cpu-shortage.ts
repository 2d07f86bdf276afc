import { isHot } from '../monitor/hotspot.ts';
import type { FleetView, VmView } from '../policies/policy.ts';
import { needsFromInside, needsFromOutside, type ProvisioningOptions } from './needs.ts';

type Site = Pick<FleetView, 'hotspot' | 'intervalNs'>;

/**
 * Returns the CPUs that a VM is to be allowed where those that it may use now are too few, at most as many as it has
 * vCPUs; undefined when it has enough.
 */
export function cpusNeeded(
  vm: VmView,
  site: Site,
  isGray: boolean,
  options: ProvisioningOptions,
): number | undefined {
  const { cpus, vcpus } = vm;
  if (cpus >= vcpus) return undefined;
  const needed =
    (isGray ? fromInside(vm, site, options) : undefined) ?? fromOutside(vm, site, options);
  return needed > cpus ? Math.min(vcpus, needed) : undefined;
}

/**
 * From outside a VM is short when it uses more than the threshold of what it may, and gets so many that its peak is at
 * the threshold. One that uses all that it may would use more, and nobody knows how much, so Δ is added to its peak.
 */
function fromOutside(vm: VmView, { hotspot }: Site, options: ProvisioningOptions): number {
  const { cpus, readings } = vm;
  if (!isHot(readings.cpu, { ...hotspot, threshold: hotspot.threshold * cpus })) return 0;
  const peak = needsFromOutside(vm, { cpu: false, net: false }, options).cpus;
  return (peak + options.delta * cpus) / hotspot.threshold;
}

/**
 * From inside a VM is short when its requests take too long or are dropped. It gets λ_peak ÷ λ_cap and, beside them,
 * what serves those that wait, of which there are as many as Little's law says, within the readings of a hotspot. If
 * that is no more than it may use already, the figures lag behind, and it gets Δ more. Returns undefined for a VM that
 * serves no requests.
 */
function fromInside(
  vm: VmView,
  { hotspot, intervalNs }: Site,
  options: ProvisioningOptions,
): number | undefined {
  const { inside } = vm.readings;
  if (!inside || !(inside.serviceS > 0)) return undefined;
  const { arrivals, drops, responseS, serviceS, limitS = Infinity } = inside;
  const isLate = isHot(responseS, { ...hotspot, threshold: limitS });
  if (!isLate && !isHot(drops, { ...hotspot, threshold: 0 })) return 0;
  const lateS = Math.max(0, responseS.last - limitS);
  const waiting = lateS * Math.max(0, arrivals.last - drops.last);
  const clearing = (waiting * serviceS) / ((hotspot.n * intervalNs) / 1e9);
  return Math.max(needsFromInside(vm, options)!.cpus + clearing, vm.cpus * (1 + options.delta));
}
