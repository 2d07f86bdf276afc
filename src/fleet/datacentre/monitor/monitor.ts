import type { Application } from '../applications/application.ts';
import { meanOf, varianceOf } from '../applications/distribution.ts';
import { EXPONENTIAL_99 } from '../applications/queueing.ts';
import type { FleetConfig } from '../config.ts';
import type { FleetHost } from '../host.ts';
import type { FleetVm, VmHost } from '../vm.ts';
import { Series } from './series.ts';
import { WorkingSets } from './working-sets.ts';

/**
 * What a monitor outside a VM has seen of it in each interval: the CPUs that it used, and the bytes that it sent and
 * swapped a second. They mean the same on any host.
 */
export interface VmReadings {
  readonly cpu: Series;
  readonly net: Series;
  readonly swap: Series;
  /** Its working set in bytes, as samples of its pages tell; it is absent unless working sets are sampled. */
  readonly workingSet?: Series;
  /** What a monitor inside it has seen; it is absent for a VM that serves no requests and reports no memory. */
  readonly inside?: InsideReadings;
}

/** What a monitor inside a VM has seen of it. */
export interface InsideReadings {
  /** Requests that came and were dropped, a second, and the mean response time in seconds. */
  readonly arrivals: Series;
  readonly drops: Series;
  readonly responseS: Series;
  /** Its memory in use, and what is free of it, in bytes; there are no readings of a VM whose use nobody states. */
  readonly usedBytes: Series;
  readonly freeBytes: Series;
  /** The mean and the variance of a request's CPU time in s and s², and the variance of the times between requests. */
  readonly serviceS: number;
  readonly serviceVariance: number;
  readonly isPoisson: boolean;
  /** The mean response time that its users have been promised, in seconds; absent when they have been promised none. */
  readonly limitS?: number;
}

/** What a monitor has seen of a host: shares of its CPUs, of its network card's rate, and bytes swapped a second. */
export interface HostReadings {
  readonly cpu: Series;
  readonly net: Series;
  readonly swap: Series;
}

/** What had been counted when an interval began. */
interface Counters {
  cpuNs: number;
  dom0CpuNs: number;
  sentBytes: number;
  swapTrafficBytes: number;
}

const zero = (): Counters => ({ cpuNs: 0, dom0CpuNs: 0, sentBytes: 0, swapTrafficBytes: 0 });

/** Takes readings of all hosts and VMs at every interval, from outside the VMs and from inside. */
export class Monitor {
  readonly hosts: ReadonlyMap<VmHost, HostReadings>;
  readonly #hosts: readonly FleetHost[];
  readonly vms: ReadonlyMap<FleetVm, VmReadings>;
  /** Bytes of all reports so far. */
  reportedBytes = 0;
  readonly #config: FleetConfig;
  readonly #applications: ReadonlyMap<FleetVm, Application>;
  readonly #hostCounters: readonly Counters[];
  readonly #vmCounters: readonly Counters[];
  readonly #workingSets: WorkingSets | undefined;

  constructor(
    config: FleetConfig,
    hosts: readonly FleetHost[],
    vms: readonly FleetVm[],
    applications: readonly Application[],
  ) {
    this.#config = config;
    const { window, workingSet } = config.monitor;
    const workingSets = workingSet && new WorkingSets(workingSet, vms, window);
    this.#workingSets = workingSets;
    const three = (): HostReadings => ({
      cpu: new Series(window),
      net: new Series(window),
      swap: new Series(window),
    });
    this.#hosts = hosts;
    this.#hostCounters = hosts.map(zero);
    this.#vmCounters = vms.map(zero);
    this.hosts = new Map(hosts.map((host) => [host, three()]));
    this.#applications = applicationsOf(applications, vms);
    this.vms = new Map(
      vms.map((vm) => {
        const inside = insideOf(vm, this.#applications.get(vm), window);
        const sampled = workingSets ? { workingSet: workingSets.readingsOf(vm) } : {};
        return [vm, { ...three(), ...sampled, ...(inside ? { inside } : {}) }];
      }),
    );
  }

  /** Takes the readings of the interval that ends now; hosts must have lived up to now. */
  sample(nowNs: number): void {
    for (const host of this.#hosts) this.#sampleHost(host, nowNs);
    this.#workingSets?.sample(nowNs);
    for (const vm of this.vms.keys()) this.reportedBytes += this.reportBytesOf(vm);
  }

  /** Returns the bytes of a VM's report in each interval. */
  reportBytesOf(vm: FleetVm): number {
    const { outside, memory, requests } = this.#config.monitor.report;
    return outside + (vm.spec.memoryUse ? memory : 0) + (this.#applications.has(vm) ? requests : 0);
  }

  #sampleHost(host: FleetHost, nowNs: number): void {
    const { intervalNs } = this.#config.monitor;
    const { cpus, nicBytesPerSecond } = host.spec;
    const { cpu, net, swap } = this.hosts.get(host)!;
    const since = this.#hostCounters[host.index]!;
    const perSecond = 1e9 / intervalNs;
    cpu.push(shareOf((host.usedCpuNs - since.cpuNs) / intervalNs, cpus));
    net.push(shareOf((host.sentBytes - since.sentBytes) * perSecond, nicBytesPerSecond));
    swap.push((host.swapTrafficBytes - since.swapTrafficBytes) * perSecond);
    // dom0's CPU time is charged to the VMs in proportion to their I/O, as XenMon's page exchanges are.
    let sentBytes = 0;
    for (const vm of host.vms) sentBytes += vm.sentBytes - this.#vmCounters[vm.index]!.sentBytes;
    const dom0CpuNs = host.dom0CpuNs - since.dom0CpuNs;
    const dom0NsPerByte = sentBytes > 0 ? dom0CpuNs / sentBytes : 0;
    for (const vm of host.vms) this.#sampleVm(vm, nowNs, dom0NsPerByte);
    since.cpuNs = host.usedCpuNs;
    since.dom0CpuNs = host.dom0CpuNs;
    since.sentBytes = host.sentBytes;
    since.swapTrafficBytes = host.swapTrafficBytes;
  }

  #sampleVm(vm: FleetVm, nowNs: number, dom0NsPerByte: number): void {
    const { intervalNs } = this.#config.monitor;
    const { cpu, net, swap, inside } = this.vms.get(vm)!;
    const since = this.#vmCounters[vm.index]!;
    const perSecond = 1e9 / intervalNs;
    const sentBytes = vm.sentBytes - since.sentBytes;
    cpu.push((vm.cpuNs - since.cpuNs + sentBytes * dom0NsPerByte) / intervalNs);
    net.push(sentBytes * perSecond);
    swap.push((vm.swapTrafficBytes - since.swapTrafficBytes) * perSecond);
    since.cpuNs = vm.cpuNs;
    since.sentBytes = vm.sentBytes;
    since.swapTrafficBytes = vm.swapTrafficBytes;
    if (inside) this.#sampleInside(vm, inside, nowNs);
  }

  #sampleInside(vm: FleetVm, inside: InsideReadings, nowNs: number): void {
    if (vm.spec.memoryUse) {
      const used = vm.usedBytes(nowNs);
      inside.usedBytes.push(used);
      inside.freeBytes.push(Math.max(0, vm.memoryBytes - used));
    }
    const application = this.#applications.get(vm);
    if (!application) return;
    const seconds = this.#config.monitor.intervalNs / 1e9;
    const { arrived, dropped, responseNs } = application.takeServed(vm);
    inside.arrivals.push(arrived / seconds);
    inside.drops.push(dropped / seconds);
    inside.responseS.push(responseNs / 1e9);
  }
}

/** Returns a share of a capacity; of one without a limit it is 0. */
export const shareOf = (value: number, capacity: number): number =>
  capacity === Infinity ? 0 : value / capacity;

function applicationsOf(
  applications: readonly Application[],
  vms: readonly FleetVm[],
): Map<FleetVm, Application> {
  return new Map(
    applications.flatMap((application) =>
      application.spec.tiers.flatMap((tier) =>
        tier.vms.map((index) => [vms[index]!, application] as const),
      ),
    ),
  );
}

function insideOf(
  vm: FleetVm,
  application: Application | undefined,
  window: number,
): InsideReadings | undefined {
  if (!application && !vm.spec.memoryUse) return undefined;
  const tier = application?.spec.tiers.find(({ vms }) => vms.includes(vm.index));
  return {
    arrivals: new Series(window),
    drops: new Series(window),
    responseS: new Series(window),
    usedBytes: new Series(window),
    freeBytes: new Series(window),
    serviceS: tier ? meanOf(tier.service) / 1e9 : 0,
    serviceVariance: tier ? varianceOf(tier.service) / 1e18 : 0,
    isPoisson: application?.spec.arrivals === 'poisson',
    ...limitOf(application),
  };
}

/** Returns the promised mean response time; of a promised p99 it is the mean of an exponential distribution with it. */
function limitOf(application: Application | undefined): { limitS?: number } {
  const { meanNs, p99Ns } = application?.spec.sla ?? {};
  if (meanNs !== undefined) return { limitS: meanNs / 1e9 };
  return p99Ns === undefined ? {} : { limitS: p99Ns / 1e9 / EXPONENTIAL_99 };
}
