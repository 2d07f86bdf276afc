import type { ChosenEncoding } from '../../wire/encodings.ts';
import type { Integrity } from '../../wire/pages.ts';
import type { SwapOrderName } from '../page-orders/line.ts';
import type { ForceOptions } from '../policies/force-after.ts';

/** The algorithms that a migration may have. */
export const ALGORITHMS = ['stop-and-copy', 'precopy', 'postcopy', 'hybrid'] as const;
export type AlgorithmName = (typeof ALGORITHMS)[number];

/** Who looks for zero pages, in QEMU's names: the channels, or the main thread (`zero-page-detection`). */
export const ZERO_PAGE_DETECTIONS = ['multifd', 'legacy'] as const;
export type ZeroPageDetection = (typeof ZERO_PAGE_DETECTIONS)[number];

/** What an algorithm has to know of the link over which it sends. */
export interface LinkSpec {
  readonly bytesPerSecond: number;
  /** The latency in one direction. */
  readonly latencyNs: number;
  /** How many bytes the sender hands over ahead of the link, to leave in order; by default what keeps the link busy. */
  readonly sendBufferBytes?: number;
  readonly integrity: Integrity;
  /** The largest page, in bytes, that travels whole in a frame; tests lower it. MAX_WHOLE_PAGE by default. */
  readonly mostWholePageBytes?: number;
}

/** How long the manager of a migration works around it. */
export interface AroundSpec {
  /** Before the migration: it starts the target, opens a tunnel, and sets the migration up. */
  readonly startTargetNs: number;
  readonly tunnelNs: number;
  readonly setupNs: number;
  /** After the migration: it cleans up at the source. */
  readonly cleanupNs: number;
}

/** Returns how long a manager works before and after a migration. */
export const aroundNs = (around: AroundSpec | undefined): { before: number; after: number } => ({
  before: around ? around.startTargetNs + around.tunnelNs + around.setupNs : 0,
  after: around?.cleanupNs ?? 0,
});

/** What every migration has, whatever its policy and its page order, in numbers. Infinity stands for `unlimited`. */
export interface CommonSpec {
  readonly algorithm: AlgorithmName;
  /** The number of live rounds before hybrid switches to post-copy. */
  readonly postcopyAfter: number;
  /** The limit of the pages pushed after the switch to post-copy. */
  readonly postcopyBytesPerSecond: number;
  /** How long post-copy waits for a new connection; without it, post-copy fails with its connection. */
  readonly recoverWithinNs?: number;
  /**
   * How often the program that asks QEMU for post-copy checks whether `postcopyAfter` rounds are over; 0, the
   * default, means that it notices at once.
   */
  readonly postcopyPollNs?: number;
  /** Whether requested pages have a channel of their own. */
  readonly preempt?: boolean;
  /**
   * Whether a requested page may leave between the parts of a huge one that is being pushed. When it is given, requested
   * pages and pushed ones share the link's bandwidth; by default a requested page leaves at once, as a whole.
   */
  readonly breakHuge?: boolean;
  /** Whether the switch to post-copy first sends the pages that the guest can't page. */
  readonly pseudoPaging?: boolean;
  /** The order of the pages through which post-copy's push walks; by default that of the gfns. */
  readonly swapOrder?: SwapOrderName;
  /** The size of the aligned cluster that goes out with a requested page; by default 1. */
  readonly swapReadaheadPages?: number;
  /** The migration's own limit. */
  readonly maxBytesPerSecond: number;
  /** Whether that limit still holds after the guest has been paused. */
  readonly strictRate: boolean;
  readonly downtimeLimitNs: number;
  /** What its manager does around it; absent if that takes no time. */
  readonly around?: AroundSpec;
  /** Whether the guest is stopped only once the destination has loaded the initial bytes of all devices. */
  readonly switchoverAck?: boolean;
  /** Whether the guest's hints of free pages are taken; never if the migration may turn into post-copy. */
  readonly freePageHints?: boolean;
  /** How long the guest runs before the migration. */
  readonly startAfterNs: number;
  /** How long the guest runs after the migration. */
  readonly runAfterNs: number;
  /** How long the migration may take before it is given up. */
  readonly timeoutNs: number;
  /** How a pre-copy or hybrid that takes too long is forced to its end; by default it is not. */
  readonly force?: ForceOptions;
  /** Whether it is recorded which pages are sent how often, and dirtied when; by default it is not. */
  readonly recordPages?: boolean;
  /** How many channels carry pages beside the main one; absent if there are none. */
  readonly channels?: number;
  /** Who looks for zero pages when there are channels; they do by default. */
  readonly zeroPageDetection?: ZeroPageDetection;
  /** How many pages a channel is handed at once at most; by default those of a batch. */
  readonly packetPages?: number;
  /** The encodings that a page may be sent in, besides raw. */
  readonly encodings: readonly ChosenEncoding[];
  /** The size of the cache of the encoding `xbzrle`; absent for QEMU's default. */
  readonly xbzrleCacheBytes?: number;
  /** The level of an encoding that compresses; absent for its usual one. */
  readonly compressionLevel?: number;
  /** How many bytes of pages are compressed as one block; absent for a frame's. */
  readonly compressionBlockBytes?: number;
}
