import type { MemoryState } from '../../overcommit/memory-state.ts';
import type { PagingCounts } from '../../overcommit/paging.ts';
import type { SharingCounts } from '../../overcommit/page-sharing.ts';
import type { HostProof } from '../../runtime/virtual/overcommitted-host.ts';
import type { MigrationRecord } from '../../runtime/virtual/overcommitted-moves.ts';

/** A guest's memory at a point in time, in pages. */
export interface GuestSample {
  /** Pages that have a machine page, those included that share one. */
  readonly allocated: number;
  readonly target: number;
  /** The estimate of what it uses actively. */
  readonly active: number;
  readonly ballooned: number;
  readonly shared: number;
  readonly swapped: number;
  /** The accesses that it has made so far. */
  readonly accesses: number;
}

/** A further host at a point in time. */
export interface OtherSample {
  readonly freePages: number;
  readonly savedPages: number;
  readonly state: MemoryState;
}

/** The host at a point in time. */
export interface HostSample {
  readonly atNs: number;
  readonly freePages: number;
  /** Machine pages that sharing saves. */
  readonly savedPages: number;
  readonly zeroPages: number;
  readonly state: MemoryState;
  /** The further hosts in the order of the configuration. */
  readonly others: readonly OtherSample[];
  /** A sample of each guest by the order of the configuration; undefined while a guest does not run. */
  readonly guests: readonly (GuestSample | undefined)[];
}

/** What a guest came to in all of its life: its accesses, and its own paging in pages. */
export interface GuestTotals {
  readonly accesses: number;
  readonly pagedOut: number;
  readonly pagedIn: number;
  readonly doublePaged: number;
  /** Pages of its balloon that it touched after it had reset, and so knew nothing of the balloon. */
  readonly popped: number;
}

/** What is reported of a further host. */
export interface OtherReport {
  readonly name: string;
  readonly states: readonly { readonly atNs: number; readonly state: MemoryState }[];
  readonly sharing: SharingCounts | undefined;
  readonly paging: PagingCounts;
}

/** What is reported of a host that has lived. */
export interface HostReport {
  readonly outcome: 'completed' | 'cancelled' | 'failed';
  readonly error?: string;
  readonly endedNs: number;
  readonly samples: readonly HostSample[];
  /** Every change of the host's state, in the order of time. */
  readonly states: readonly { readonly atNs: number; readonly state: MemoryState }[];
  readonly sharing: SharingCounts | undefined;
  readonly tableBytesPerFrame: number | undefined;
  readonly paging: PagingCounts;
  readonly device: { readonly readBytes: number; readonly writtenBytes: number };
  /** What further hosts did, in the order of the configuration. */
  readonly others: readonly OtherReport[];
  readonly migrations: readonly MigrationRecord[];
  readonly totals: readonly (GuestTotals | undefined)[];
  readonly proof: HostProof | undefined;
}

export interface HostOptions {
  /** Ends the host's life, which is reported up to then. */
  readonly signal?: AbortSignal;
  readonly proofSignal?: AbortSignal;
  readonly onSample?: (sample: HostSample) => void;
  readonly onProof?: () => void;
}
