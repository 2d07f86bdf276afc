/** A machine of a world, and what its guests, senders and receivers share. */
export interface HostSpec {
  readonly name: string;
  /**
   * vCPUs, senders and receivers share this many CPUs in proportion to their weights; Infinity means no limit. When it
   * is absent, everybody has CPUs of their own, and nobody counts what is used.
   */
  readonly cpus?: number;
  /** The network card carries this much in each direction; when it is absent, there is no limit. */
  readonly nicBytesPerSecond?: number;
}
