import type { EncoderOptions } from '../wire/encoder.ts';
import type { Accounting } from './accounting.ts';
import type { SendLimiter } from './limiters.ts';
import type { PrecopyWalk } from './page-orders/permuted.ts';

/** What a scenario asks of the source's half, beside its algorithm and policy. */
export interface SourceOptions extends EncoderOptions {
  readonly linkBytesPerSecond: number;
  readonly linkLatencyNs: number;
  /** The migration's own limit, bytes a second. */
  readonly maxBytesPerSecond: number;
  /** The migration's limit also holds for pages sent after the pause. */
  readonly strictRate: boolean;
  readonly timeoutNs: number;
  /** Limit of the pages pushed after the switch to post-copy, bytes a second. */
  readonly postcopyBytesPerSecond: number;
  /** The switch to post-copy moves what can't be paged, as pseudo-paging has to. */
  readonly pseudoPaging?: boolean;
  /** A post-copy that has lost its connection waits so long for another; absent: it is lost with it. */
  readonly recoverWithinNs?: number;
  /** Requested pages have a channel of their own (postcopy-preempt). */
  readonly preempt?: boolean;
  /** The way pre-copy goes through the guest; absent: by gfn, on from where it was. */
  readonly walk?: PrecopyWalk;
  /** A policy's own way to keep to `maxBytesPerSecond`; absent: evenly, by the link's token bucket. */
  readonly pacing?: { readonly accounting: Accounting; readonly limiter: SendLimiter };
}
