import type { ColoConfig } from './colo/config.ts';

/** How pages of an epoch are made smaller before they are sent (compression.ts). */
export const COMPRESSIONS = ['raw', 'xor', 'gzip', 'hybrid', 'xen'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/**
 * How an epoch's pages are kept while the guest runs on: copied while it is paused, or each before its first write. With
 * `none` they are not: the guest stands still until all of them have been sent.
 */
export const CAPTURES = ['staging', 'copy-on-write', 'none'] as const;
export type CaptureKind = (typeof CAPTURES)[number];

/** How long the work of replication takes, in nanoseconds. Times for a page hold for the guest's own page size. */
export interface ReplicationCosts {
  /** The guest stands still for this much longer at each checkpoint, whatever it has dirtied. */
  readonly checkpointNs: number;
  /** Its host waits this long until it learns that the guest stands still; the guest does nothing meanwhile. */
  readonly suspendNs: number;
  /** Each page of the guest, dirty or not, is looked at for this long while the guest stands still. */
  readonly filterNs: number;
  /** A page is mapped in this time before it is copied or sent. */
  readonly mapNs: number;
  /** A page is copied to the staging buffer in this time, while the guest stands still. */
  readonly stagingNs: number;
  /** A page is protected in this time, while the guest stands still (copy-on-write). */
  readonly protectNs: number;
  /** The first write to a protected page takes this much longer: the fault and the copy. */
  readonly copyNs: number;
  /** The sender is busy with a page for this long, besides its compression. */
  readonly sendNs: number;
  /** Comparing a page with its old copy takes this long. */
  readonly xorNs: number;
  /** Deflating a page takes this long. */
  readonly deflateNs: number;
  /** The share of the sender's work that the vCPUs lose, as it runs on their CPU: 0 to 1. */
  readonly contention: number;
  /** The backup applies a page of a whole epoch in this time. */
  readonly applyNs: number;
  /** The backup writes its activation record and makes ready to run the guest in this time. */
  readonly activateNs: number;
}

/** The lease on a third party, without which no side may run the guest. */
export interface FenceConfig {
  /** How long the lease lasts from the time at which it was asked for. */
  readonly leaseNs: number;
  /** One way from either side to the third party. */
  readonly latencyNs: number;
}

/** What happens to a guest that passes a high-water mark of dirty pages. */
export const DEADLINE_ACTIONS = ['pause', 'slow'] as const;

/** Deadline scheduling: what bounds the dirty pages of an epoch. */
export interface DeadlineConfig {
  /** The high-water mark: so many pages, dirtied in one epoch. */
  readonly dirtyPages: number;
  /** `pause`: the guest stops, and its checkpoint comes as soon as the epoch before has been acknowledged. */
  readonly action: (typeof DEADLINE_ACTIONS)[number];
  /** The share of their time that `slow` takes from the vCPUs until the next checkpoint: 0.01 to 0.99. */
  readonly throttle: number;
}

/** How a guest is protected. Times are in nanoseconds. */
export interface ReplicationConfig {
  /** From the beginning of one checkpoint to that of the next one; 0: as soon as the last one has been acknowledged. */
  readonly intervalNs: number;
  readonly capture: CaptureKind;
  /** How many saved pages the buffer of copy-on-write holds; a vCPU that needs room there waits. */
  readonly capturePages: number;
  readonly compression: Compression;
  /** How many pages the sender keeps to compare new ones with. */
  readonly cachePages: number;
  /** Whether output is held until its epoch has been acknowledged. */
  readonly netBuffer: boolean;
  /** Whether writes to the disk are mirrored at the backup. */
  readonly diskBuffer: boolean;
  /** How often each side says that it is alive. */
  readonly heartbeatNs: number;
  /** A side that has heard nothing for this long takes the other one for dead. */
  readonly silenceNs: number;
  readonly fence?: FenceConfig;
  readonly deadline?: DeadlineConfig;
  readonly costs: ReplicationCosts;
  /** COLO in place of Remus: the backup's guest runs too, and what both send is compared. */
  readonly colo?: ColoConfig;
}
