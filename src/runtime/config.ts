import type { Workload } from '../guest/workload.ts';
import type { Contents } from '../memory/contents/contents.ts';
import type { DirtyLogKind } from '../memory/dirty-logs/dirty-log.ts';
import type { PageOrderName } from '../migration/page-orders/page-order.ts';
import type { Integrity } from '../wire/pages.ts';

/** One run, complete and checked: what a runtime needs to know. Infinity stands for `unlimited`. */
export interface RunConfig {
  readonly seed: number;
  readonly guest: {
    readonly memoryBytes: number;
    readonly pageSize: number;
    readonly vcpus: number;
    readonly dirtyLog: DirtyLogKind;
    /** Entries of a vCPU's ring, a power of two; of the log `ring`. */
    readonly dirtyRingSize: number;
    /** Marks are cleared by hand, in chunks of this many pages; absent: by the harvest itself. */
    readonly clearChunkPages?: number;
    /** Memslots at least. */
    readonly memslots: number;
    readonly contents: readonly Contents[];
    readonly workloads: readonly Workload[];
  };
  readonly link: {
    readonly bytesPerSecond: number;
    readonly latencyNs: number;
    readonly integrity: Integrity;
  };
  readonly migration: {
    readonly algorithm: 'stop-and-copy' | 'precopy' | 'postcopy' | 'hybrid';
    readonly policy: 'rounds' | 'qemu';
    readonly rounds: number;
    /** Live rounds of hybrid before the switch. */
    readonly postcopyAfter: number;
    readonly postcopyBytesPerSecond: number;
    readonly pageOrder: PageOrderName;
    readonly maxBytesPerSecond: number;
    readonly strictRate: boolean;
    readonly downtimeLimitNs: number;
    readonly startAfterNs: number;
    readonly runAfterNs: number;
    readonly timeoutNs: number;
    readonly zeroPages: boolean;
  };
  readonly verify: 'replay' | 'full' | 'off';
}
