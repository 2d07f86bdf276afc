import type { VirtualPlace } from '../../runtime/virtual/guest.ts';
import type { MigrationHost } from '../../runtime/virtual/migration-host.ts';
import type { HostCpuUser } from '../../runtime/world/host-cpu.ts';
import { valueAt } from './applications/load.ts';
import type { JobQueue } from './applications/job-queue.ts';
import type { FleetHostSpec, FleetVmSpec } from './config.ts';

/** What a VM and those who deal with it ask of its host. */
export interface VmHost extends MigrationHost {
  readonly spec: FleetHostSpec;
  readonly index: number;
  readonly name: string;
  readonly vms: ReadonlySet<FleetVm>;
  /** The VMs on their way to it, which it keeps memory for. */
  readonly incoming: Set<FleetVm>;
  readonly freeBytes: number;
  /** The CPUs in use now. */
  readonly busyCpus: number;
  /** The bytes a second that its VMs would send. */
  readonly sentBytesPerSecond: number;
  /** What its VMs have sent and swapped so far. */
  sentBytes: number;
  swapTrafficBytes: number;
  /** Returns the CPUs that a VM could have at most: what the others leave, or its fair share where that is more. */
  ceilingOf(vm: FleetVm): number;
  /** Gives a VM a share of the CPUs. */
  join(vm: FleetVm): HostCpuUser;
  leave(vm: FleetVm): void;
  /** Says how many CPUs a VM keeps busy from now on. The host must have lived up to now. */
  demand(vm: FleetVm, cpus: number): void;
  /** Accounts for the CPU time of everybody up to now. */
  live(nowNs: number): void;
  /** Has the world ask for `nextNs` again, because a demand has changed. */
  changed(): void;
  /** Has a guest that has just got its pages run as its VM does, up to the next slice. */
  beginSlice(vm: FleetVm, nowNs: number): void;
}

/**
 * A VM of a fleet. While nobody looks at its pages it is a few counters: how much CPU time it has had, and for how
 * long its vCPUs have run, from which the contents of its pages follow.
 */
export class FleetVm {
  readonly spec: FleetVmSpec;
  readonly index: number;
  host: VmHost;
  user: HostCpuUser;
  /** How many CPUs it would keep busy now. */
  demandCpus: number;
  /** The CPU time that it has had so far. */
  cpuNs = 0;
  /** For how long its vCPUs have run so far; what its guest has done follows from it. */
  ranNs = 0;
  /** For how long its vCPUs stood still for migrations. */
  stoppedNs = 0;
  /** The bytes a second that it would send to its users or to the next tier. */
  sentBytesPerSecond = 0;
  /** What it has sent, and what it has written to and read from its swap device, so far. */
  sentBytes = 0;
  swapTrafficBytes = 0;
  /** The CPUs that it may use at most; a fraction of one is a share of its time. */
  cpus: number;
  /** The CPUs of dom0 that sampling its pages keeps busy. */
  samplingCpus = 0;
  /** What its host has granted it of memory. */
  memoryBytes: number;
  /** Memory in use that its memory has no room for. */
  overBytes = 0;
  /** Bytes that it has written to its swap device so far. */
  swapWrittenBytes = 0;
  /** Where its guest has pages, while somebody looks at them. */
  readonly places = new Map<VmHost, VirtualPlace>();
  isMigrating = false;
  /** When its last migration was over. */
  migratedNs = -Infinity;
  migrations = 0;
  /** Its requests, when each of them is an event. */
  queue: JobQueue | undefined;

  constructor(spec: FleetVmSpec, index: number, host: VmHost, demandCpus: number) {
    this.spec = spec;
    this.index = index;
    this.host = host;
    this.demandCpus = demandCpus;
    this.cpus = spec.cpus;
    this.memoryBytes = spec.config.guest.memoryBytes;
    this.user = host.join(this);
  }

  get name(): string {
    return this.spec.name;
  }

  get vcpus(): number {
    return this.spec.config.guest.vcpus;
  }

  /** Whether its vCPUs run; only a migration stops them. */
  get isRunning(): boolean {
    return this.places.get(this.host)?.crew.isRunning() ?? true;
  }

  /** The CPUs that it would use now if its host had them: none while its vCPUs stand still. */
  get wantedCpus(): number {
    return this.isRunning ? Math.min(this.demandCpus, this.cpus) : 0;
  }

  /** Returns the share of the time that its vCPUs run, with the CPUs that its host gives it. */
  get runShare(): number {
    const { sharedCpus } = this.user;
    if (this.spec.isServing) return sharedCpus / this.vcpus;
    return this.demandCpus > 0 ? sharedCpus / this.demandCpus : 1;
  }

  /** Whether it has been migrating at any time since then. */
  hasMigrated(sinceNs: number): boolean {
    return this.isMigrating || this.migratedNs > sinceNs;
  }

  /** Moves it to another host for good. */
  moveTo(host: VmHost): void {
    this.host.leave(this);
    this.host = host;
    this.user = host.join(this);
  }

  /** The memory that it has in use at a point in time, in bytes. */
  usedBytes(nowNs: number): number {
    const { memoryUse } = this.spec;
    return memoryUse ? valueAt(memoryUse, nowNs, true) : this.memoryBytes;
  }

  /** Has it swap out what its memory has no room for any more, and swap in what it has room for again. */
  page(nowNs: number): void {
    if (!this.spec.memoryUse) return;
    const over = Math.max(0, this.usedBytes(nowNs) - this.memoryBytes);
    const moved = Math.abs(over - this.overBytes);
    this.swapWrittenBytes += Math.max(0, over - this.overBytes);
    this.overBytes = over;
    this.swapTrafficBytes += moved;
    this.host.swapTrafficBytes += moved;
  }

  /** Notes that it has sent so much. */
  send(bytes: number): void {
    this.sentBytes += bytes;
    this.host.sentBytes += bytes;
  }
}
