import type { LinkSpec } from '../../link/network.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { RunConfig } from '../config.ts';
import type { RunReport } from '../report.ts';
import type { HostSpec } from './host-spec.ts';

/** The machines of a world and what joins them. */
export interface WorldSpec {
  readonly hosts: readonly HostSpec[];
  /** The link between the hosts' network cards, each direction for itself. */
  readonly core: { readonly bytesPerSecond: number; readonly latencyNs: number };
}

/** A guest, and the host that it lives on at first. */
export interface GuestSpec {
  readonly name: string;
  readonly host: string;
  /** Its memory, workloads, costs and migration, as a run of it alone would have them. */
  readonly config: RunConfig;
}

/** A migration in a world. Times are on the world's clock. */
export interface WorldMigration {
  readonly guest: string;
  readonly from: string;
  readonly to: string;
  /** The links that its frames take, by index. */
  readonly path: readonly number[];
  readonly startNs: number;
  /** When it was over; absent before. */
  readonly endNs?: number | undefined;
  /** The source's report, once it is over. */
  readonly report?: SourceReport | undefined;
  readonly round: number;
  /** Pages that have yet to be sent. */
  readonly pagesLeft: number;
  /** Bytes of all frames from source to target so far. */
  readonly sentBytes: number;
}

/** Who decides what happens in a world: told of its course, it asks for migrations. */
export interface Director {
  /** The guests live: it may begin. */
  begin(nowNs: number): void;
  /** A migration is over. */
  ended(migration: WorldMigration, nowNs: number): void;
  /** Called every 100 ms of the world's time. */
  watch(nowNs: number): void;
  /** Whether nothing is to happen any more; asked when a migration has ended and at the begin. */
  readonly isOver: boolean;
}

/**
 * Hosts with CPUs and network cards, guests on them, a network of links, and migrations: several of each
 * on one clock. The virtual world and that of threads implement it.
 */
export interface World {
  readonly runtime: 'threads' | 'virtual';
  /** What results call its clock. */
  readonly clock: string;
  readonly links: readonly LinkSpec[];
  /** All migrations so far, in the order in which they began. */
  readonly migrations: readonly WorldMigration[];
  /** CPU time used on each host so far, in nanoseconds; absent where a world can't tell hosts apart. */
  hostCpuNs(): readonly number[] | undefined;
  /**
   * Puts guests on their hosts and has them live, as long as the longest of their `startAfter`; then plays
   * what the director decides until it is over. Once in a world's life.
   */
  play(guests: readonly GuestSpec[], director: Director): Promise<void>;
  /** Begins to migrate a guest; for the director. Throws for one that is unknown or on its way. */
  migrate(guest: string, to: string): WorldMigration;
  /** What became of each guest that has migrated, proved; once all is over. */
  reports(): Promise<ReadonlyMap<string, RunReport>>;
}

export interface WorldOptions {
  /** Calls off all that is under way. */
  readonly signal?: AbortSignal;
}
