import type { DeviceSpec } from '../guest/devices/device.ts';
import type { ManagerConfig } from '../guest/manager-config.ts';
import type { Workload } from '../guest/workload.ts';
import type { Contents } from '../memory/contents/contents.ts';
import type { Backing } from '../memory/layout.ts';
import type { DirtyLogKind } from '../memory/dirty-logs/dirty-log.ts';
import type { LinkSpec, MigrationSpec } from '../migration/spec/migration-spec.ts';
import type { Costs } from './costs.ts';

/** An outage of the link: the connection is lost, with all frames that are under way. */
export interface Outage {
  /** The connection is lost this long after the migration has started. */
  readonly afterNs: number;
  /** A new connection can be made this long after the loss; Infinity means that none can ever be made. */
  readonly forNs: number;
}

/** Everything that a runtime needs to know of one run, complete and checked. Infinity stands for `unlimited`. */
export interface RunConfig {
  readonly seed: number;
  readonly runtime: 'threads' | 'virtual';
  /** How long the work of a real machine takes; only the virtual runtime reads it. */
  readonly costs: Costs;
  readonly guest: {
    readonly memoryBytes: number;
    readonly pageSize: number;
    readonly vcpus: number;
    readonly dirtyLog: DirtyLogKind;
    /** What memory keeps of a page: its bytes, or a count of its writes (`versions`, only in the virtual runtime). */
    readonly backing?: Backing;
    /** The dirty log `ring` gives each vCPU a ring of this many entries, a power of two. */
    readonly dirtyRingSize: number;
    /** Marks are cleared by hand in chunks of this many pages; when it is absent, the harvest itself clears them. */
    readonly clearChunkPages?: number;
    /** Memory is divided into at least this many memslots. */
    readonly memslots: number;
    readonly contents: readonly Contents[];
    readonly workloads: readonly Workload[];
    /** Its devices, in the order in which they are saved; absent if it has none. */
    readonly devices?: readonly DeviceSpec[];
    /** The guest's memory manager; without one all of its memory is in use. */
    readonly memoryManager?: ManagerConfig;
    /** The guest scans this often which pages have been referenced; when it is absent, it never does. */
    readonly lruScanNs?: number;
  };
  readonly link: LinkSpec & {
    /** The outages of the link in the order of time; when it is absent, the connection is never lost. */
    readonly outages?: readonly Outage[];
  };
  readonly migration: MigrationSpec;
  readonly verify: 'replay' | 'full' | 'off';
}
