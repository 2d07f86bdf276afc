import type { Process } from '../../clock/process.ts';
import type { CpuUser } from '../../guest/cpu.ts';
import { HostCpu } from '../world/host-cpu.ts';
import type { HostSpec } from '../world/host-spec.ts';
import type { VirtualCrew } from './crew.ts';
import type { VirtualGuest, VirtualPlace } from './guest.ts';
import type { MigrationHost } from './migration-host.ts';
import { VirtualWorker } from './virtual-worker.ts';

/** A host's CPUs are shared out anew this often. */
const SLICE_NS = 10e6;

interface Resident {
  readonly guest: VirtualGuest;
  /** Its demand of the host's CPUs; it is absent when the host does not count them. */
  readonly user?: CpuUser;
  /** Its vCPUs on this host. */
  readonly crew: VirtualCrew;
  /** How many CPUs its vCPUs keep busy while they run. */
  readonly demandCpus: number;
}

/**
 * A host of a virtual world. Every 10 ms it shares its CPUs out among its guests' vCPUs and the senders and
 * receivers that work on it. A vCPU that does not get what it demands stands still for the rest of its time, as a
 * real one does for its steal time.
 */
export class VirtualHost implements Process, MigrationHost {
  readonly spec: HostSpec;
  readonly isOver = false;
  /** It is undefined when everybody on the host has CPUs of their own, which nobody counts. */
  readonly #cpu: HostCpu | undefined;
  readonly #residents = new Map<VirtualGuest, Resident>();
  readonly #workers = new Set<VirtualWorker>();
  #settledNs = 0;
  #usedCpuNs = 0;

  constructor(spec: HostSpec) {
    this.spec = spec;
    if (spec.cpus !== undefined) this.#cpu = new HostCpu(spec.cpus);
  }

  /** The guests that run on this host. */
  get guests(): readonly VirtualGuest[] {
    return [...this.#residents.keys()];
  }

  /** The CPU time that has been used on this host so far, in nanoseconds. */
  get usedCpuNs(): number {
    return this.#usedCpuNs;
  }

  /**
   * Adds a guest's place on this host; its vCPUs keep `demandCpus` CPUs busy while they run here. A guest that is on
   * its way has a place on two hosts, and runs on at most one of them.
   */
  admit(guest: VirtualGuest, { crew }: VirtualPlace, demandCpus: number): void {
    const user = this.#cpu?.join(guest.plan.vcpus);
    this.#residents.set(guest, { guest, crew, demandCpus, ...(user ? { user } : {}) });
  }

  /** Removes a guest, which has no place on this host any more. */
  release(guest: VirtualGuest): void {
    this.#residents.get(guest)?.user?.leave();
    this.#residents.delete(guest);
  }

  /**
   * Adds a sender or a receiver, which works on this host's CPUs until it is dismissed. Returns undefined when the host
   * does not count its CPUs.
   */
  hire(): VirtualWorker | undefined {
    if (!this.#cpu) return undefined;
    const worker = new VirtualWorker(this.#cpu.join(1));
    this.#workers.add(worker);
    return worker;
  }

  dismiss(worker: VirtualWorker): void {
    worker.leave();
    this.#workers.delete(worker);
  }

  nextNs(nowNs: number): number {
    if (!this.#cpu) return Infinity;
    return Math.max(nowNs, this.#settledNs + SLICE_NS);
  }

  step(atNs: number): void {
    const sliceNs = atNs - this.#settledNs;
    this.#settledNs = atNs;
    this.#usedCpuNs += this.#cpu!.usedCpus * sliceNs;
    for (const worker of this.#workers) worker.settle(sliceNs);
    for (const { crew, user, demandCpus } of this.#residents.values()) {
      user!.demand(crew.isRunning() ? demandCpus : 0);
    }
    for (const { guest, crew, user } of this.#residents.values()) {
      const { slowdown } = user!;
      if (slowdown <= 1 || !crew.isRunning() || guest.untilNs <= atNs) continue;
      // A guest that nobody looks at lives up to now first, so that what is stolen falls into the next slice.
      if (!guest.isMigrating) guest.advance(atNs);
      crew.steal(SLICE_NS * (1 - 1 / slowdown));
    }
  }
}
