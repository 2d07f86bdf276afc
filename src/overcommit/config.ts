import type { SamplingConfig } from './active-memory.ts';
import type { StateThresholds } from './memory-state.ts';
import type { SwapDeviceSpec } from './swap-device.ts';

/** How fast a host scans its guests' pages for equal ones. */
export interface SharingConfig {
  /** The most pages a second, of one guest and of all guests of the host together. */
  readonly guestPagesPerSecond: number;
  readonly pagesPerSecond: number;
}

/** How long the host's own work takes at an access that it stops, in nanoseconds. */
export interface HostCosts {
  /** The fault of a page without contents: a machine page is found and zeroed. */
  readonly zeroFaultNs: number;
  /** The fault of a shared page that is written: the page is copied. */
  readonly copyNs: number;
  /** The fault of a sampled page. */
  readonly sampleNs: number;
}

/** A host whose guests may have more memory than it has (Waldspurger, OSDI 2002). */
export interface OvercommitConfig {
  readonly seed: number;
  /** The size of all guests' pages, and what stands for a page in memory (SlotLayout.storedBytes). */
  readonly pageSize: number;
  readonly storedBytes: number;
  /** The machine memory for guests, with the overhead of each. */
  readonly machinePages: number;
  /** What each guest needs besides its own pages, such as for its tables and its frame buffer. */
  readonly overheadPages: number;
  readonly sharing?: SharingConfig;
  /** Only so many low bits of a page's hash count, so that a test can have unequal pages with equal hashes. */
  readonly hashBits?: number;
  readonly swap: SwapDeviceSpec & {
    /** The pages that its store holds. */
    readonly pages: number;
  };
  /** The rate of the tax on idle memory, 0 to less than 1. */
  readonly idleTax: number;
  readonly sampling: SamplingConfig;
  /** Targets are computed anew at least this often, in nanoseconds. */
  readonly balanceNs: number;
  readonly thresholds: StateThresholds;
  readonly costs: HostCosts;
}

/** What a host grants one of its guests. */
export interface GuestGrant {
  readonly minPages: number;
  readonly shares: number;
}
