import type { RunConfig } from '../../runtime/config.ts';
import type { HostSpec } from '../../runtime/world/host-spec.ts';
import type { OwnKind } from '../../units/keys.ts';
import type { ParallelLimits } from '../evacuation/config.ts';
import type { Distribution } from './applications/distribution.ts';
import type { Load, LoadPoint } from './applications/load.ts';

/** How requests are computed: one by one, or as flows with formulas of queueing theory for their response times. */
export type Fidelity = 'events' | 'fluid';

/** A machine of the fleet. */
export interface FleetHostSpec extends Required<HostSpec> {
  readonly rack: string;
  readonly cluster: string;
  readonly memoryBytes: number;
  /** What it draws from the mains when it is idle and when all of its CPUs are busy. */
  readonly idleWatts: number;
  readonly peakWatts: number;
  /** Whether it is kept free for the first half of swaps. */
  readonly isScratch: boolean;
}

export interface FleetVmSpec {
  readonly name: string;
  /** The index of its entry in the file's `guests`. */
  readonly group: number;
  /** The index of the host that it runs on at first. */
  readonly host: number;
  /** Its guest, costs and migration, as a run of it alone would have them. */
  readonly config: RunConfig;
  /**
   * Whether it serves requests; then its vCPUs run only for them, and its workload's rate is that of a busy vCPU.
   * Otherwise its workloads go on all the time.
   */
  readonly isServing: boolean;
  /** The CPUs that it may use at first, at most as many as it has vCPUs. */
  readonly cpus: number;
  /** The memory in use over time in bytes; absent: all that it has, and it never swaps. */
  readonly memoryUse?: readonly LoadPoint[];
}

/** VMs that each serve a share of an application's requests. */
export interface TierSpec {
  /** The indices of its VMs. */
  readonly vms: readonly number[];
  /** The CPU time of a request in nanoseconds. */
  readonly service: Distribution;
  /** The bytes that its VM sends in answer to a request. */
  readonly response: Distribution;
}

/** What an application's users have been promised. */
export interface SlaSpec {
  /** So many requests a second are to be served, as long as so many come. */
  readonly perSecond?: number;
  readonly p99Ns?: number;
  readonly meanNs?: number;
  readonly costPerMinute: number;
}

export interface ApplicationSpec {
  readonly name: string;
  readonly tiers: readonly TierSpec[];
  readonly load: Load;
  readonly arrivals: 'poisson' | 'even';
  /** A VM drops a request that finds so many there already. */
  readonly queueLimit: number;
  /** How long a message takes from the users to the first tier, between tiers, and back to the users. */
  readonly latencyNs: number;
  readonly sla?: SlaSpec;
}

/** The bytes of a VM's report in each interval, by what it is about. */
export interface ReportSpec {
  /** What is seen from outside. */
  readonly outside: number;
  /** Memory seen from inside, of VMs whose use of it is stated. */
  readonly memory: number;
  /** Requests seen from inside, of VMs that serve some. */
  readonly requests: number;
}

/** How working sets are estimated. */
export interface WorkingSetSpec {
  /** So many pages of each VM are sampled in a period. */
  readonly samples: number;
  readonly periodNs: number;
  /** The CPU time of dom0 for a sampled page that the VM touches. */
  readonly faultNs: number;
}

/** What monitoring costs and how much of it is kept. */
export interface MonitorSpec {
  readonly intervalNs: number;
  /** So many of the last readings make up a profile. */
  readonly window: number;
  readonly report: ReportSpec;
  /** Whether reports go over the links from the hosts to the router, or are only counted. */
  readonly isReportSent: boolean;
  /** dom0 uses so much CPU time for the readings of a VM in each interval. */
  readonly cpuNsPerVm: number;
  /** How working sets are sampled; absent: they are not. */
  readonly workingSet?: WorkingSetSpec;
  /** dom0 uses so much CPU time for a byte that its VMs send. */
  readonly dom0NsPerByte: number;
}

/** When readings show a hotspot; all policies that look for hotspots go by it. */
export interface HotspotSpec {
  readonly threshold: number;
  /** At least k of the last n readings are above the threshold. */
  readonly k: number;
  readonly n: number;
  /** So many of the last readings make up the series from which the next one is predicted. */
  readonly predictionWindow: number;
}

export interface PolicySpec {
  /** The name of a known policy, or one of the user's own. */
  readonly kind: string | OwnKind;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Everything that a fleet needs, complete and checked. */
export interface FleetConfig {
  readonly seed: number;
  readonly durationNs: number;
  /** Loads change, and the figures of a service-level agreement are taken, at this interval. */
  readonly stepNs: number;
  readonly fidelity: Fidelity;
  readonly hosts: readonly FleetHostSpec[];
  readonly network: {
    readonly rackBytesPerSecond: number;
    readonly clusterBytesPerSecond: number;
  };
  readonly vms: readonly FleetVmSpec[];
  readonly applications: readonly ApplicationSpec[];
  readonly monitor: MonitorSpec;
  readonly hotspot: HotspotSpec;
  readonly policy: PolicySpec;
  readonly limits: ParallelLimits;
  /** Whether a host without VMs is switched off and draws nothing. */
  readonly isPoweredOff: boolean;
}
