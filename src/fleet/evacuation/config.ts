import type { RunConfig } from '../../runtime/config.ts';
import type { HostSpec } from '../../runtime/world/host-spec.ts';

/** Which guest goes first. A guest that a limit holds back does not hold up the guests behind it. */
export type EvacuationOrder = 'given' | 'smallest' | 'least-dirty' | 'deadline';

/** What becomes of a guest whose migration has not completed within its timeout. */
export type DivergedAction = 'leave' | 'stop-and-copy' | 'postcopy';

/** How many migrations may be under way at a time; Infinity means any number. */
export interface ParallelLimits {
  /** The limit of migrations that leave one host. */
  readonly outgoing: number;
  /** The limit of migrations that come to one host. */
  readonly incoming: number;
  /** The limit of migrations between all hosts together. */
  readonly cluster: number;
  /** Whether the next migrations start only when all of the batch before have ended. */
  readonly inBatches: boolean;
}

/** A guest on the host that is emptied. */
export interface EvacuatedGuest {
  readonly name: string;
  /**
   * Its memory, workloads, costs and migration, as a run of it alone would have them;
   * `config.link.bytesPerSecond` is the least capacity on the way to its target.
   */
  readonly config: RunConfig;
  readonly onDiverged: DivergedAction;
  /** The guest must have moved this long after the evacuation's start; without a deadline it may take any time. */
  readonly deadlineNs?: number;
  /** The host that it goes to; without it, that is the first host among those that have the fewest guests by then. */
  readonly target?: string;
  /** Whether its pages have real bytes, which are proved; otherwise each page is a count of its writes. */
  readonly hasBytes: boolean;
}

/** Everything that an evacuation needs, complete and checked. */
export interface EvacuationConfig {
  readonly seed: number;
  readonly runtime: 'threads' | 'virtual';
  readonly hosts: readonly Required<HostSpec>[];
  /** The name of the host that is emptied; the guests go to the other hosts. */
  readonly source: string;
  /** The link that joins the hosts' network cards, which has this capacity in each direction. */
  readonly core: { readonly bytesPerSecond: number; readonly latencyNs: number };
  readonly guests: readonly EvacuatedGuest[];
  readonly limits: ParallelLimits;
  readonly order: EvacuationOrder;
}
