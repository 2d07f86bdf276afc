import type { Policy, PolicyStatistics } from '../policy.ts';

export interface QemuState {
  /** Begin of the bandwidth window, and the bytes sent until then. */
  readonly windowStartMs: number;
  readonly windowStartBytes: number;
  /** Bytes that fit into the downtime limit at the window's bandwidth. */
  readonly thresholdBytes: number;
}

/** migration/migration.c, BUFFER_DELAY: the estimate is one window of at least this, never smoothed. */
const WINDOW_MS = 100;

/**
 * QEMU's decision (migration/migration.c, migration_update_counters and migration_iteration_run,
 * 7.2): the dirty bitmap is synchronised when less than a threshold's worth is left, not when a
 * pass has drained; if less is left even then, the guest is stopped. Threshold = bandwidth of the
 * last window × downtime limit; the comparison is strict, so with threshold 0 only an empty set
 * triggers.
 */
export function qemuPolicy(downtimeLimitMs: number): Policy<QemuState> {
  return {
    name: 'qemu',
    skipsRedirtied: false,
    initial: { windowStartMs: 0, windowStartBytes: 0, thresholdBytes: 0 },
    decide(before, statistics) {
      const state = updateThreshold(before, statistics, downtimeLimitMs);
      const pendingBytes = statistics.pendingPages * statistics.pageSize;
      const isLow = pendingBytes === 0 || pendingBytes < state.thresholdBytes;
      if (!isLow) return { state, actions: [{ kind: 'continue' }] };
      const kind = statistics.event === 'synced' ? 'switchover' : 'sync';
      return { state, actions: [{ kind }] };
    },
  };
}

function updateThreshold(
  state: QemuState,
  { nowMs, transferredBytes }: PolicyStatistics,
  downtimeLimitMs: number,
): QemuState {
  const passedMs = nowMs - state.windowStartMs;
  if (passedMs < WINDOW_MS) return state;
  const bytesPerMs = (transferredBytes - state.windowStartBytes) / passedMs;
  return {
    windowStartMs: nowMs,
    windowStartBytes: transferredBytes,
    thresholdBytes: bytesPerMs * downtimeLimitMs,
  };
}
