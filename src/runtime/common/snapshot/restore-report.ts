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
  /** How many pages of a working set were read ahead of the guest; only a lazy restore has it. */
  readonly prefetchedPages?: number;
  /** The pages that were asked for while a working set was recorded, in that order; absent if none was. */
  readonly recorded?: readonly number[];
  readonly proof?: Proof;
}

/** How a guest is restored. */
export interface RestoreRequest {
  /** Whether the guest runs before its pages are read. */
  readonly isLazy: boolean;
  /** The pages that a lazy restore reads before others, in this order. */
  readonly prefetch: readonly number[];
  /** For so long a lazy restore reads only pages that the guest asks for, and notes them; 0 notes none. */
  readonly recordNs: number;
  /** How many threads read when all pages are read first; only `threads` reads it. */
  readonly channels: number;
}

/** Returns a timeline in which the guest has made its saved accesses from the first sample on. */
export const sinceSaved = (
  samples: readonly TimelineSample[],
  savedAccesses: number,
): TimelineSample[] =>
  // Until its state is loaded, the counters are 0.
  samples.map(({ ns, accesses }) => ({ ns, accesses: Math.max(accesses, savedAccesses) }));
