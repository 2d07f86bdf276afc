import type { RunReport } from '../../runtime/report.ts';

/** What became of one guest. */
export interface GuestEvacuation {
  readonly name: string;
  /** Where it went, or was to go; absent when its migration never began. */
  readonly target?: string;
  /** When its migration began and ended; absent when it never began. */
  readonly startedNs?: number;
  readonly endedNs?: number;
  /** The migration, as a run of its own would report it; absent when it never began. */
  readonly run?: RunReport;
  /** Its migration was forced to an end by `onDiverged`. */
  readonly wasForced: boolean;
}

/** What the links and hosts were doing from the sample before up to `ns`. */
export interface UseSample {
  readonly ns: number;
  readonly migrations: number;
  /** Bytes a second over each link, in the order of `EvacuationReport.links`. */
  readonly linkBytesPerSecond: readonly number[];
  /** CPUs in use on each host, in the order of the configuration's hosts. */
  readonly hostCpus: readonly number[];
}

/** An evacuation as it went. Times are on its own clock, whose origin is the guests' start. */
export interface EvacuationReport {
  readonly runtime: 'threads' | 'virtual';
  readonly clock: string;
  /** When the host began to be emptied, and when the last migration was over. */
  readonly startedNs: number;
  readonly endedNs: number;
  /** In the order of the configuration. */
  readonly guests: readonly GuestEvacuation[];
  readonly links: readonly { readonly name: string; readonly bytesPerSecond: number }[];
  readonly samples: readonly UseSample[];
  /** What the emulation itself took, in real time: no part of any result file. */
  readonly wall?: { readonly ns: number; readonly events: number };
}

/** How far an evacuation is, for whoever watches. */
export interface EvacuationProgress {
  readonly nowNs: number;
  readonly guests: readonly {
    readonly name: string;
    readonly state: 'waiting' | 'migrating' | 'over';
    /** While it migrates: the round, and pages that have yet to be sent. */
    readonly round?: number;
    readonly pagesLeft?: number;
    readonly outcome?: string;
  }[];
}

export interface EvacuationOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EvacuationProgress) => void;
}
