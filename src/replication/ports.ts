import type { DestinationGuest, Side } from '../migration/ports.ts';
import type { SourceSide } from '../migration/source-session.ts';
import type { CheckpointCause } from './colo/config.ts';
import type { Capture } from './capture.ts';
import type { PageCompressor } from './compression.ts';
import type { ReplicationConfig } from './config.ts';
import type { DiskImage, DiskMirror } from './disk.ts';
import type { EpochBuffer } from './epoch-buffer.ts';
import type { Fence } from './lease.ts';
import type { NetBuffer } from './net-buffer.ts';

/** One checkpoint, as the primary saw it. Times are in nanoseconds, on its clock. */
export interface EpochRecord {
  readonly epoch: number;
  /** When the vCPUs were asked to pause, and when they were asked to run again. */
  readonly pauseNs: number;
  resumeNs: number;
  /** When the first page could be sent, and when the end of the epoch had been posted. */
  sendNs: number;
  sentNs: number;
  /** When the acknowledgement arrived. */
  ackNs: number;
  readonly pages: number;
  /** Bytes of all frames of the epoch, those with the blocks of the disk included that were sent while it went on. */
  bytes: number;
  /** Blocks of the disk that were sent since the epoch before. */
  blocks: number;
  /** Pages that copy-on-write saved before their first write. */
  savedPages: number;
  /** With deadline scheduling: whether the guest passed its high-water mark before this checkpoint. */
  readonly hasPassedMark?: boolean;
  /** COLO: why it was made, and how many pages each side's guest had dirtied; `pages` is their union. */
  readonly colo?: {
    readonly cause: CheckpointCause;
    readonly primaryPages: number;
    readonly secondaryPages: number;
  };
}

/** How the primary's half ended, and why. */
export interface PrimaryEnd {
  /**
   * `dropped`: the guest runs on here without protection. `fenced`: the backup has the lease, so it may not.
   * `cancelled`: somebody wanted no more protection; it runs on here.
   */
  readonly kind: 'dropped' | 'fenced' | 'cancelled';
  readonly reason: string;
  readonly atNs: number;
}

/** What the primary's half works with. */
export interface PrimarySide extends SourceSide {
  readonly replication: ReplicationConfig;
  readonly capture: Capture;
  readonly compressor: PageCompressor;
  readonly net: NetBuffer;
  /** The disk and its mirror; absent if the guest has none, or nobody mirrors it. */
  readonly disk?: { readonly mirror: DiskMirror; readonly image: DiskImage };
  readonly fence?: Fence;
  /** Keeps the sender busy for so long. */
  readonly work: (ns: number) => void;
  /** Keeps the guest from running after `untilNs`, by a watchdog of its host. */
  readonly runUntil: (untilNs: number) => void;
  /** Is told of each epoch, when it has been acknowledged. */
  readonly onEpoch: (record: EpochRecord) => void;
}

/** The times of a takeover, on the backup's clock. */
export interface TakeoverTimes {
  /** When the last frame of the primary arrived. */
  readonly heardNs: number;
  readonly detectedNs: number;
  /** When the lease was its own; equal to `detectedNs` without a fence. */
  readonly fencedNs: number;
  /** When all writes of complete epochs were on the disk. */
  readonly drainedNs: number;
  readonly activatedNs: number;
  /** When the last vCPU ran. */
  readonly runningNs: number;
}

/** How the backup's half ended. */
export type BackupEnd =
  /** The guest runs here, from the end of `epoch` on. */
  | { readonly kind: 'tookOver'; readonly epoch: number; readonly times: TakeoverTimes }
  /** The primary has the lease for good. */
  | { readonly kind: 'refused'; readonly atNs: number }
  /** There is no complete image here, or the stream was damaged, so the guest must not run. */
  | { readonly kind: 'gaveUp'; readonly reason: string; readonly atNs: number };

/** What the backup's half works with. */
export interface BackupSide extends Side {
  readonly guest: DestinationGuest;
  readonly buffer: EpochBuffer;
  readonly replication: ReplicationConfig;
  readonly fence?: Fence;
  readonly work: (ns: number) => void;
  /** Is told how many blocks an epoch has that is whole, so that they go to the disk. */
  readonly onCommit: (blocks: number) => void;
  /** Returns when all writes of complete epochs will be on the disk. */
  readonly diskReadyNs: () => number;
  /** Is told when the state of a complete epoch has been loaded, just before the guest runs. */
  readonly onReady: (epoch: number) => void;
}
