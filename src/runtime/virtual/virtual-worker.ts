import type { CpuUser } from '../../guest/cpu.ts';

/** A worker's new demand takes this share from the last slice, and the rest from its demand before. */
const SMOOTHING = 0.5;

/** A sender or a receiver, as the thread that works on the CPUs of its host. */
export class VirtualWorker {
  readonly #user: CpuUser;
  #busyNs = 0;
  #demandCpus = 0;

  constructor(user: CpuUser) {
    this.#user = user;
  }

  /** Does work that takes `ns` on a CPU of its own; returns how long it takes on the host's shared CPUs. */
  work(ns: number): number {
    const takesNs = ns * this.#user.slowdown;
    this.#busyNs += takesNs;
    return takesNs;
  }

  /** Ends a slice: the worker demands the share of it in which it had work, one CPU at most, as it is one thread. */
  settle(sliceNs: number): void {
    const busyShare = Math.min(1, this.#busyNs / sliceNs);
    this.#busyNs = 0;
    this.#demandCpus += SMOOTHING * (busyShare - this.#demandCpus);
    this.#user.demand(this.#demandCpus);
  }

  leave(): void {
    this.#user.leave();
  }
}
