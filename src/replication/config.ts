import type { ColoConfig } from './colo/config.ts';

/** How pages of an epoch are made smaller before they are sent (compression.ts). */
export const COMPRESSIONS = ['raw', 'xor', 'gzip', 'hybrid', 'xen'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** How an epoch's pages are kept while the guest runs on: copied while it is paused, or each before its first write. */
export const CAPTURES = ['staging', 'copy-on-write'] as const;
export type CaptureKind = (typeof CAPTURES)[number];

/** How long the work of replication takes, in nanoseconds. Times for a page hold for the guest's own page size. */
export interface ReplicationCosts {
  /** The guest stands still for this much longer at each checkpoint, whatever it has dirtied. */
  readonly checkpointNs: number;
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
  readonly costs: ReplicationCosts;
  /** COLO in place of Remus: the backup's guest runs too, and what both send is compared. */
  readonly colo?: ColoConfig;
}
