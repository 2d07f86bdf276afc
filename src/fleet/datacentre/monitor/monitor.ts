import type { Application } from '../applications/application.ts';
import { meanOf, varianceOf } from '../applications/distribution.ts';
import { EXPONENTIAL_99 } from '../applications/queueing.ts';
import type { FleetConfig } from '../config.ts';
import type { FleetHost } from '../host.ts';
import type { FleetVm, VmHost } from '../vm.ts';
import { Series } from './series.ts';

/** What a monitor outside a VM has seen of it: shares of its host's CPUs and network card, and bytes swapped a second. */
export interface VmReadings {
  readonly cpu: Series;
  readonly net: Series;
  readonly swap: Series;
  /** What a monitor inside it has seen; it is absent for a VM that serves no requests and reports no memory. */
  readonly inside?: InsideReadings;
}

/** What a monitor inside a VM has seen of it. */
export interface InsideReadings {
  /** Requests that came and were dropped, a second, and the mean response time in seconds. */
  readonly arrivals: Series;
  readonly drops: Series;
  readonly responseS: Series;
  /** Its memory in use, and what is free of it, in bytes. */
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

interface Counters {
  cpuNs: number;
  dom0Ns: number;
}

/** Takes readings of all hosts and VMs at every interval, from outside the VMs and from inside. */
export class Monitor {
  readonly hosts: ReadonlyMap<VmHost, HostReadings>;
  readonly #hosts: readonly FleetHost[];
  readonly vms: ReadonlyMap<FleetVm, VmReadings>;
  /** Bytes of all reports so far. */
  reportedBytes = 0;
  readonly #config: FleetConfig;
  readonly #applications: ReadonlyMap<FleetVm, Application>;
  readonly #hostCounters = new Map<VmHost, Counters>();
  readonly #vmCpuNs = new Map<FleetVm, number>();

  constructor(
    config: FleetConfig,
    hosts: readonly FleetHost[],
    vms: readonly FleetVm[],
    applications: readonly Application[],
  ) {
    this.#config = config;
    const { window } = config.monitor;
    const three = (): HostReadings => ({
      cpu: new Series(window),
      net: new Series(window),
      swap: new Series(window),
    });
    this.#hosts = hosts;
    this.hosts = new Map(hosts.map((host) => [host, three()]));
    this.#applications = applicationsOf(applications, vms);
    this.vms = new Map(
      vms.map((vm) => {
        const inside = insideOf(vm, this.#applications.get(vm), window);
        return [vm, { ...three(), ...(inside ? { inside } : {}) }];
      }),
    );
  }

  /** Takes the readings of the interval that ends now; hosts must have lived up to now. */
  sample(nowNs: number): void {
    const { intervalNs, reportBytes } = this.#config.monitor;
    for (const host of this.#hosts) {
      this.#sampleHost(host, this.hosts.get(host)!, intervalNs);
    }
    for (const [vm, readings] of this.vms) this.#sampleVm(vm, readings, nowNs, intervalNs);
    this.reportedBytes += this.vms.size * reportBytes;
  }

  #sampleHost(host: FleetHost, readings: HostReadings, intervalNs: number): void {
    const counters = this.#hostCounters.get(host) ?? { cpuNs: 0, dom0Ns: 0 };
    const { cpus, nicBytesPerSecond } = host.spec;
    readings.cpu.push(share(host.usedCpuNs - counters.cpuNs, intervalNs * cpus));
    let sent = 0;
    let swapped = 0;
    for (const vm of host.vms) {
      sent += vm.sentBytesPerSecond;
      swapped += vm.swapBytesPerSecond;
    }
    readings.net.push(share(sent, nicBytesPerSecond));
    readings.swap.push(swapped);
    // dom0's CPU time is charged to the VMs in proportion to their I/O, as XenMon's page exchanges are.
    const dom0Share = share(host.dom0CpuNs - counters.dom0Ns, intervalNs * cpus);
    for (const vm of host.vms) {
      const own = vm.cpuNs - (this.#vmCpuNs.get(vm) ?? 0);
      this.#vmCpuNs.set(vm, vm.cpuNs);
      const charged = sent > 0 ? (dom0Share * vm.sentBytesPerSecond) / sent : 0;
      this.vms.get(vm)!.cpu.push(share(own, intervalNs * cpus) + charged);
    }
    this.#hostCounters.set(host, { cpuNs: host.usedCpuNs, dom0Ns: host.dom0CpuNs });
  }

  #sampleVm(vm: FleetVm, readings: VmReadings, nowNs: number, intervalNs: number): void {
    readings.net.push(share(vm.sentBytesPerSecond, vm.host.spec.nicBytesPerSecond));
    readings.swap.push(vm.swapBytesPerSecond);
    const { inside } = readings;
    if (!inside) return;
    const used = vm.usedBytes(nowNs);
    inside.usedBytes.push(used);
    inside.freeBytes.push(Math.max(0, vm.memoryBytes - used));
    const application = this.#applications.get(vm);
    if (!application) return;
    const seconds = intervalNs / 1e9;
    const { arrived, dropped, responseNs } = application.takeServed(vm);
    inside.arrivals.push(arrived / seconds);
    inside.drops.push(dropped / seconds);
    inside.responseS.push(responseNs / 1e9);
  }
}

/** Returns a share of a capacity; of one without a limit it is 0. */
const share = (value: number, capacity: number): number =>
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
