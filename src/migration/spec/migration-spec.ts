import type { ChosenEncoding } from '../../wire/encodings.ts';
import type { OwnKind } from '../../units/keys.ts';
import type { Integrity } from '../../wire/pages.ts';
import type { BubblingSpec } from '../page-orders/bubbling.ts';
import type { SwapOrderName } from '../page-orders/line.ts';
import type { PageOrderName } from '../page-orders/registry.ts';
import type { ClarkSpec } from '../policies/clark2005.ts';
import type { CloudHypervisorSpec } from '../policies/cloud-hypervisor.ts';
import type { ForceOptions } from '../policies/force-after.ts';
import type { QemuSpec } from '../policies/qemu-kind.ts';
import type { PolicyName } from '../policies/registry.ts';
import type { RoundsSpec } from '../policies/rounds.ts';
import type { AlgorithmName } from './migration-keys.ts';

export type { PageOrderName, PolicyName };

/** What an algorithm has to know of the link over which it sends. */
export interface LinkSpec {
  readonly bytesPerSecond: number;
  /** The latency in one direction. */
  readonly latencyNs: number;
  readonly integrity: Integrity;
}

/**
 * One migration, complete and checked, in numbers. Infinity stands for `unlimited`. A policy uses only its
 * own part. For a policy or page order of the user's own, the path of its module is absolute.
 */
export interface MigrationSpec
  extends RoundsSpec, QemuSpec, ClarkSpec, CloudHypervisorSpec, BubblingSpec {
  readonly algorithm: AlgorithmName;
  readonly policy: PolicyName | OwnKind;
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
  /** Whether the switch to post-copy first sends the pages that the guest can't page. */
  readonly pseudoPaging?: boolean;
  /** The order of the pages through which post-copy's push walks; by default that of the gfns. */
  readonly swapOrder?: SwapOrderName;
  /** The size of the aligned cluster that goes out with a requested page; by default 1. */
  readonly swapReadaheadPages?: number;
  readonly pageOrder: PageOrderName | OwnKind;
  /** The migration's own limit. */
  readonly maxBytesPerSecond: number;
  /** Whether that limit still holds after the guest has been paused. */
  readonly strictRate: boolean;
  readonly downtimeLimitNs: number;
  /** How long the guest runs before the migration. */
  readonly startAfterNs: number;
  /** How long the guest runs after the migration. */
  readonly runAfterNs: number;
  /** How long the migration may take before it is given up. */
  readonly timeoutNs: number;
  /** How a pre-copy or hybrid that takes too long is forced to its end; by default it is not. */
  readonly force?: ForceOptions;
  /** The encodings that a page may be sent in, besides raw. */
  readonly encodings: readonly ChosenEncoding[];
}
