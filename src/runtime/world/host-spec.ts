/** A machine of a world: what its guests, senders and receivers share. */
export interface HostSpec {
  readonly name: string;
  /** CPUs that its vCPUs, senders and receivers share in proportion to their weights; Infinity: no limit. */
  readonly cpus: number;
  /** Its network card, each direction for itself. */
  readonly nicBytesPerSecond: number;
}
