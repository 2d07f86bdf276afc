import type { DeviceSpec } from '../guest/devices/device.ts';
import type { EncoderOptions } from '../wire/encoder.ts';
import type { Accounting } from './accounting.ts';
import type { Remedies } from './divergence.ts';
import type { SendLimiter } from './limiters.ts';
import type { ZeroPageDetection } from './spec/common-spec.ts';
import type { PrecopyWalk } from './page-orders/permuted.ts';

/** The options of the source's half, besides its algorithm and policy. Rates are in bytes a second. */
export interface SourceOptions extends EncoderOptions {
  readonly linkBytesPerSecond: number;
  readonly linkLatencyNs: number;
  /** The migration's own limit; Infinity means none. */
  readonly maxBytesPerSecond: number;
  /** Whether that limit also holds for pages sent after the pause. */
  readonly strictRate: boolean;
  /** How long the migration may take before it is given up. */
  readonly timeoutNs: number;
  /** How long the source waits for an answer of the destination or of a vCPU; 30 s by default. */
  readonly patienceNs?: number;
  /** The limit of the pages pushed after the switch to post-copy. */
  readonly postcopyBytesPerSecond: number;
  /** Whether the switch to post-copy first sends the pages that the guest can't page. */
  readonly pseudoPaging?: boolean;
  /** How long post-copy waits for a new connection; without it, post-copy fails with its connection. */
  readonly recoverWithinNs?: number;
  /** Whether the guest's hints of free pages are taken. */
  readonly freePageHints?: boolean;
  /** The devices of the guest; absent if it has none. */
  readonly devices?: readonly DeviceSpec[];
  /** Whether the guest is stopped only once the destination has loaded all initial bytes of its devices. */
  readonly switchoverAck?: boolean;
  /** Whether requested pages have a channel of their own (QEMU's postcopy-preempt). */
  readonly preempt?: boolean;
  /** Whether such a page may leave between the parts of a huge one; see CommonSpec. */
  readonly breakHuge?: boolean;
  /** Whether channels look for zero pages, or the main thread does for them. */
  readonly zeroPageDetection?: ZeroPageDetection;
  /** How many pages a channel is handed at once at most; by default those of a batch. */
  readonly packetPages?: number;
  /** How many bytes are handed over ahead of the link, to leave in order; by default what keeps the link busy. */
  readonly sendBufferBytes?: number;
  /** The largest page, in bytes, that travels whole in a frame; MAX_WHOLE_PAGE by default. */
  readonly mostWholePageBytes?: number;
  /** The order in which pre-copy walks through the guest; by default that of the gfns. */
  readonly walk?: PrecopyWalk;
  /** Whether it is recorded which pages are sent and dirtied. */
  readonly recordPages?: boolean;
  /** What would let the migration complete if it diverges. */
  readonly remedies?: Remedies;
  /** How a policy keeps to `maxBytesPerSecond`; by default the link's token bucket does that. */
  readonly pacing?: { readonly accounting: Accounting; readonly limiter: SendLimiter };
}
