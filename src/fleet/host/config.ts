import type { OvercommitConfig } from '../../overcommit/config.ts';
import type { BalloonBefore } from '../../runtime/virtual/overcommitted-moves.ts';
import type { OvercommittedGuestSpec } from '../../runtime/virtual/overcommitted-guest.ts';

/** A change of a parameter while the host lives. */
export interface HostChange {
  readonly atNs: number;
  readonly idleTax?: number;
  /** The name of a guest, and its shares from then on. */
  readonly guest?: string;
  readonly shares?: number;
}

/** A migration of a guest between the hosts. */
export interface HostMigration {
  readonly atNs: number;
  readonly guest: string;
  /** The name of the host that it moves to. */
  readonly to: string;
  /** How its balloon is inflated before. */
  readonly balloon?: BalloonBefore;
}

/** Everything that an overcommitted host needs, complete and checked. */
export interface HostConfig {
  readonly seed: number;
  readonly durationNs: number;
  /** The interval of the samples of its series. */
  readonly sampleNs: number;
  readonly host: OvercommitConfig;
  /** Further hosts by name, and whether all of them use the first one's swap store. */
  readonly others: { readonly [name: string]: OvercommitConfig };
  readonly sharesSwap: boolean;
  readonly guests: readonly OvercommittedGuestSpec[];
  readonly changes: readonly HostChange[];
  /** In the order of time. */
  readonly migrations: readonly HostMigration[];
  readonly isProved: boolean;
}
