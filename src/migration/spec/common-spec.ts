import type { ChosenEncoding } from '../../wire/encodings.ts';
import type { Integrity } from '../../wire/pages.ts';
import type { SwapOrderName } from '../page-orders/line.ts';
import type { ForceOptions } from '../policies/force-after.ts';

/** The algorithms that a migration may have. */
export const ALGORITHMS = ['stop-and-copy', 'precopy', 'postcopy', 'hybrid'] as const;
export type AlgorithmName = (typeof ALGORITHMS)[number];

/** What an algorithm has to know of the link it sends over. */
export interface LinkSpec {
  readonly bytesPerSecond: number;
  /** One way. */
  readonly latencyNs: number;
  readonly integrity: Integrity;
}

/** What every migration has, whatever its policy and its page order, in numbers. */
export interface CommonSpec {
  readonly algorithm: AlgorithmName;
  /** Live rounds of hybrid before the switch. */
  readonly postcopyAfter: number;
  readonly postcopyBytesPerSecond: number;
  /** A post-copy without a connection waits so long for another; absent: not at all. */
  readonly recoverWithinNs?: number;
  /** How often whoever asks for post-copy looks whether it is time; 0: at once. */
  readonly postcopyPollNs?: number;
  /** Requested pages have a channel of their own. */
  readonly preempt?: boolean;
  /** The switch to post-copy moves what the guest can't page. */
  readonly pseudoPaging?: boolean;
  /** In which order the guest's pages lie in front of post-copy's push; absent: gfn. */
  readonly swapOrder?: SwapOrderName;
  /** Pages of an aligned cluster that go out with a requested one; absent: that one alone. */
  readonly swapReadaheadPages?: number;
  readonly maxBytesPerSecond: number;
  readonly strictRate: boolean;
  readonly downtimeLimitNs: number;
  readonly startAfterNs: number;
  readonly runAfterNs: number;
  readonly timeoutNs: number;
  /** A pre-copy or hybrid that has not come to its end by then is forced to; absent: `timeoutNs` ends it. */
  readonly force?: ForceOptions;
  /** What pages may be sent as, other than raw. */
  readonly encodings: readonly ChosenEncoding[];
}
