import type { OvercommitConfig } from '../../overcommit/config.ts';
import type { OvercommittedGuestSpec } from '../../runtime/virtual/overcommitted-guest.ts';

/** A change of a parameter while the host lives. */
export interface HostChange {
  readonly atNs: number;
  readonly idleTax?: number;
  /** The name of a guest, and its shares from then on. */
  readonly guest?: string;
  readonly shares?: number;
}

/** Everything that an overcommitted host needs, complete and checked. */
export interface HostConfig {
  readonly seed: number;
  readonly durationNs: number;
  /** The interval of the samples of its series. */
  readonly sampleNs: number;
  readonly host: OvercommitConfig;
  readonly guests: readonly OvercommittedGuestSpec[];
  readonly changes: readonly HostChange[];
  readonly isProved: boolean;
}
