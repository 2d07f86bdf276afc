import type { HotspotSpec } from '../config.ts';
import type { HostReadings, VmReadings } from '../monitor/monitor.ts';

/** A host as policies see it. */
export interface HostView {
  readonly name: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** The memory that no VM has, neither one that is there nor one on its way there. */
  readonly freeBytes: number;
  readonly nicBytesPerSecond: number;
  /** Whether it is kept free for the first half of swaps. */
  readonly isScratch: boolean;
  readonly readings: HostReadings;
  readonly vms: readonly VmView[];
}

/** A VM as policies see it. */
export interface VmView {
  readonly name: string;
  readonly host: HostView;
  /** The most CPUs that it can ever use, and those that it may use now. */
  readonly vcpus: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly readings: VmReadings;
}

/** A fleet as policies see it at the end of an interval. */
export interface FleetView {
  readonly nowNs: number;
  readonly hosts: readonly HostView[];
  readonly hotspot: HotspotSpec;
  /** The interval of the readings. */
  readonly intervalNs: number;
}

/** A VM is to move to a host. */
export interface Move {
  readonly vm: string;
  readonly to: string;
  /** The CPUs that it may use once it is there; absent: as before. */
  readonly cpus?: number;
}

/** A VM is to have another amount of memory, or to be allowed another number of CPUs, where it is. */
export interface Resize {
  readonly vm: string;
  /** Its memory from now on; absent: as before. */
  readonly memoryBytes?: number;
  /** The CPUs that it may use from now on, above 0 and at most as many as it has vCPUs; absent: as before. */
  readonly cpus?: number;
}

/** Something that is too busy, as a policy has found it. */
export interface Hotspot {
  readonly host: string;
  /** The VM, where the policy looks into VMs. */
  readonly vm?: string;
  readonly resource: 'cpu' | 'net' | 'memory' | 'response' | 'drops';
}

/** What is to be done. Nothing is done before the whole decision has been made. */
export interface Decision {
  /** Moves of which each waits for the one before it; the chains themselves go on side by side. */
  readonly chains?: readonly (readonly Move[])[];
  readonly resizes?: readonly Resize[];
  readonly hotspots?: readonly Hotspot[];
  /** How many swaps the chains hold. */
  readonly swaps?: number;
  /** Whether hotspots are left for which nothing can be done. */
  readonly isPartial?: boolean;
}

/**
 * A policy decides what moves. It is asked at the end of each interval unless what it decided last is still under way.
 * It may keep what it likes between calls; the same views must lead to the same decisions.
 */
export interface FleetPolicy {
  readonly name: string;
  decide(view: FleetView): Decision | undefined;
}

/** What the factory of a policy is given besides its options. */
export interface PolicyFacts {
  readonly seed: number;
  readonly hosts: number;
  readonly vms: number;
}
