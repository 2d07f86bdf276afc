import type { Process } from '../../clock/process.ts';
import type { CpuUser } from '../../guest/cpu.ts';
import { HostCpu } from '../world/host-cpu.ts';
import type { HostSpec } from '../world/host-spec.ts';
import type { VirtualGuest } from './guest.ts';

/** How often a host's CPUs are shared out anew. */
const SLICE_NS = 10e6;
/** A worker that used this much of what it had would use more if it had more. */
const BUSY_SHARE = 0.95;

/** Work that a sender or a receiver does on the CPUs of its host. */
export class VirtualWorker {
  readonly #user: CpuUser;
  #usedNs = 0;

  constructor(user: CpuUser) {
    this.#user = user;
  }

  /** Does what takes `ns` on a CPU of its own; returns how long it takes on those of the host. */
  work(ns: number): number {
    this.#usedNs += ns;
    return ns * this.#user.slowdown;
  }

  /** A slice is over: what the worker used in it is what it demands in the next. One thread works. */
  settle(sliceNs: number): void {
    const used = this.#usedNs / sliceNs;
    this.#usedNs = 0;
    const isHeldBack = this.#user.slowdown > 1 && used >= BUSY_SHARE * this.#user.sharedCpus;
    this.#user.demand(isHeldBack ? 1 : Math.min(1, used));
  }

  leave(): void {
    this.#user.leave();
  }
}

interface Resident {
  readonly guest: VirtualGuest;
  readonly user: CpuUser;
  /** CPUs that its vCPUs keep busy while they run. */
  readonly demandCpus: number;
}

/**
 * A host of a virtual world: shares its CPUs out among its guests' vCPUs, and the senders and receivers
 * that work on it, every 10 ms. A vCPU that does not get what it demands stands still for the rest of
 * its time, which is what steal time does to a real one.
 */
export class VirtualHost implements Process {
  readonly spec: HostSpec;
  readonly isOver = false;
  readonly #cpu: HostCpu;
  readonly #residents = new Map<VirtualGuest, Resident>();
  readonly #workers = new Set<VirtualWorker>();
  #settledNs = 0;
  #usedCpuNs = 0;

  constructor(spec: HostSpec) {
    this.spec = spec;
    this.#cpu = new HostCpu(spec.cpus);
  }

  /** Guests that live here. */
  get guests(): readonly VirtualGuest[] {
    return [...this.#residents.keys()];
  }

  /** CPU time that everybody has used here so far, in nanoseconds. */
  get usedCpuNs(): number {
    return this.#usedCpuNs;
  }

  /** A guest lives here from now on; its vCPUs keep so many CPUs busy while they run. */
  admit(guest: VirtualGuest, demandCpus: number): void {
    const user = this.#cpu.join(guest.plan.vcpus);
    this.#residents.set(guest, { guest, user, demandCpus });
  }

  /** A guest lives elsewhere from now on. */
  release(guest: VirtualGuest): void {
    this.#residents.get(guest)?.user.leave();
    this.#residents.delete(guest);
  }

  /** A sender or a receiver begins to work here. */
  hire(): VirtualWorker {
    const worker = new VirtualWorker(this.#cpu.join(1));
    this.#workers.add(worker);
    return worker;
  }

  dismiss(worker: VirtualWorker): void {
    worker.leave();
    this.#workers.delete(worker);
  }

  nextNs(nowNs: number): number {
    return Math.max(nowNs, this.#settledNs + SLICE_NS);
  }

  step(atNs: number): void {
    const sliceNs = atNs - this.#settledNs;
    this.#settledNs = atNs;
    this.#usedCpuNs += this.#cpu.usedCpus * sliceNs;
    for (const worker of this.#workers) worker.settle(sliceNs);
    for (const { guest, user, demandCpus } of this.#residents.values()) {
      const { crew } = guest.place;
      user.demand(crew.isRunning() ? demandCpus : 0);
      const { slowdown } = user;
      if (slowdown > 1) crew.steal(SLICE_NS * (1 - 1 / slowdown));
    }
  }
}
