import type { CpuUser } from '../../guest/cpu.ts';
import type { VirtualPlace } from '../../runtime/virtual/guest.ts';
import { valueAt } from './applications/load.ts';
import type { JobQueue } from './applications/job-queue.ts';
import type { FleetVmSpec } from './config.ts';
import type { FleetHost } from './host.ts';

/**
 * A VM of a fleet. While nobody looks at its pages it is a few counters: how much CPU time it has had, and for how
 * long its vCPUs have run, from which the contents of its pages follow.
 */
export class FleetVm {
  readonly spec: FleetVmSpec;
  readonly index: number;
  host: FleetHost;
  user: CpuUser;
  /** How many CPUs it would keep busy now. */
  demandCpus: number;
  /** The CPU time that it has had so far. */
  cpuNs = 0;
  /** For how long its vCPUs have run so far; what its guest has done follows from it. */
  ranNs = 0;
  /** For how long its vCPUs stood still for migrations. */
  stoppedNs = 0;
  /** The bytes a second that it sends to its users or to the next tier. */
  sentBytesPerSecond = 0;
  /** What its host has granted it of memory. */
  memoryBytes: number;
  /** Memory in use that its memory has no room for. */
  swappedBytes = 0;
  /** Bytes that it has written to its swap device so far. */
  swapWrittenBytes = 0;
  swapBytesPerSecond = 0;
  /** Where its guest has pages, while somebody looks at them. */
  readonly places = new Map<FleetHost, VirtualPlace>();
  isMigrating = false;
  migrations = 0;
  /** Its requests, when each of them is an event. */
  queue: JobQueue | undefined;

  constructor(spec: FleetVmSpec, index: number, host: FleetHost, demandCpus: number) {
    this.spec = spec;
    this.index = index;
    this.host = host;
    this.demandCpus = demandCpus;
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

  /** Returns the share of the time that its vCPUs run, with the CPUs that its host gives it. */
  get runShare(): number {
    const { sharedCpus } = this.user;
    if (this.spec.isServing) return sharedCpus / this.vcpus;
    return this.demandCpus > 0 ? sharedCpus / this.demandCpus : 1;
  }

  /** Moves it to another host for good. */
  moveTo(host: FleetHost): void {
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
  page(nowNs: number, stepNs: number): void {
    if (!this.spec.memoryUse) return;
    const over = Math.max(0, this.usedBytes(nowNs) - this.memoryBytes);
    const written = Math.max(0, over - this.swappedBytes);
    const read = Math.max(0, this.swappedBytes - over);
    this.swappedBytes = over;
    this.swapWrittenBytes += written;
    this.swapBytesPerSecond = (written + read) / (stepNs / 1e9);
  }
}
