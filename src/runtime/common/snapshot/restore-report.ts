import type { FaultReport } from '../../../guest/faults.ts';
import type { Proof, TimelineSample } from '../../report.ts';

/** What a runtime reports of a restore. All times are on the run's clock, and count from the restore's start. */
export interface RestoreReport {
  readonly runtime: 'threads' | 'virtual';
  readonly clock: string;
  readonly isLazy: boolean;
  readonly outcome: 'completed' | 'cancelled' | 'failed';
  readonly error?: string;
  /** When the guest began to run; absent if it never did. */
  readonly runningNs?: number;
  /** When it had made its first access; absent if it made none. */
  readonly firstAccessNs?: number;
  /** When all pages were there; absent if some never were. */
  readonly presentNs?: number;
  /** The bytes that were read of pages. */
  readonly readBytes: number;
  readonly guest: {
    readonly pages: number;
    readonly pageSize: number;
    /** The accesses of the guest when it was saved, and in all. */
    readonly savedAccesses: number;
    readonly accesses: number;
    readonly timeline: readonly TimelineSample[];
    readonly faults?: FaultReport;
  };
  /** What a working set has done; absent if none was prefetched or recorded. */
  readonly workingSet?: {
    readonly prefetchedPages?: number;
    readonly recordedPages?: number;
  };
  readonly proof?: Proof;
}
