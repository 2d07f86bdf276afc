import type { QemuVersion } from '../accounting.ts';
import type { Manager } from './managers.ts';
import {
  dirtyLimit,
  type DirtyLimitOptions,
  type DirtyLimitState,
  startDirtyLimit,
} from './dirty-limit.ts';
import type { Policy, PolicyAction, PolicyStatistics } from '../policy.ts';
import {
  AUTO_CONVERGE_DEFAULTS,
  AUTO_CONVERGE_START,
  autoConverge,
  type AutoConvergeOptions,
  type AutoConvergeState,
  dirtyPeriod,
} from './auto-converge.ts';

/** The settings of the policy. */
export interface QemuOptions {
  readonly version: QemuVersion;
  readonly downtimeLimitMs: number;
  readonly autoConverge?: AutoConvergeOptions;
  /**
   * After how many live rounds a program asks for post-copy that checks every `pollMs` whether they are
   * over; with 0 it notices at once.
   */
  readonly postcopyAfter?: { readonly rounds: number; readonly pollMs: number };
  /** How much each vCPU may dirty; it takes the place of auto-converge. */
  readonly dirtyLimit?: DirtyLimitOptions;
  /** A manager that sets the downtime limit in place of `downtimeLimitMs`. */
  readonly manager?: Manager;
  /** The bandwidth to assume for the switchover instead of the measured one (10.0), in bytes a second. */
  readonly availSwitchoverBytesPerSecond?: number;
}

/** The state of the policy between two decisions. */
export interface QemuState {
  /** When the present bandwidth window began. */
  readonly windowStartMs: number;
  /** The bytes that had been sent by then, by QEMU's accounting. */
  readonly windowStartBytes: number;
  /** The bytes that fit into the downtime limit at the bandwidth of the last window. */
  readonly thresholdBytes: number;
  /** When the present chunk began. */
  readonly chunkStartMs: number;
  /** The number of pages that had been sent by then. */
  readonly chunkStartPages: number;
  /** The number of blocks of 64 pages that the chunk has sent; after each the time is checked. */
  readonly chunkBlocks: number;
  /** The time from which on post-copy is asked for; Infinity means that it is not yet known. */
  readonly postcopyAtMs: number;
  readonly converge: AutoConvergeState;
  /** Whether the present sync was forced by the 5 s timer, so that it does not end the rounds. */
  readonly isForced: boolean;
  /** The state of the dirty limit, once it is in force. */
  readonly dirtyLimit: DirtyLimitState | undefined;
  /** The downtime limit, which a manager may change. */
  readonly limitMs: number;
  /** The manager's own state. */
  readonly manager: unknown;
  /** Whether the manager wants the guest stopped, or why it gives the migration up. */
  readonly wanted: 'switchover' | { readonly abort: string } | undefined;
  /** The number of the timer's last tick. */
  readonly lastTick: number;
  /** The number of syncs at that tick. */
  readonly syncsAtTick: number;
}

/** The least length of the window in which the bandwidth is measured (migration/migration.c, BUFFER_DELAY). */
const WINDOW_MS = 100;
/** A chunk ends after this time, which is checked every 64 pages (migration/ram.c, MAX_WAIT). */
const CHUNK_MS = 50;
const CHUNK_BLOCK_BYTES = 64 * 4096;
/** With auto-converge, 10.0 forces a sync if there was none for this long (system/cpu-throttle.c). */
const SYNC_TIMER_MS = 5000;

/**
 * QEMU's decisions (migration/migration.c, migration_iteration_run and migration_update_counters;
 * migration/ram.c, ram_save_iterate). Pages are sent in chunks. A chunk ends when the window's budget is
 * spent, after 50 ms, or when no page is left. Between chunks, once 100 ms have passed, the threshold
 * becomes the bandwidth of that window × downtime limit, and a new window begins. When fewer bytes are
 * left than the threshold, the dirty bitmap is synchronised; if fewer are left even then, the guest is
 * stopped. All comparisons are strict; times are whole milliseconds.
 */
export function qemuPolicy(options: QemuOptions): Policy<QemuState> {
  return {
    name: 'qemu',
    skipsRedirtied: false,
    downtimeLimitMs: ({ limitMs }) => limitMs,
    initial: {
      windowStartMs: 0,
      windowStartBytes: 0,
      thresholdBytes: 0,
      chunkStartMs: 0,
      chunkStartPages: 0,
      chunkBlocks: 0,
      postcopyAtMs: options.postcopyAfter?.rounds === 0 ? options.postcopyAfter.pollMs : Infinity,
      converge: AUTO_CONVERGE_START,
      isForced: false,
      dirtyLimit: undefined,
      limitMs: options.downtimeLimitMs,
      manager: options.manager?.initial,
      wanted: undefined,
      lastTick: 0,
      syncsAtTick: 1,
    },
    decide(before, statistics) {
      const exact = { ...statistics, nowMs: Math.floor(statistics.nowMs) };
      if (exact.event === 'stopped') return { state: before, actions: [] };
      const decision = applyRequest(next(before, exact, options));
      return options.dirtyLimit ? applyDirtyLimit(decision, exact, options.dirtyLimit) : decision;
    },
  };
}

/** Decides by the event, without the manager's requests and the dirty limit. */
function next(before: QemuState, now: PolicyStatistics, options: QemuOptions): Decision {
  if (now.event === 'synced') return afterSync(before, now, options);
  if (now.event === 'start') return iterate(before, now, []);
  if (now.event !== 'window') return afterBatch(before, now, options);
  const { state, actions } = updateCounters(before, now, options);
  const isOpen = actions.length > 0 || !now.isHeldBack;
  return isOpen ? iterate(state, now, actions) : { state, actions: [{ kind: 'continue' }] };
}

/** Adds the throttles of the dirty limit, once it is in force. */
function applyDirtyLimit(
  { state, actions }: Decision,
  now: PolicyStatistics,
  options: DirtyLimitOptions,
): Decision {
  if (!state.dirtyLimit || now.isPostcopy) return { state, actions };
  const pages = now.vcpuDirtiedPages ?? [];
  const look = dirtyLimit(state.dirtyLimit, { nowMs: now.nowMs, pages }, options);
  return { state: { ...state, dirtyLimit: look.state }, actions: [...look.actions, ...actions] };
}

interface Decision {
  readonly state: QemuState;
  readonly actions: readonly PolicyAction[];
}

function afterBatch(before: QemuState, now: PolicyStatistics, options: QemuOptions): Decision {
  const pages = now.sentPages - before.chunkStartPages;
  const blocks = Math.floor((pages * now.pageSize) / CHUNK_BLOCK_BYTES);
  const isLate = blocks > before.chunkBlocks && now.nowMs - before.chunkStartMs > CHUNK_MS;
  const current = { ...before, chunkBlocks: blocks };
  if (!now.isHeldBack && !isLate && now.pendingPages > 0) {
    return isTimerDue(before, now, options)
      ? forceSync(current, now)
      : { state: current, actions: [{ kind: 'continue' }] };
  }
  const { state, actions } = updateCounters(current, now, options);
  const chunkEnd: PolicyAction[] = [{ kind: 'chunk' }, ...actions];
  // When the window's budget is spent, nothing is decided before the window is over.
  if (now.isHeldBack && actions.length === 0) {
    return { state, actions: [...chunkEnd, { kind: 'continue' }] };
  }
  return iterate(state, now, chunkEnd);
}

/** Once a window is over, computes the threshold and begins a new window (migration_update_counters). */
function updateCounters(state: QemuState, now: PolicyStatistics, options: QemuOptions): Decision {
  const passedMs = now.nowMs - state.windowStartMs;
  if (passedMs < WINDOW_MS) return { state, actions: [] };
  const measured = (now.accountedBytes - state.windowStartBytes) / passedMs;
  const assumed = options.availSwitchoverBytesPerSecond;
  const bytesPerMs = assumed === undefined || assumed === 0 ? measured : assumed / 1000;
  const answer = askManager(state, now, options, measured);
  return {
    state: {
      ...answer.state,
      windowStartMs: now.nowMs,
      windowStartBytes: now.accountedBytes,
      thresholdBytes: bytesPerMs * answer.limitMs,
      limitMs: answer.limitMs,
    },
    actions: [{ kind: 'renew' }],
  };
}

/** Asks the manager, if there is one, at the end of a window or of a pass; returns its downtime limit. */
function askManager(
  state: QemuState,
  now: PolicyStatistics,
  { manager, downtimeLimitMs }: QemuOptions,
  bytesPerMs: number,
): { readonly state: QemuState; readonly limitMs: number } {
  if (!manager) return { state, limitMs: downtimeLimitMs };
  const step = manager.step(state.manager, {
    nowMs: now.nowMs,
    remainingBytes: now.pendingPages * now.pageSize,
    transferredBytes: now.accountedBytes,
    syncs: now.syncs,
    bytesPerMs,
    isPassEnd: now.event === 'synced',
  });
  const { limitMs, asks } = step;
  const after = { ...state, manager: step.state };
  if (asks?.kind === 'postcopy') return { state: { ...after, postcopyAtMs: now.nowMs }, limitMs };
  if (!asks || now.isPostcopy) return { state: after, limitMs };
  const wanted = asks.kind === 'suspend' ? 'switchover' : { abort: asks.reason };
  return { state: { ...after, wanted }, limitMs };
}

/** Adds what a manager has asked for, which overrides what QEMU would do. */
function applyRequest({ state, actions }: Decision): Decision {
  const { wanted } = state;
  if (wanted === undefined) return { state, actions };
  const action: PolicyAction =
    wanted === 'switchover' ? { kind: wanted } : { kind: 'abort', reason: wanted.abort };
  return { state: { ...state, wanted: undefined }, actions: [...actions, action] };
}

/** Decides whether so little is left that the dirty bitmap is synchronised (migration_iteration_run). */
function iterate(
  state: QemuState,
  now: PolicyStatistics,
  actions: readonly PolicyAction[],
): Decision {
  const liveBytes = now.deviceBytes?.live ?? 0;
  if (isLow(state, now, liveBytes)) return { state, actions: [...actions, { kind: 'sync' }] };
  // With a threshold of 0 nothing is below it, but without pending pages the rounds end without a sync, unless a
  // device has state that only an exact count shows.
  if (now.pendingPages === 0 && (now.deviceBytes?.stopped ?? 0) === 0)
    return { state, actions: [...actions, { kind: 'switchover' }] };
  return goOn(state, now, actions);
}

/** Begins the next chunk, or post-copy if that has been asked for. */
function goOn(state: QemuState, now: PolicyStatistics, actions: readonly PolicyAction[]): Decision {
  const isDue = !now.isPostcopy && now.nowMs >= state.postcopyAtMs;
  const kind = isDue ? 'postcopy' : 'continue';
  return { state: newChunk(state, now), actions: [...actions, { kind }] };
}

function afterSync(before: QemuState, now: PolicyStatistics, options: QemuOptions): Decision {
  const postcopyAtMs = postcopyTimeMs(before, now, options);
  const synced = { ...before, isForced: false, postcopyAtMs };
  const after = options.manager?.watchesPasses ? askManager(synced, now, options, 0).state : synced;
  const { state, actions } = converge(after, now, options);
  if (before.isForced) return { state, actions: [...actions, { kind: 'continue' }] };
  const stoppedBytes = now.deviceBytes?.stopped ?? 0;
  if (isLow(state, now, stoppedBytes) || now.pendingPages + stoppedBytes === 0) {
    return { state, actions: [...actions, { kind: 'switchover' }] };
  }
  return goOn(state, now, actions);
}

/** Returns when post-copy is asked for: at the next poll after enough rounds. */
function postcopyTimeMs(
  state: QemuState,
  now: PolicyStatistics,
  { postcopyAfter }: QemuOptions,
): number {
  if (!postcopyAfter || now.syncs <= postcopyAfter.rounds) return state.postcopyAtMs;
  const { pollMs } = postcopyAfter;
  const nextMs = pollMs === 0 ? now.nowMs : (Math.floor(now.nowMs / pollMs) + 1) * pollMs;
  return Math.min(state.postcopyAtMs, nextMs);
}

function isLow(
  state: QemuState,
  { pendingPages, pageSize }: PolicyStatistics,
  deviceBytes: number,
): boolean {
  return pendingPages * pageSize + deviceBytes < state.thresholdBytes;
}

function newChunk(state: QemuState, now: PolicyStatistics): QemuState {
  return {
    ...state,
    chunkStartMs: now.nowMs,
    chunkStartPages: now.sentPages,
    chunkBlocks: 0,
  };
}

/** Applies auto-converge after a sync, or decides whether the dirty limit comes into force. */
function converge(state: QemuState, now: PolicyStatistics, options: QemuOptions): Decision {
  const { nowMs, accountedBytes: bytes, dirtiedPages, pageSize } = now;
  const sync = { nowMs, bytes, dirtiedPages, pageSize };
  if (options.dirtyLimit) {
    const period = dirtyPeriod(state.converge, sync, AUTO_CONVERGE_DEFAULTS.trigger);
    const begins = period.takesStep && !state.dirtyLimit;
    const limit = begins ? startDirtyLimit(nowMs, now.vcpuDirtiedPages ?? []) : state.dirtyLimit;
    return { state: { ...state, converge: period.state, dirtyLimit: limit }, actions: [] };
  }
  if (!options.autoConverge) return { state, actions: [] };
  const after = autoConverge(state.converge, sync, options.autoConverge);
  const actions: PolicyAction[] =
    after.throttle === state.converge.throttle ? [] : [{ kind: 'throttle', share: after.throttle }];
  return { state: { ...state, converge: after }, actions };
}

/** Returns whether the timer has ticked since its last tick was handled; it ticks every 5 s. */
function isTimerDue(state: QemuState, now: PolicyStatistics, options: QemuOptions): boolean {
  if (!options.autoConverge || options.version === '7.2') return false;
  return Math.floor(now.nowMs / SYNC_TIMER_MS) > state.lastTick;
}

/** Handles a tick: forces a sync if there was none since the last tick, but not before the first pass ends. */
function forceSync(state: QemuState, now: PolicyStatistics): Decision {
  const after = {
    ...state,
    lastTick: Math.floor(now.nowMs / SYNC_TIMER_MS),
    syncsAtTick: now.syncs,
  };
  const isQuiet = now.syncs > 1 && now.syncs === state.syncsAtTick;
  if (!isQuiet) return { state: after, actions: [{ kind: 'continue' }] };
  return { state: { ...after, isForced: true }, actions: [{ kind: 'sync' }] };
}
