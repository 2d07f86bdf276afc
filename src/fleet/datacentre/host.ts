import type { Process } from '../../clock/process.ts';
import type { CpuUser } from '../../guest/cpu.ts';
import type { VirtualGuest, VirtualPlace } from '../../runtime/virtual/guest.ts';
import { VirtualWorker } from '../../runtime/virtual/virtual-worker.ts';
import { HostCpu, type HostCpuUser } from '../../runtime/world/host-cpu.ts';
import type { FleetHostSpec } from './config.ts';
import type { FleetVm, VmHost } from './vm.ts';

/** While a migration works on a host, its CPUs are shared out anew this often. */
const SLICE_NS = 10e6;
/** dom0 gets a fair share against so many vCPUs. */
const DOM0_WEIGHT = 2;

/** What a host calls of its fleet. */
export interface HostOwner {
  /** Whether a host without VMs is switched off. */
  readonly isPoweredOff: boolean;
  /** Returns the VM of a guest. */
  vmOf(this: void, guest: VirtualGuest): FleetVm;
  /** The host wants to be asked for its `nextNs` again. */
  wake(this: void, host: FleetHost): void;
}

/**
 * A host of a fleet. It shares its CPUs out among its VMs, dom0, and the senders and receivers of migrations. It is
 * stepped only while a migration works on it or requests are events; otherwise shares change when loads do.
 */
export class FleetHost implements Process, VmHost {
  readonly spec: FleetHostSpec;
  readonly index: number;
  readonly isOver = false;
  readonly vms = new Set<FleetVm>();
  /** The memory that VMs on their way to it have been promised. */
  readonly incoming = new Set<FleetVm>();
  /** The bytes a second that its VMs would send. */
  sentBytesPerSecond = 0;
  sentBytes = 0;
  swapTrafficBytes = 0;
  /** CPU time of everybody so far, of dom0, and of senders and receivers. */
  usedCpuNs = 0;
  dom0CpuNs = 0;
  /** The part of dom0's that monitoring took. */
  monitoringCpuNs = 0;
  workerCpuNs = 0;
  /** What it has drawn from the mains so far. */
  energyJoules = 0;
  readonly #cpu: HostCpu;
  readonly #dom0: CpuUser;
  readonly #workers = new Set<VirtualWorker>();
  /** Guests with pages that have a place here. */
  readonly #guests = new Map<VirtualGuest, FleetVm>();
  readonly #owner: HostOwner;
  #livedNs = 0;
  #monitoringShare = 0;
  #slicedNs = 0;

  constructor(spec: FleetHostSpec, index: number, owner: HostOwner) {
    this.spec = spec;
    this.index = index;
    this.#owner = owner;
    this.#cpu = new HostCpu(spec.cpus);
    this.#dom0 = this.#cpu.join(DOM0_WEIGHT);
  }

  get name(): string {
    return this.spec.name;
  }

  /** The memory that no VM has, neither one that is here nor one on its way here. */
  get freeBytes(): number {
    let free = this.spec.memoryBytes;
    for (const { memoryBytes } of this.vms) free -= memoryBytes;
    for (const { memoryBytes } of this.incoming) free -= memoryBytes;
    return free;
  }

  /** The CPUs in use now. */
  get busyCpus(): number {
    return this.#cpu.usedCpus;
  }

  /**
   * Returns the CPUs that a VM could have at most: what the others leave, or its fair share where that is more. The
   * scheduler of a busy host gives a VM that has used little what it asks for, at the cost of those that use most.
   */
  ceilingOf({ user, cpus }: FleetVm): number {
    // Most hosts have CPUs to spare, and then no share has to be computed.
    if (this.spec.cpus - this.#cpu.usedCpus + user.sharedCpus >= cpus) return cpus;
    return user.grantFor(cpus);
  }

  /** Gives a VM a share of the CPUs. */
  join(vm: FleetVm): HostCpuUser {
    this.vms.add(vm);
    // The memory that was kept for it is its own now.
    this.incoming.delete(vm);
    const user = this.#cpu.join(vm.vcpus);
    user.demand(vm.wantedCpus);
    return user;
  }

  leave(vm: FleetVm): void {
    vm.user.leave();
    this.vms.delete(vm);
  }

  /** Says how many CPUs a VM keeps busy from now on. The host must have lived up to now. */
  demand(vm: FleetVm, cpus: number): void {
    vm.demandCpus = cpus;
    vm.user.demand(vm.wantedCpus);
  }

  /**
   * Says how many CPUs dom0 keeps busy from now on, for what the VMs send and for monitoring them. The host must have
   * lived up to now.
   */
  demandDom0(trafficCpus: number, monitoringCpus: number): void {
    const cpus = trafficCpus + monitoringCpus;
    this.#dom0.demand(cpus);
    this.#monitoringShare = cpus > 0 ? monitoringCpus / cpus : 0;
  }

  /** Accounts for the CPU time of everybody up to now. */
  live(nowNs: number): void {
    const ns = nowNs - this.#livedNs;
    if (ns <= 0) return;
    this.#livedNs = nowNs;
    const used = this.#cpu.usedCpus;
    this.usedCpuNs += used * ns;
    const dom0 = this.#dom0.sharedCpus;
    this.dom0CpuNs += dom0 * ns;
    this.monitoringCpuNs += dom0 * ns * this.#monitoringShare;
    let vmCpus = 0;
    for (const vm of this.vms) {
      const { sharedCpus } = vm.user;
      vmCpus += sharedCpus;
      vm.cpuNs += sharedCpus * ns;
      vm.queue?.serve(sharedCpus * ns);
      if (vm.isRunning) vm.ranNs += vm.runShare * ns;
      else vm.stoppedNs += ns;
    }
    this.workerCpuNs += Math.max(0, used - dom0 - vmCpus) * ns;
    this.energyJoules += (this.#watts(used) * ns) / 1e9;
  }

  /** Whether it draws power. */
  get isOn(): boolean {
    return !this.#owner.isPoweredOff || this.vms.size > 0 || this.incoming.size > 0;
  }

  /** What it draws while so many CPUs are busy, which grows in proportion to them (Fan et al., ISCA 2007). */
  #watts(busyCpus: number): number {
    if (!this.isOn) return 0;
    const { idleWatts, peakWatts, cpus } = this.spec;
    return idleWatts + (cpus === Infinity ? 0 : ((peakWatts - idleWatts) * busyCpus) / cpus);
  }

  /** Has the world ask for `nextNs` again, because a demand has changed. */
  changed(): void {
    this.#owner.wake(this);
  }

  get #isLookedAt(): boolean {
    return this.#workers.size > 0 || this.#guests.size > 0;
  }

  nextNs(nowNs: number): number {
    let nextNs = this.#isLookedAt ? this.#slicedNs + SLICE_NS : Infinity;
    for (const vm of this.vms) {
      if (vm.queue) nextNs = Math.min(nextNs, vm.queue.nextNs(nowNs, vm.user.sharedCpus));
    }
    return Math.max(nowNs, nextNs);
  }

  step(atNs: number): void {
    this.live(atNs);
    if (this.#isLookedAt && atNs >= this.#slicedNs + SLICE_NS) this.#slice(atNs);
    for (const vm of this.vms) if (vm.queue) this.#finish(vm, atNs);
  }

  /** Ends the requests of a VM that are done, which may bring others to it. */
  #finish(vm: FleetVm, nowNs: number): void {
    const queue = vm.queue!;
    let job = queue.take();
    if (!job) return;
    for (; job; job = queue.take()) job.onDone(nowNs);
    this.demand(vm, Math.min(vm.vcpus, queue.length));
  }

  /** Shares the CPUs out for the next slice, and has guests whose pages exist run for as long as their VMs do. */
  #slice(atNs: number): void {
    const sliceNs = atNs - this.#slicedNs;
    this.#slicedNs = atNs;
    for (const worker of this.#workers) worker.settle(sliceNs);
    for (const vm of this.#guests.values()) {
      // A VM has moved as soon as its vCPUs run here.
      if (vm.host !== this && vm.places.get(this)!.crew.isRunning()) {
        vm.host.live(atNs);
        vm.moveTo(this);
      }
      if (vm.host === this) vm.user.demand(vm.wantedCpus);
    }
    for (const [guest, vm] of this.#guests) {
      if (vm.host !== this || !vm.isRunning || guest.untilNs <= atNs || vm.runShare >= 1) continue;
      // A guest that no migration advances lives up to now first, so that what is stolen falls into the next slice.
      if (!guest.isMigrating) guest.advance(atNs);
      this.#idle(vm, SLICE_NS);
    }
  }

  /** Has the guest of a VM stand still for the rest of what its vCPUs would have run for. */
  #idle(vm: FleetVm, ns: number): void {
    const idleShare = 1 - vm.runShare;
    if (idleShare > 0) vm.places.get(this)?.crew.steal(ns * idleShare);
  }

  /** Has a guest that has just got its pages run as its VM does, up to the next slice. */
  beginSlice(vm: FleetVm, nowNs: number): void {
    this.#idle(vm, Math.max(0, this.#slicedNs + SLICE_NS - nowNs));
  }

  /** Begins slices from now on, if nothing has been looked at so far. */
  #lookAt(): void {
    if (!this.#isLookedAt) this.#slicedNs = this.#livedNs;
  }

  admit(guest: VirtualGuest, place: VirtualPlace): void {
    this.#lookAt();
    const vm = this.#owner.vmOf(guest);
    this.#guests.set(guest, vm);
    vm.places.set(this, place);
    this.#owner.wake(this);
  }

  release(guest: VirtualGuest): void {
    this.#guests.get(guest)?.places.delete(this);
    this.#guests.delete(guest);
    this.#owner.wake(this);
  }

  hire(): VirtualWorker | undefined {
    if (this.spec.cpus === Infinity) return undefined;
    this.#lookAt();
    const worker = new VirtualWorker(this.#cpu.join(1));
    this.#workers.add(worker);
    this.#owner.wake(this);
    return worker;
  }

  dismiss(worker: VirtualWorker): void {
    worker.leave();
    this.#workers.delete(worker);
    this.#owner.wake(this);
  }
}
