/**
 * A host's CPUs, which the vCPUs of its guests and the senders and receivers of its migrations share in proportion to
 * their weights. A share that its user does not need goes to the others.
 */
export interface Cpu {
  /** The number of CPUs. With Infinity every user gets what it demands. */
  readonly cpus: number;
  /** Adds a user, which demands nothing at first. Its weight is its number of threads. */
  join(weight: number): CpuUser;
  /** The number of CPUs that all users together keep busy now. */
  readonly usedCpus: number;
}

/** A user of a host's CPUs. */
export interface CpuUser {
  /** Says how many CPUs the user would keep busy from now on if it had them. */
  demand(cpus: number): void;
  /** The number of CPUs that the user has now, at most what it has demanded. */
  readonly sharedCpus: number;
  /** The factor, 1 or more, by which its work takes longer than it would on CPUs of its own. */
  readonly slowdown: number;
  /** Ends the use; the user gets no CPUs any more. */
  leave(): void;
}
