import type { PolicyAction } from '../policy.ts';

export interface DirtyLimitOptions {
  /** What each vCPU may dirty (vcpu-dirty-limit), in whole MiB a second. */
  readonly quotaMiB: number;
  /** How long a rate is measured (x-vcpu-dirty-limit-period). */
  readonly periodMs: number;
  /** Entries of a vCPU's dirty ring. */
  readonly ringEntries: number;
}

export interface DirtyLimitState {
  readonly sinceMs: number;
  /** Pages that each vCPU had dirtied by then. */
  readonly pages: readonly number[];
  /** Sleep of each vCPU for each full ring, in microseconds. */
  readonly sleepUs: readonly number[];
  /** The highest rate that any vCPU has shown, MiB a second: what a ring fills at. */
  readonly highestMiB: number;
}

/** system/dirtylimit.c: DIRTYLIMIT_TOLERANCE_RANGE (MB/s), _LINEAR_ADJUSTMENT_PCT, _THROTTLE_PCT_MAX. */
const TOLERANCE_MIB = 25;
const LINEAR_PERCENT = 50;
const MOST_PERCENT = 99;
const PAGES_PER_MIB = 256;

export function startDirtyLimit(nowMs: number, pages: readonly number[]): DirtyLimitState {
  return { sinceMs: nowMs, pages, sleepUs: pages.map(() => 0), highestMiB: 0 };
}

/**
 * QEMU's dirty limit (system/dirtylimit.c, 8.1 and later): every period each vCPU's dirty rate is
 * compared with the quota. Within 25 MB/s of it nothing changes; more than 50 % off, the sleep for
 * each full ring changes in proportion; nearer, by a tenth of the time the ring takes to fill. The
 * arithmetic is in whole numbers, as there. A sleep of s for each ring that takes f to fill is given
 * to the vCPU as a share s ÷ (f + s) of its time.
 */
export function dirtyLimit(
  before: DirtyLimitState,
  now: { readonly nowMs: number; readonly pages: readonly number[] },
  options: DirtyLimitOptions,
): { readonly state: DirtyLimitState; readonly actions: readonly PolicyAction[] } {
  const passedMs = now.nowMs - before.sinceMs;
  if (passedMs < options.periodMs) return { state: before, actions: [] };
  const rates = now.pages.map((pages, vcpu) =>
    Math.floor((Math.floor((pages - before.pages[vcpu]!) / PAGES_PER_MIB) * 1000) / passedMs),
  );
  const highestMiB = Math.max(before.highestMiB, ...rates);
  const ringUs =
    highestMiB === 0 ? 0 : Math.floor((options.ringEntries / PAGES_PER_MIB / highestMiB) * 1e6);
  const sleepUs = rates.map((rate, vcpu) =>
    adjusted(before.sleepUs[vcpu]!, rate, options.quotaMiB, ringUs),
  );
  const actions = sleepUs.flatMap((us, vcpu): PolicyAction[] =>
    us === before.sleepUs[vcpu] ? [] : [{ kind: 'throttle', share: us / (ringUs + us), vcpu }],
  );
  return { state: { sinceMs: now.nowMs, pages: now.pages, sleepUs, highestMiB }, actions };
}

/** dirtylimit_adjust_throttle and dirtylimit_set_throttle. */
function adjusted(sleepUs: number, rate: number, quota: number, ringUs: number): number {
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
