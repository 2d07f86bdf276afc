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

/** What the proof of a run found (runtime/common/proof.ts makes it). */
export interface Proof {
  /** `replay` starts from the source's memory as it stood at the pause, `full` from the initial contents. */
  readonly kind: 'replay' | 'full';
  /** Whether the TypeScript twin or the WASM kernel replayed the accesses. */
  readonly replayedBy: 'twin' | 'kernel';
  readonly pagesCompared: number;
  readonly bytesCompared: number;
  readonly differingPages: number;
  /** How many reads the compared checksums cover. */
  readonly readsChecked: number;
  /** True when no page differs and there is no other problem. */
  readonly ok: boolean;
  readonly firstDifference?: Difference;
  /** Sentences about all else that is wrong, such as a read checksum, or a state that changed on the way. */
  readonly problems: readonly string[];
  /** How long the proof took in real time; it is absent when the run was virtual. */
  readonly durationNs?: number;
}

/** What a guest's memory manager did: `callbacks` counts calls for memory pressure, all others count pages. */
export interface ManagerCounts {
  readonly inflated: number;
  readonly deflated: number;
  readonly callbacks: number;
  readonly cacheDropped: number;
  readonly cacheMisses: number;
}

/** How many page accesses the guest has made up to a point in time. */
export interface TimelineSample {
  readonly ns: number;
  readonly accesses: number;
}

/** The connection of two processes; all times are on the sender's clock. */
export interface ConnectionReport {
  /** The address of the receiver. */
  readonly to: string;
  readonly transport: 'tcp' | 'unix';
  readonly security: 'plain' | 'certificates' | 'psk';
  /** The number of the migration, as 32 hexadecimal digits. */
  readonly id: string;
  /** The shortest round trip when the clocks were compared, which may differ by half of it. */
  readonly roundTripNs: number;
  /** Why the connection ended before the run did; absent if it did not. */
  readonly lost?: string;
  /** Whether the guest's vCPUs run at the sender when its run ends, by their own words. */
  readonly runsHere: boolean;
  /** The times without a stream; absent if there were none. */
  readonly losses?: readonly ConnectionLoss[];
}

/** A time in which a connection had no stream, on the sender's clock. */
export interface ConnectionLoss {
  readonly reason: string;
  readonly lostNs: number;
  /** When another stream took the place of the lost one; absent if none did. */
  readonly backNs?: number;
  /** How many messages and frames were sent again. */
  readonly again?: number;
}

/** What a runtime reports of a run; the result is built from it. All times are on the run's clock. */
export interface RunReport {
  readonly runtime: 'threads' | 'virtual' | 'processes';
  /** The name of the clock that all times are on. */
  readonly clock: string;
  readonly source: SourceReport;
  /** What the closed formulas of migration/models.ts need to know of the run. */
  readonly link?: {
    /** The rate of the link or the limit of the migration, whichever is slower. */
    readonly bytesPerSecond: number;
    /** The rate that holds while the guest stands still. */
    readonly stoppedBytesPerSecond: number;
    readonly downtimeLimitNs: number;
    /** How many pages some workload may write to. */
    readonly workingSetPages: number;
  };
  /** The pages that the same guest dirties without a migration, from the time when one would start. */
  readonly history?: DirtyHistory;
  readonly destination?: DestinationReport;
  readonly guest: {
    readonly pages: number;
    readonly pageSize: number;
    /** Accesses a second of each workload before the migration; it is absent when the migration began at once. */
    readonly achievedRate?: readonly number[];
    /** Samples of how many accesses the guest has made, in the order of time. */
    readonly timeline: readonly TimelineSample[];
    /** The largest gap over the switchover that a vCPU saw; it is absent when the guest was not stopped. */
    readonly blackoutNs?: number;
    /** The demand faults at the destination; it is absent when there were none. */
    readonly faults?: FaultReport;
    /** What the ring of each vCPU counted; it is empty unless the dirty log is `ring`. */
    readonly rings: readonly RingCounts[];
    /** What the guest's memory manager did on both sides; it is absent when the guest has none. */
    readonly manager?: ManagerCounts;
    /** Sentences about what makes this guest differ from the one that it stands for. */
    readonly warnings?: readonly string[];
    readonly startedNs: number;
    readonly endedNs: number;
  };
  /** The connection to the other process; absent when the run was in one. */
  readonly connection?: ConnectionReport;
  /** What the host's scheduler did to the run; it is absent when the run was virtual. */
  readonly disturbance?: {
    readonly maxLagNs: number;
    readonly involuntarySwitches: number;
    readonly runnableThreads: number;
    readonly cpus: number;
  };
  /** The CPU time of the two engines in threads, in nanoseconds; the result file never has it. */
  readonly engineCpuNs?: { readonly source: number; readonly destination: number };
  /** How long the manager worked before and after the migration, in ns; absent if its scenario says nothing of it. */
  readonly around?: { readonly before: number; readonly after: number };
  /** How long the emulator took to get ready, which is no part of the migration; virtual runs lack it. */
  readonly prepareNs?: number;
  readonly proof?: Proof;
  /** How long a virtual run itself took in real time; the result file never has it. */
  readonly wall?: {
    /** The time until the migration begins. */
    readonly setUpNs: number;
    /** The time from the migration's start to the end of the run. */
    readonly runNs: number;
    readonly proofNs: number;
    /** How many events the run had: steps of the source, of the destination and of the world, and outages. */
    readonly events: number;
  };
}
