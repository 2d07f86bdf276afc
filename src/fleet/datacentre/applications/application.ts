import type { Process } from '../../../clock/process.ts';
import type { ApplicationSpec, Fidelity } from '../config.ts';
import type { FleetVm } from '../vm.ts';
import type { ApplicationStats } from './stats.ts';

/** An application that runs, whichever way its requests are computed. */
export interface Application {
  readonly spec: ApplicationSpec;
  readonly stats: ApplicationStats;
  /** How many requests are in it, at its VMs or on their way. */
  readonly queued: number;
  /** How many requests are on their way from one tier to the next beside those; only flows have any. */
  readonly travelling: number;
  /**
   * Ends the step up to `nowNs`, with CPUs that the VMs' hosts have accounted for up to now. All applications end a step
   * before any begins the next one, so that what they find of each other is of the same step.
   */
  endStep(nowNs: number, stepNs: number): void;
  /** Begins the step from `nowNs` on. */
  beginStep(nowNs: number, stepNs: number): void;
  /** Completes its statistics, once it has lived to its end. */
  finish(): void;
  /** Returns what a VM of it has served since the last call, for monitors. */
  takeServed(vm: FleetVm): ServedFigures;
}

/** What a monitor in an application's VM sees in an interval. */
export interface ServedFigures {
  readonly arrived: number;
  readonly served: number;
  readonly dropped: number;
  /** The mean response time of the VM itself. */
  readonly responseNs: number;
}

/** What an application needs of its fleet. */
export interface ApplicationSite {
  readonly fidelity: Fidelity;
  readonly seed: number;
  readonly vms: readonly FleetVm[];
  readonly add: (process: Process) => void;
  /** Returns the bytes a second that a host can send for its VMs beside its migrations. */
  readonly sendRate: (vm: FleetVm) => number;
}
