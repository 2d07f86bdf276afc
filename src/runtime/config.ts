import type { Workload } from '../guest/workload.ts';
import type { Contents } from '../memory/contents/contents.ts';
import type { DirtyLogKind } from '../memory/dirty-logs/dirty-log.ts';
import type { Integrity } from '../wire/pages.ts';

/** One run, complete and checked: what a runtime needs to know. Infinity stands for `unlimited`. */
export interface RunConfig {
  readonly seed: number;
  readonly guest: {
    readonly memoryBytes: number;
    readonly pageSize: number;
    readonly vcpus: number;
    readonly dirtyLog: DirtyLogKind;
    readonly contents: readonly Contents[];
    readonly workloads: readonly Workload[];
  };
  readonly link: {
    readonly bytesPerSecond: number;
    readonly latencyNs: number;
    readonly integrity: Integrity;
  };
  readonly migration: {
    readonly algorithm: 'stop-and-copy' | 'precopy';
    readonly policy: 'rounds' | 'qemu';
    readonly rounds: number;
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
