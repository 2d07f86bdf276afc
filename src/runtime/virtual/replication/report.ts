import type { CodeCounts } from '../../../replication/compression.ts';
import type { PacketTotals } from '../../../replication/packet-ledger.ts';
import type { EpochRecord, TakeoverTimes } from '../../../replication/ports.ts';
import type { Proof } from '../../report.ts';

/** How one protection of the guest went. Times are on the world's clock, in nanoseconds. */
export interface PairReport {
  readonly primary: number;
  readonly backup: number;
  readonly startNs: number;
  /** When the first epoch had been acknowledged, from which on the guest was protected. */
  readonly protectedNs?: number;
  /** When it ended, and how; both are absent if it went on to the end. */
  readonly endNs?: number;
  readonly end?: 'tookOver' | 'dropped' | 'fenced' | 'cancelled' | 'gaveUp' | 'refused' | 'lost';
  readonly reason?: string;
  readonly epochs: readonly EpochRecord[];
  /** Bytes of all frames that the primary posted. */
  readonly bytes: number;
  readonly codes: CodeCounts;
  readonly cache: { readonly hits: number; readonly lookUps: number };
  readonly senderNs: number;
}

/** A takeover, and when its parts were over. */
export interface TakeoverReport extends TakeoverTimes {
  readonly from: number;
  readonly to: number;
  readonly epoch: number;
  /** When the primary died; absent if it had not. */
  readonly diedNs?: number;
}

/** What was proved of the guest at one host, at one point. */
export interface PlaceProof {
  readonly host: number;
  /** `image`: the backup's image of its last complete epoch; `end`: the guest where it ran to the end. */
  readonly of: 'image' | 'end';
  readonly epoch?: number;
  readonly proof: Proof;
  /** Blocks of the disk that differ from the replay; absent if there is no disk here to compare. */
  readonly differingBlocks?: number;
}

/** What is reported of a protected guest. */
export interface ProtectReport {
  /**
   * `split`: two hosts ran the guest; `stale`: it goes on from an older state than it had reached without protection;
   * `lost`: no host runs it.
   */
  readonly outcome: 'completed' | 'split' | 'stale' | 'lost' | 'cancelled' | 'failed';
  readonly error?: string;
  readonly endedNs: number;
  readonly pairs: readonly PairReport[];
  readonly takeovers: readonly TakeoverReport[];
  /** Those that are held at the end are in the buffer of the host that runs the guest; the most were in any. */
  readonly packets: PacketTotals & {
    readonly held: number;
    readonly heldBytes: number;
    readonly mostHeldBytes: number;
  };
  readonly delays: readonly { readonly ns: number; readonly packets: number }[];
  readonly writtenBlocks: number;
  /** The accesses of the guest, along the line of hosts on which it lives on. */
  readonly accesses: number;
  /** How long two hosts ran the guest at the same time, in nanoseconds. */
  readonly splitNs: number;
  readonly proofs: readonly PlaceProof[] | undefined;
  /** A sentence for each promise that was broken. */
  readonly problems: readonly string[];
}
