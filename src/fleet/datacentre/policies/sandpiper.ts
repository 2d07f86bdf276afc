import { isHot, trend } from '../monitor/hotspot.ts';
import { shareOf } from '../monitor/monitor.ts';
import type { Series } from '../monitor/series.ts';
import { cpusNeeded } from '../sandpiper/cpu-shortage.ts';
import { PlannedHost, type PlannedVm, plannedVm } from '../sandpiper/ledger.ts';
import { needsFromInside, needsFromOutside, useFromInside, useOf } from '../sandpiper/needs.ts';
import { planMitigation } from '../sandpiper/plan.ts';
import { blackMemory, volumeOf } from '../sandpiper/volume.ts';
import type {
  Decision,
  FleetPolicy,
  FleetView,
  Hotspot,
  HostView,
  Resize,
  VmView,
} from './policy.ts';

export interface SandpiperOptions {
  /** The percentile of a profile that counts as its peak. */
  readonly percentile: number;
  /** What is added to the peak of a resource that a hot host has no room for. */
  readonly delta: number;
  /** Memory grows in such steps. */
  readonly memoryStepBytes: number;
  /** Inside a VM, less free memory than this is too little. */
  readonly leastFreeBytes: number;
  /** A host's load is taken from a trend of this length. */
  readonly trendNs: number;
}

/** What is wrong in a fleet, and what is done about it without a migration. */
interface Found {
  readonly hotspots: Hotspot[];
  readonly resizes: Resize[];
  /** The CPUs that VMs are to be allowed on hosts that have no room for it. */
  readonly shortOfCpus: Map<string, number>;
}

/** Sandpiper (Wood, Shenoy, Venkataramani and Yousif, NSDI 2007), without a look into VMs or with one. */
export class Sandpiper implements FleetPolicy {
  readonly name: string;
  readonly #isGray: boolean;
  readonly #options: SandpiperOptions;

  constructor(isGray: boolean, options: SandpiperOptions) {
    this.name = isGray ? 'sandpiper-gray' : 'sandpiper-black';
    this.#isGray = isGray;
    this.#options = options;
  }

  decide(view: FleetView): Decision | undefined {
    const found: Found = { hotspots: [], resizes: [], shortOfCpus: new Map() };
    for (const host of view.hosts) this.#inspect(host, view, found);
    const { hotspots, resizes, shortOfCpus } = found;
    if (hotspots.length === 0) return resizes.length > 0 ? { resizes } : undefined;
    const planned = view.hosts.map((host) => this.#planned(host, view, found));
    const scratch = planned.find((host) => host.view.isScratch);
    const usual = planned.filter((host) => !host.view.isScratch);
    const hot = new Set(hotspots.map(({ host }) => host));
    const isHotHost = ({ view: { name } }: PlannedHost): boolean => hot.has(name);
    const plan = planMitigation(usual, isHotHost, scratch, view.hotspot.threshold);
    const chains = plan.chains.map((moves) =>
      moves.map((move) => {
        const cpus = shortOfCpus.get(move.vm);
        return cpus === undefined ? move : { ...move, cpus };
      }),
    );
    return { ...plan, chains, hotspots, resizes };
  }

  /** Finds what is too busy on a host, and lets VMs grow that need memory or CPUs as long as the host has some. */
  #inspect(host: HostView, view: FleetView, { hotspots, resizes, shortOfCpus }: Found): void {
    for (const resource of ['cpu', 'net'] as const) {
      if (isHot(host.readings[resource], view.hotspot))
        hotspots.push({ host: host.name, resource });
    }
    let { freeBytes } = host;
    let busyCpus = host.cpus === Infinity ? 0 : host.readings.cpu.last * host.cpus;
    const { memoryStepBytes } = this.#options;
    for (const vm of host.vms) {
      const cpus = cpusNeeded(vm, view, this.#isGray, this.#options);
      if (cpus === undefined) {
        if (this.#isGray) this.#inspectInside(vm, view, hotspots);
      } else if (busyCpus + cpus - vm.cpus <= view.hotspot.threshold * host.cpus) {
        busyCpus += cpus - vm.cpus;
        resizes.push({ vm: vm.name, cpus });
      } else {
        shortOfCpus.set(vm.name, cpus);
        hotspots.push({ host: host.name, vm: vm.name, resource: 'cpu' });
      }
      if (!this.#isShort(vm)) continue;
      if (freeBytes >= memoryStepBytes) {
        freeBytes -= memoryStepBytes;
        resizes.push({ vm: vm.name, memoryBytes: vm.memoryBytes + memoryStepBytes });
      } else {
        hotspots.push({ host: host.name, vm: vm.name, resource: 'memory' });
      }
    }
  }

  #inspectInside({ name, host, readings }: VmView, view: FleetView, hotspots: Hotspot[]): void {
    const { inside } = readings;
    if (!inside) return;
    const { hotspot } = view;
    if (inside.limitS !== undefined) {
      const limit = { ...hotspot, threshold: inside.limitS };
      if (isHot(inside.responseS, limit)) {
        hotspots.push({ host: host.name, vm: name, resource: 'response' });
      }
    }
    if (isHot(inside.drops, { ...hotspot, threshold: 0 })) {
      hotspots.push({ host: host.name, vm: name, resource: 'drops' });
    }
  }

  /** Whether a VM needs memory: from outside that is known only once it swaps. */
  #isShort({ readings }: VmView): boolean {
    const { inside } = readings;
    if (!this.#isGray || !inside) return readings.swap.last > 0;
    return inside.freeBytes.length > 0 && inside.freeBytes.last < this.#options.leastFreeBytes;
  }

  /** Returns how much of a capacity will be in use, by the trend of the shares that were. */
  #predicted(series: Series, capacity: number, { intervalNs }: FleetView): number {
    if (capacity === Infinity) return 0;
    const readings = Math.max(3, Math.round(this.#options.trendNs / intervalNs));
    const shares = series.tail(Math.min(readings, Math.max(1, series.fresh)));
    return Math.min(1, trend(shares)) * capacity;
  }

  #planned(host: HostView, view: FleetView, found: Found): PlannedHost {
    const own = found.hotspots.filter((one) => one.host === host.name);
    const isFull = {
      cpu: own.some(({ resource, vm }) => resource === 'cpu' && vm === undefined),
      net: own.some(({ resource }) => resource === 'net'),
    };
    const short = own.filter(({ resource }) => resource === 'memory');
    const grown = new Map(
      found.resizes.flatMap(({ vm, memoryBytes }) =>
        memoryBytes === undefined ? [] : [[vm, memoryBytes] as const],
      ),
    );
    const freeBytes = host.vms.reduce(
      (free, { name, memoryBytes }) => free - ((grown.get(name) ?? memoryBytes) - memoryBytes),
      host.freeBytes,
    );
    const vms = host.vms.map((vm) =>
      this.#plannedVm(vm, { isFull, short, grown, cpus: found.shortOfCpus.get(vm.name) }),
    );
    // The readings of a host that is too busy do not say by how much; from inside it is known what its VMs would use.
    const asked = this.#isGray && isFull.cpu ? vms.reduce((sum, { use }) => sum + use.cpus, 0) : 0;
    const planned = new PlannedHost(host, {
      cpus: Math.max(this.#predicted(host.readings.cpu, host.cpus, view), asked),
      netBytesPerSecond: this.#predicted(host.readings.net, host.nicBytesPerSecond, view),
      memoryUse: this.#memoryUseOf(host),
      freeBytes,
      shortBytes: short.length * this.#options.memoryStepBytes,
      shortCpus: host.vms.reduce(
        (sum, { name, cpus }) => sum + (found.shortOfCpus.get(name) ?? cpus) - cpus,
        0,
      ),
      isTroubled: own.some(({ resource }) => resource === 'response' || resource === 'drops'),
    });
    for (const vm of vms) planned.vms.add(vm);
    return planned;
  }

  #memoryUseOf({ memoryBytes, freeBytes, readings, vms }: HostView): number {
    if (this.#isGray) return 1 - freeBytes / memoryBytes;
    const sets = vms.map((vm) => workingSetOf(vm));
    const isKnown = sets.length > 0 && sets.every((bytes) => bytes !== undefined);
    const inUse = sets.reduce<number>((sum, bytes = 0) => sum + bytes, 0);
    return blackMemory(readings.swap.last, isKnown ? inUse / memoryBytes : undefined);
  }

  #plannedVm(
    vm: VmView,
    {
      isFull,
      short,
      grown,
      cpus,
    }: {
      readonly isFull: { readonly cpu: boolean; readonly net: boolean };
      readonly short: readonly Hotspot[];
      readonly grown: ReadonlyMap<string, number>;
      /** The CPUs that it is to be allowed, if those that it may use now are too few. */
      readonly cpus: number | undefined;
    },
  ): PlannedVm {
    const { readings, host } = vm;
    const memoryBytes = grown.get(vm.name) ?? vm.memoryBytes;
    const workingSet = workingSetOf(vm);
    const used = this.#isGray ? readings.inside?.usedBytes : undefined;
    const memoryUse =
      used && used.length > 0
        ? Math.min(1, used.last / vm.memoryBytes)
        : blackMemory(readings.swap.last, workingSet && workingSet / vm.memoryBytes);
    const use = this.#isGray && isFull.cpu ? useFromInside(vm) : useOf(vm);
    const cpuShare = shareOf(use.cpus, host.cpus);
    const net = shareOf(use.netBytesPerSecond, host.nicBytesPerSecond);
    const volume = volumeOf(cpuShare, net, memoryUse);
    const known = {
      view: vm,
      use: { ...use, memoryBytes },
      vsr: volume / vm.memoryBytes,
      ...(cpus === undefined ? {} : { shortCpus: cpus - vm.cpus }),
    };
    return plannedVm(known, () => {
      const inside = this.#isGray ? needsFromInside(vm, this.#options) : undefined;
      const needs = inside ?? needsFromOutside(vm, isFull, this.#options);
      const isShort = short.some((one) => one.vm === vm.name);
      const more = isShort ? this.#options.memoryStepBytes : 0;
      return { ...needs, cpus: cpus ?? needs.cpus, memoryBytes: memoryBytes + more };
    });
  }
}

/** Returns the last estimate of a VM's working set in bytes; undefined before the first one, or where nobody samples. */
const workingSetOf = ({ readings: { workingSet } }: VmView): number | undefined =>
  workingSet && workingSet.length > 0 ? workingSet.last : undefined;
