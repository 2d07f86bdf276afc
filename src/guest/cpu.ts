/**
 * A host's CPUs, shared in proportion to weights by whoever wants them: the vCPUs of its guests, and
 * the senders and receivers of its migrations. Nobody waits for a share that is idle.
 */
export interface Cpu {
  /** CPUs that there are; Infinity: everybody gets what he wants. */
  readonly cpus: number;
  /** Adds a user, who wants nothing at first. The weight is a number of threads. */
  join(weight: number): CpuUser;
  /** CPUs that all users together have now. */
  readonly usedCpus: number;
}

/** One who runs on a host's CPUs. */
export interface CpuUser {
  /** Says how many CPUs it would keep busy from now on if it had them. */
  demand(cpus: number): void;
  /** CPUs that it has now, at most what it has demanded. */
  readonly sharedCpus: number;
  /** What its work takes of time for each unit that it would take on CPUs of its own: 1 or more. */
  readonly slowdown: number;
  /** Leaves for good. */
  leave(): void;
}
