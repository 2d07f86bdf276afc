import type { FaultReport } from '../guest/faults.ts';
import type { RingCounts } from '../memory/dirty-logs/dirty-log.ts';
import type { DestinationReport } from '../migration/destination.ts';
import type { DirtyHistory } from '../migration/history.ts';
import type { SourceReport } from '../migration/source.ts';

/** One byte that differs between what the guest became and what it should have become. */
export interface Difference {
  readonly gfn: number;
  readonly offset: number;
  readonly expected: number;
  readonly found: number;
}

/** The proof of a run (design rule 9). */
export interface Proof {
  readonly kind: 'replay' | 'full';
  readonly replayedBy: 'twin' | 'kernel';
  readonly pagesCompared: number;
  readonly bytesCompared: number;
  readonly differingPages: number;
  readonly readsChecked: number;
  readonly ok: boolean;
  readonly firstDifference?: Difference;
  /** What else is wrong: a read checksum, a state that changed on the way. */
  readonly problems: readonly string[];
  /** Real time; absent when the run was virtual. */
  readonly durationNs?: number;
}

/** Pages, but for the callbacks. */
export interface ManagerCounts {
  readonly inflated: number;
  readonly deflated: number;
  readonly callbacks: number;
  readonly cacheDropped: number;
  readonly cacheMisses: number;
}

export interface TimelineSample {
  readonly ns: number;
  readonly accesses: number;
}

/** What a runtime reports of a run; the result is built from it. Times are on the run's clock. */
export interface RunReport {
  readonly runtime: 'threads' | 'virtual';
  readonly clock: string;
  readonly source: SourceReport;
  /** What closed formulas need to know of the run. */
  readonly link?: {
    /** The slower of the link's rate and the migration's own. */
    readonly bytesPerSecond: number;
    /** The same once the guest stands still. */
    readonly stoppedBytesPerSecond: number;
    readonly downtimeLimitNs: number;
    /** Pages that some workload may write to. */
    readonly workingSetPages: number;
  };
  /** What the same guest dirties without a migration, from its start on. */
  readonly history?: DirtyHistory;
  readonly destination?: DestinationReport;
  readonly guest: {
    readonly pages: number;
    readonly pageSize: number;
    /** Accesses a second of each workload before the migration; absent when it began at once. */
    readonly achievedRate?: readonly number[];
    /** All accesses of the guest so far, over the run. */
    readonly timeline: readonly TimelineSample[];
    /** Largest gap over the switchover that a vCPU saw; absent when the guest was not stopped. */
    readonly blackoutNs?: number;
    /** Demand faults at the destination; absent when there was none. */
    readonly faults?: FaultReport;
    /** What the rings of a log `ring` have seen, by vCPU. */
    readonly rings: readonly RingCounts[];
    /** What its memory manager has done, on both sides; of a guest that has one. */
    readonly manager?: ManagerCounts;
    readonly startedNs: number;
    readonly endedNs: number;
  };
  /** What the host's scheduler did to the run; a virtual one has none. */
  readonly disturbance?: {
    readonly maxLagNs: number;
    readonly involuntarySwitches: number;
    readonly runnableThreads: number;
    readonly cpus: number;
  };
  /** How long the emulator took to get ready, which is no part of the migration; absent when virtual. */
  readonly prepareNs?: number;
  readonly proof?: Proof;
  /** What a virtual run itself took, in real time; the result file never has it. */
  readonly wall?: {
    /** Until the migration begins. */
    readonly setUpNs: number;
    /** From the migration's start to the end of the run. */
    readonly runNs: number;
    readonly proofNs: number;
    /** Events of the migration: how often one of its halves, or what happens to them, was on. */
    readonly events: number;
  };
}
