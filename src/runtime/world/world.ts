import type { LinkSpec } from '../../link/network.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { RunConfig } from '../config.ts';
import type { RunReport } from '../report.ts';
import type { HostSpec } from './host-spec.ts';

/** The machines of a world, and the network that joins them. */
export interface WorldSpec {
  readonly hosts: readonly HostSpec[];
  /**
   * The link between the hosts' network cards, which has this capacity in each direction. Without it, the world has no
   * network: each migration has the link of its guest's configuration for itself.
   */
  readonly core?: { readonly bytesPerSecond: number; readonly latencyNs: number };
}

/** A guest, and the host that it runs on at first. */
export interface GuestSpec {
  readonly name: string;
  readonly host: string;
  /** The guest's memory, workloads, costs and migration, as a run of this guest alone would have them. */
  readonly config: RunConfig;
}

/** A migration in a world. All times are on the world's clock. */
export interface WorldMigration {
  readonly guest: string;
  readonly from: string;
  readonly to: string;
  /** The links that its frames pass, as indices of `World.links`. */
  readonly path: readonly number[];
  /** When its manager began with it. */
  readonly startNs: number;
  /** When the migration ended and its manager had cleaned up; it is undefined until then. */
  readonly endNs?: number | undefined;
  /** The source's report; it is undefined until the migration has ended. */
  readonly report?: SourceReport | undefined;
  readonly round: number;
  /** How many pages have yet to be sent. */
  readonly pagesLeft: number;
  /** How many bytes all frames from source to target have had so far. */
  readonly sentBytes: number;
}

/** What a host remembers of the pages that it has sent to another host, to send equal ones as references. */
export interface ReferenceTable {
  readonly from: string;
  readonly to: string;
  readonly pageSize: number;
  /** How many pages it knows at the end, and the bytes of memory that it takes. */
  readonly entries: number;
  readonly bytes: number;
}

/** A director decides what happens in a world: the world tells it what has happened, and it starts migrations. */
export interface Director {
  /** The world calls this once, when the guests run and migrations may start. */
  begin(nowNs: number): void;
  /** The world calls this when a migration has ended. */
  onMigrationEnd(migration: WorldMigration, nowNs: number): void;
  /** The world calls this every 100 ms of its time. */
  watch(nowNs: number): void;
  /** Whether nothing more is to happen; the world asks after each of the calls above. */
  readonly isOver: boolean;
}

/**
 * A world has several hosts with CPUs and network cards, guests on them, a network of links, and migrations, all on
 * one clock. The virtual world and the world of threads implement it.
 */
export interface World {
  readonly runtime: 'threads' | 'virtual';
  /** The name that results give the world's clock. */
  readonly clock: string;
  readonly links: readonly LinkSpec[];
  /** All migrations so far, in the order in which they began. */
  readonly migrations: readonly WorldMigration[];
  /** Returns the CPU time used on each host so far, in ns; undefined when the world can't tell hosts apart. */
  hostCpuNs(): readonly number[] | undefined;
  /**
   * Puts guests on their hosts and gives them their memory; it may be called once in a world's life. Throws RangeError
   * when there is no such host, and ContentsError when an image can't be used.
   */
  settle(guests: readonly GuestSpec[]): Promise<void>;
  /**
   * Lets the guests run as long as the longest of their `startAfter`, then does what the director decides until it is
   * over and every guest that has migrated has lived for its `runAfter`. It may be called once in a world's life.
   */
  play(director: Director): Promise<void>;
  /** Starts a guest's migration; the director calls it. Throws RangeError when the guest is unknown or has migrated. */
  migrate(guest: string, to: string): WorldMigration;
  /** Returns a report, with its proof, of each guest that has migrated, by name; call it once `play` has ended. */
  reports(): Promise<ReadonlyMap<string, RunReport>>;
}

/** The parts of a guest's run, in their order. */
export type RunPhase = 'prepare' | 'before' | 'migrate' | 'after' | 'verify';

/** How much memory a world has filled, on either side of its guests' migrations, before they begin to run. */
export interface SetUpProgress {
  readonly doneBytes: number;
  readonly allBytes: number;
}

export interface WorldOptions {
  /** Aborting it cancels all migrations. */
  readonly signal?: AbortSignal;
  /** Aborting it gives up the proof that is under way, and those to come: their guests' reports have none. */
  readonly proofSignal?: AbortSignal;
  /** Called while guests are settled, with how much of their memory has been filled. */
  readonly onSetUp?: (progress: SetUpProgress) => void;
}
