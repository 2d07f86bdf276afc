import type { ManagerConfig } from '../guest/manager-config.ts';
import type { Workload } from '../guest/workload.ts';
import type { Contents } from '../memory/contents/contents.ts';
import type { Backing } from '../memory/layout.ts';
import type { DirtyLogKind } from '../memory/dirty-logs/dirty-log.ts';
import type { QemuVersion } from '../migration/accounting.ts';
import type { BubblingOptions } from '../migration/page-orders/bubbling.ts';
import type { SwapOrderName } from '../migration/page-orders/line.ts';
import type { PageOrderName } from '../migration/page-orders/page-order.ts';
import type { AutoConvergeOptions } from '../migration/policies/auto-converge.ts';
import type { DirtyLimitOptions } from '../migration/policies/dirty-limit.ts';
import type { KubevirtOptions } from '../migration/policies/kubevirt.ts';
import type { ForceOptions } from '../migration/policies/force-after.ts';
import type { ManagerName } from '../migration/policies/managers.ts';
import type { ChosenEncoding } from '../wire/encodings.ts';
import type { Integrity } from '../wire/pages.ts';
import type { Costs } from './costs.ts';

export type PolicyName =
  'rounds' | 'qemu' | 'xen' | 'clark2005' | 'xen3' | 'cloud-hypervisor' | 'sdps';

/** A connection that is lost with all that is under way, and until another can stand. */
export interface Outage {
  readonly afterNs: number;
  /** Infinity: none comes. */
  readonly forNs: number;
}

/** One run, complete and checked: what a runtime needs to know. Infinity stands for `unlimited`. */
export interface RunConfig {
  readonly seed: number;
  readonly runtime: 'threads' | 'virtual';
  /** What things take in the virtual runtime. */
  readonly costs: Costs;
  readonly guest: {
    readonly memoryBytes: number;
    readonly pageSize: number;
    readonly vcpus: number;
    readonly dirtyLog: DirtyLogKind;
    /** What stands for a page; `versions` in the virtual runtime alone. */
    readonly backing?: Backing;
    /** Entries of a vCPU's ring, a power of two; of the log `ring`. */
    readonly dirtyRingSize: number;
    /** Marks are cleared by hand, in chunks of this many pages; absent: by the harvest itself. */
    readonly clearChunkPages?: number;
    /** Memslots at least. */
    readonly memslots: number;
    readonly contents: readonly Contents[];
    readonly workloads: readonly Workload[];
    /** Absent: all of its memory is in use. */
    readonly memoryManager?: ManagerConfig;
    /** How often the guest looks which pages have been referenced; absent: never. */
    readonly lruScanNs?: number;
  };
  readonly link: {
    readonly bytesPerSecond: number;
    readonly latencyNs: number;
    readonly integrity: Integrity;
    /** When its connection is lost, from the migration's start on, in order; absent: never. */
    readonly outages?: readonly Outage[];
  };
  readonly migration: {
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
    /** A pre-copy or hybrid that has not come to its end by then is forced to; absent: `timeoutNs` ends it. */
    readonly force?: ForceOptions;
    /** What pages may be sent as, other than raw. */
    readonly encodings: readonly ChosenEncoding[];
  };
  readonly verify: 'replay' | 'full' | 'off';
}
