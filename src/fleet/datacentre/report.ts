import type { LinkSpec } from '../../link/network.ts';
import type { RunReport } from '../../runtime/report.ts';
import type { Hotspot, Move, Resize } from './policies/policy.ts';

/** A migration that has begun. */
export interface MigrationReport {
  readonly vm: string;
  readonly from: string;
  readonly to: string;
  readonly askedNs: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly isMoved: boolean;
  readonly sentBytes: number;
  /** The least capacity of the links between its hosts, in bytes a second, and the memory that the VM had. */
  readonly bytesPerSecond: number;
  readonly memoryBytes: number;
  /** As a run of this guest alone would report it; absent when the fleet was stopped before its proof. */
  readonly run?: RunReport;
}

/** A decision of the policy that changes something. */
export interface DecisionReport {
  readonly atNs: number;
  readonly hotspots: readonly Hotspot[];
  readonly moves: readonly Move[];
  readonly resizes: readonly Resize[];
  readonly swaps: number;
  readonly isPartial: boolean;
}

/** The shares in use of a host's CPUs, of its network card's rate and of its memory, one value for each interval. */
export interface HostSeries {
  readonly cpu: number[];
  readonly net: number[];
  readonly memory: number[];
}

export interface ApplicationReport {
  readonly name: string;
  readonly offered: number;
  readonly served: number;
  readonly dropped: number;
  readonly droppedMigrating: number;
  readonly queued: number;
  readonly meanNs: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  /** The p99 of steps in which one of its VMs migrated, and of the others; absent when none did. */
  readonly p99MigratingNs?: number;
  readonly p99OutsideNs?: number;
  readonly violationNs: number;
  readonly violationMigratingNs: number;
  readonly cost: number;
  /** In each interval: requests served a second, the mean response time and the worst step's p99; null without any. */
  readonly series: {
    readonly servedPerSecond: number[];
    readonly meanNs: (number | null)[];
    readonly p99Ns: number[];
  };
}

/** What a fleet has come to. */
export interface FleetReport {
  readonly outcome: 'completed' | 'cancelled' | 'failed';
  /** What was wrong with a policy of the user's own, in a sentence, when the outcome is `failed`. */
  readonly failure?: string;
  readonly endedNs: number;
  readonly policy: string;
  readonly hosts: readonly {
    readonly name: string;
    readonly energyJoules: number;
    readonly cpuNs: number;
    readonly dom0CpuNs: number;
    readonly monitoringCpuNs: number;
    readonly migrationCpuNs: number;
    readonly vms: readonly string[];
    readonly series: HostSeries;
  }[];
  readonly vms: readonly {
    readonly name: string;
    readonly host: string;
    /** The CPUs that it may use at the end. */
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly cpuNs: number;
    readonly stoppedNs: number;
    readonly migrations: number;
    readonly swapWrittenBytes: number;
    /** The last estimate of its working set; absent unless working sets are sampled. */
    readonly workingSetBytes?: number;
    /** The share of its host's CPUs in each interval; absent in large fleets. */
    readonly cpuSeries?: readonly number[];
    readonly hostSeries?: readonly number[];
    readonly memorySeries?: readonly number[];
  }[];
  readonly applications: readonly ApplicationReport[];
  readonly decisions: readonly DecisionReport[];
  readonly migrations: readonly MigrationReport[];
  readonly refusedMoves: number;
  readonly links: readonly (LinkSpec & {
    readonly migrationBytes: number;
    readonly applicationBytes: number;
    readonly monitoringBytes: number;
  })[];
  readonly reportedBytes: number;
  /** What the emulation itself took; no result file has this. */
  readonly wall?: FleetWall;
}

/** What an emulation took in real time, for how much of a world. */
export interface FleetWall {
  readonly ns: number;
  /** How many times a process was stepped: migrations, hosts and requests at their times, and the fleet at each step. */
  readonly events: number;
  /** How many times a VM lived through a step of the fleet. */
  readonly vmSteps: number;
}

/** How far a fleet is, for displays. */
export interface FleetProgress {
  readonly nowNs: number;
  readonly durationNs: number;
  /** A host with a larger share of its CPUs in use is too busy. */
  readonly threshold: number;
  readonly hosts: readonly {
    readonly name: string;
    readonly rack: string;
    readonly cpu: number;
    readonly vms: number;
  }[];
  readonly migrating: readonly {
    readonly vm: string;
    readonly from: string;
    readonly to: string;
    readonly pagesLeft: number;
  }[];
  readonly migrations: number;
  readonly violationNs: number;
}
