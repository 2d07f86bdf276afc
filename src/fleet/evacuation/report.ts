import type { RunReport } from '../../runtime/report.ts';
import type { ReferenceTable, WorldOptions } from '../../runtime/world/world.ts';

/** What became of one guest. */
export interface GuestEvacuation {
  readonly name: string;
  /** The host that it went to, or should have gone to; it is absent when its migration never began. */
  readonly target?: string;
  /** When its migration began; it is absent when that never happened. */
  readonly startedNs?: number;
  /** When its migration ended; it is absent when the migration never began. */
  readonly endedNs?: number;
  /** The migration, as a run of this guest alone would report it; it is absent when the migration never began. */
  readonly run?: RunReport;
  /** Whether `onDiverged` forced its migration to an end. */
  readonly wasForced: boolean;
}

/** What the links and hosts were doing from the sample before up to `ns`. */
export interface UseSample {
  readonly ns: number;
  /** How many migrations were under way at `ns`. */
  readonly migrations: number;
  /** The bytes a second over each link, in the order of `EvacuationReport.links`. */
  readonly linkBytesPerSecond: readonly number[];
  /** The CPUs in use on each host, in the order of the configuration; it is empty where they can't be told apart. */
  readonly hostCpus: readonly number[];
}

/** How an evacuation went. All times are on its own clock, whose origin is the guests' start. */
export interface EvacuationReport {
  readonly runtime: 'threads' | 'virtual';
  readonly clock: string;
  /** When the evacuation began. */
  readonly startedNs: number;
  /** When the last migration ended. */
  readonly endedNs: number;
  /** What became of each guest, in the order of the configuration. */
  readonly guests: readonly GuestEvacuation[];
  readonly links: readonly { readonly name: string; readonly bytesPerSecond: number }[];
  /** What the source remembers of what it has sent; empty when no pages are sent as references. */
  readonly referenceTables: readonly ReferenceTable[];
  readonly samples: readonly UseSample[];
  /** How long the emulation itself took in real time, and its events; no result file has this. */
  readonly wall?: { readonly ns: number; readonly events: number };
}

/** How far an evacuation is, for displays of its progress. */
export interface EvacuationProgress {
  readonly nowNs: number;
  readonly guests: readonly {
    readonly name: string;
    readonly state: 'waiting' | 'migrating' | 'over';
    /** The round of its migration; only a guest that migrates has it. */
    readonly round?: number;
    /** How many pages have yet to be sent; only a guest that migrates has it. */
    readonly pagesLeft?: number;
    /** How its migration ended; only a guest whose migration is over has it. */
    readonly outcome?: string;
  }[];
}

export interface EvacuationOptions extends WorldOptions {
  /** Called every 100 ms of the evacuation's time. */
  readonly onProgress?: (progress: EvacuationProgress) => void;
}
