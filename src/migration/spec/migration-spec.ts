import type { Integrity } from '../../wire/pages.ts';
import type { QemuVersion } from '../accounting.ts';
import type { BubblingOptions } from '../page-orders/bubbling.ts';
import type { SwapOrderName } from '../page-orders/line.ts';
import type { PageOrderName } from '../page-orders/page-order.ts';
import type { AutoConvergeOptions } from '../policies/auto-converge.ts';
import type { DirtyLimitOptions } from '../policies/dirty-limit.ts';
import type { KubevirtOptions } from '../policies/kubevirt.ts';
import type { ManagerName } from '../policies/managers.ts';

export type PolicyName =
  'rounds' | 'qemu' | 'xen' | 'clark2005' | 'xen3' | 'cloud-hypervisor' | 'sdps';

/** What an algorithm has to know of the link it sends over. */
export interface LinkSpec {
  readonly bytesPerSecond: number;
  /** One way. */
  readonly latencyNs: number;
  readonly integrity: Integrity;
}

/** One migration, complete and checked, in numbers. Infinity stands for `unlimited`. */
export interface MigrationSpec {
  readonly algorithm: 'stop-and-copy' | 'precopy' | 'postcopy' | 'hybrid';
  readonly policy: PolicyName;
  readonly rounds: number;
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
  /** Whose rules policy qemu follows. */
  readonly qemuVersion?: QemuVersion;
  readonly autoConverge?: AutoConvergeOptions;
  /** Who watches policy qemu, and sets its downtime limit while the migration goes on. */
  readonly manager?: ManagerName;
  readonly kubevirt?: KubevirtOptions;
  /** What each vCPU may dirty, MiB a second (policy qemu 10, log ring). */
  readonly dirtyLimit?: DirtyLimitOptions;
  /** Of policy clark2005: processes wait after so many write faults, from the end of that round on. */
  readonly stun?: { readonly faults: number; readonly afterRound: number };
  /** Of policy cloud-hypervisor. */
  readonly timeoutAction?: 'cancel' | 'ignore';
  /** Of policy clark2005: megabits of 2^20 a second. */
  readonly startMbit?: number;
  readonly maxMbit?: number;
  readonly availSwitchoverBytesPerSecond?: number;
  readonly pageOrder: PageOrderName;
  /** Of page order bubbling; absent: one pivot, both directions. */
  readonly bubbling?: BubblingOptions;
  readonly maxBytesPerSecond: number;
  readonly strictRate: boolean;
  readonly downtimeLimitNs: number;
  readonly startAfterNs: number;
  readonly runAfterNs: number;
  readonly timeoutNs: number;
  readonly zeroPages: boolean;
}
