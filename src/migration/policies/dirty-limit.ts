import type { PolicyAction } from '../policy.ts';

/** The settings of QEMU's dirty limit. */
export interface DirtyLimitOptions {
  /** How much each vCPU may dirty (vcpu-dirty-limit), in whole MiB a second. */
  readonly quotaMiB: number;
  /** How long a dirty rate is measured (x-vcpu-dirty-limit-period). */
  readonly periodMs: number;
  /** The number of entries in the dirty ring of each vCPU. */
  readonly ringEntries: number;
  /** How many pages a MiB has, 256 by default; fewer where a page of the run stands for many of the guest. */
  readonly pagesPerMiB?: number;
}

/** The state of the dirty limit between two periods; its lists are indexed by vCPU. */
export interface DirtyLimitState {
  /** When the present period began. */
  readonly sinceMs: number;
  /** The number of pages that each vCPU had dirtied by then. */
  readonly pages: readonly number[];
  /** How long each vCPU sleeps for each full ring, in microseconds. */
  readonly sleepUs: readonly number[];
  /** The highest dirty rate of any vCPU so far, in MiB a second; from it follows how fast a ring fills. */
  readonly highestMiB: number;
}

/** QEMU's constants (system/dirtylimit.c, DIRTYLIMIT_TOLERANCE_RANGE, _LINEAR_ADJUSTMENT_PCT, _THROTTLE_PCT_MAX). */
const TOLERANCE_MIB = 25;
const LINEAR_PERCENT = 50;
const MOST_PERCENT = 99;
const PAGES_PER_MIB = 256;

/** Returns the state when the limit comes into force; `pages` is what each vCPU has dirtied so far. */
export function startDirtyLimit(nowMs: number, pages: readonly number[]): DirtyLimitState {
  return { sinceMs: nowMs, pages, sleepUs: pages.map(() => 0), highestMiB: 0 };
}

/**
 * QEMU's dirty limit (system/dirtylimit.c, 8.1 and later). At the end of every period the dirty rate of
 * each vCPU is compared with the quota. If they differ by at most 25 MiB/s, nothing changes. If they
 * differ by more than 50 %, the sleep for each full ring changes in proportion, otherwise by a tenth of
 * the time in which the ring fills. The arithmetic is in whole numbers, as in QEMU. A sleep of s for each
 * ring that takes f to fill becomes a throttle of s ÷ (f + s) of the vCPU's time.
 */
export function dirtyLimit(
  before: DirtyLimitState,
  now: { readonly nowMs: number; readonly pages: readonly number[] },
  options: DirtyLimitOptions,
): { readonly state: DirtyLimitState; readonly actions: readonly PolicyAction[] } {
  const passedMs = now.nowMs - before.sinceMs;
  if (passedMs < options.periodMs) return { state: before, actions: [] };
  const { pagesPerMiB = PAGES_PER_MIB } = options;
  const rates = now.pages.map((pages, vcpu) =>
    Math.floor((Math.floor((pages - before.pages[vcpu]!) / pagesPerMiB) * 1000) / passedMs),
  );
  const highestMiB = Math.max(before.highestMiB, ...rates);
  const ringUs =
    highestMiB === 0 ? 0 : Math.floor((options.ringEntries / pagesPerMiB / highestMiB) * 1e6);
  const sleepUs = rates.map((rate, vcpu) =>
    adjustSleep(before.sleepUs[vcpu]!, rate, options.quotaMiB, ringUs),
  );
  const actions = sleepUs.flatMap((us, vcpu): PolicyAction[] =>
    us === before.sleepUs[vcpu] ? [] : [{ kind: 'throttle', share: us / (ringUs + us), vcpu }],
  );
  return { state: { sinceMs: now.nowMs, pages: now.pages, sleepUs, highestMiB }, actions };
}

/** Returns a vCPU's next sleep (dirtylimit_adjust_throttle and dirtylimit_set_throttle). */
function adjustSleep(sleepUs: number, rate: number, quota: number, ringUs: number): number {
  if (Math.abs(rate - quota) <= TOLERANCE_MIB) return sleepUs;
  if (rate === 0) return 0;
  const high = Math.max(rate, quota);
  const percent = Math.floor((Math.abs(rate - quota) * 100) / high);
  const change =
    percent > LINEAR_PERCENT
      ? Math.floor((ringUs * percent) / (100 - percent))
      : Math.floor(ringUs / 10);
  const wanted = rate > quota ? sleepUs + change : sleepUs - change;
  return Math.max(0, Math.min(wanted, ringUs * MOST_PERCENT));
}
