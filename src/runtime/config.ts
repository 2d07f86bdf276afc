import type { ManagerConfig } from '../guest/manager-config.ts';
import type { Workload } from '../guest/workload.ts';
import type { Contents } from '../memory/contents/contents.ts';
import type { Backing } from '../memory/layout.ts';
import type { DirtyLogKind } from '../memory/dirty-logs/dirty-log.ts';
import type { LinkSpec, MigrationSpec } from '../migration/spec/migration-spec.ts';
import type { Costs } from './costs.ts';

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
  readonly link: LinkSpec & {
    /** When its connection is lost, from the migration's start on, in order; absent: never. */
    readonly outages?: readonly Outage[];
  };
  readonly migration: MigrationSpec;
  readonly verify: 'replay' | 'full' | 'off';
}
