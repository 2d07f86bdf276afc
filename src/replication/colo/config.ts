/** How the two guests of COLO run and are compared. Times are in nanoseconds. */
export interface ColoConfig {
  /** A packet that the other side has not sent for this long forces a checkpoint. */
  readonly silenceNs: number;
  /** The probability, for each access of a stream at the secondary, that the stream goes its own way after it: 0 to 1. */
  readonly divergence: number;
  /** The share of the time in which the secondary's vCPUs run, as if its host were that much slower: above 0, up to 1. */
  readonly secondaryShare: number;
  /** The seed of the divergences. */
  readonly seed: number;
}

/** Why a checkpoint was made: the first one; packets that differ; a packet whose twin never came; the period's end. */
export const CHECKPOINT_CAUSES = ['first', 'difference', 'silence', 'period'] as const;
export type CheckpointCause = (typeof CHECKPOINT_CAUSES)[number];
