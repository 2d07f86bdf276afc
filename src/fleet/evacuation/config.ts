import type { RunConfig } from '../../runtime/config.ts';
import type { HostSpec } from '../../runtime/world/host-spec.ts';

/** Which guest goes first; a guest that can't go yet for a limit does not hold up those behind it. */
export type EvacuationOrder = 'given' | 'smallest' | 'least-dirty' | 'deadline';

/** What becomes of a guest whose migration has not completed within its timeout. */
export type DivergedAction = 'leave' | 'stop-and-copy' | 'postcopy';

/** How many migrations may be under way at a time; Infinity: any number. */
export interface ParallelLimits {
  /** That leave one host. */
  readonly outgoing: number;
  /** That come to one host. */
  readonly incoming: number;
  /** In all. */
  readonly cluster: number;
  /** The next ones start only when all of a batch are over, as managers do that work through batches. */
  readonly inBatches: boolean;
}

/** A guest of the host that is emptied. */
export interface EvacuatedGuest {
  readonly name: string;
  /**
   * Its memory, workloads, costs and migration, as a run of it alone would have them;
   * `config.link.bytesPerSecond` is the least capacity on the way to its target.
   */
  readonly config: RunConfig;
  readonly onDiverged: DivergedAction;
  /** By when it is to be gone, from the evacuation's start on; absent: there is no hurry. */
  readonly deadlineNs?: number;
  /** The host that it goes to; absent: the one with the fewest guests coming or there, the first of equals. */
  readonly target?: string;
  /** It has real bytes that are proved; the others count versions. */
  readonly hasBytes: boolean;
}

/** An evacuation, complete and checked. */
export interface EvacuationConfig {
  readonly seed: number;
  readonly runtime: 'threads' | 'virtual';
  readonly hosts: readonly HostSpec[];
  /** Name of the host that is emptied; the guests go to the others. */
  readonly source: string;
  /** The link that joins the hosts' network cards, each direction for itself. */
  readonly core: { readonly bytesPerSecond: number; readonly latencyNs: number };
  readonly guests: readonly EvacuatedGuest[];
  readonly limits: ParallelLimits;
  readonly order: EvacuationOrder;
}
