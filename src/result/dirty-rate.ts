import type { DirtyRateReport } from '../migration/dirty-rate.ts';
import type { MeasuredVector } from './dirty-vector.ts';
import { VERSION } from './version.ts';

/** One measurement of a `pageferry/dirty-rate@1`; milliseconds and bytes are numbers. */
export interface DirtyRateEntry {
  readonly mode: string;
  readonly periodMs: number;
  readonly dirtyPages: number;
  readonly pagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** How many page accesses, reads too, the guest really made until its log was off again, and how many a second. */
  readonly accesses: number;
  readonly accessesPerSecond: number;
  /** How many pages were sampled, and how many of them had changed; only `page-sampling` has it. */
  readonly sampled?: { readonly pages: number; readonly changed: number };
  /** What the ring of each vCPU counted; only `dirty-ring` has it. */
  readonly vcpus?: readonly { readonly pagesPerSecond: number; readonly stalls: number }[];
}

/** The result of `pageferry dirty-rate`. */
export interface DirtyRateResult {
  readonly schema: 'pageferry/dirty-rate@1';
  readonly version: string;
  readonly scenario: Record<string, unknown>;
  readonly measurements: readonly DirtyRateEntry[];
  /** With --vector: what was asked for, what the fit dirties on average, and what was measured. */
  readonly vector?: MeasuredVector;
}

/** Builds the result of measurements on a guest with pages of `pageSize` bytes. */
export function buildDirtyRate(
  scenario: Record<string, unknown>,
  pageSize: number,
  measured: readonly DirtyRateReport[],
): DirtyRateResult {
  const measurements = measured.map((one): DirtyRateEntry => {
    const seconds = one.periodNs / 1e9;
    const pagesPerSecond = one.dirtyPages / seconds;
    return {
      mode: one.mode,
      periodMs: Math.round(one.periodNs / 1e3) / 1e3,
      dirtyPages: one.dirtyPages,
      pagesPerSecond,
      bytesPerSecond: pagesPerSecond * pageSize,
      accesses: one.accesses,
      accessesPerSecond: one.accessesPerSecond,
      ...(one.sampled ? { sampled: one.sampled } : {}),
      ...(one.vcpus
        ? {
            vcpus: one.vcpus.map(({ entries, stalls }) => ({
              pagesPerSecond: entries / seconds,
              stalls,
            })),
          }
        : {}),
    };
  });
  return { schema: 'pageferry/dirty-rate@1', version: VERSION, scenario, measurements };
}
