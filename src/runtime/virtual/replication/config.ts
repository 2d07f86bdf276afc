import type { ReplicationConfig } from '../../../replication/config.ts';
import type { Emissions } from '../../../replication/guest-tap.ts';
import type { RunConfig } from '../../config.ts';

/** What may die, or be cut off from the third party of a fence, of the protection that goes on. */
export const TROUBLES = ['primary', 'backup', 'link', 'primary-fence', 'backup-fence'] as const;
export type Trouble = (typeof TROUBLES)[number];

/** Something that happens to a protected guest's hosts. */
export interface TroubleAt {
  readonly atNs: number;
  readonly what: Trouble;
}

/** Everything that the protection of a guest needs, complete and checked. */
export interface ProtectConfig {
  /** The guest, its link to each backup, the pre-copy of its first epoch, and the costs of its host. */
  readonly run: RunConfig;
  readonly replication: ReplicationConfig;
  readonly emissions: Emissions;
  /** How fast the backup's disk takes what its buffer holds. */
  readonly diskBytesPerSecond: number;
  /** How long all of it lasts, from the guest's start on. */
  readonly durationNs: number;
  /** How many more hosts there are, towards which the guest is protected anew. */
  readonly spares: number;
  readonly troubles: readonly TroubleAt[];
  readonly isProved: boolean;
}
