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

export interface QemuOptions {
  readonly version: QemuVersion;
  readonly downtimeLimitMs: number;
  readonly autoConverge?: AutoConvergeOptions;
  /** Post-copy is asked for after so many live rounds, and noticed when somebody looks every so often. */
  readonly postcopyAfter?: { readonly rounds: number; readonly pollMs: number };
  /** In place of auto-converge: what each vCPU may dirty. */
  readonly dirtyLimit?: DirtyLimitOptions;
  /** Sets the downtime limit while the migration goes on, in place of `downtimeLimitMs`. */
  readonly manager?: Manager;
  /** Bandwidth to assume for the switchover instead of the measured one (10.0); bytes a second. */
  readonly availSwitchoverBytesPerSecond?: number;
}

export interface QemuState {
  /** Begin of the bandwidth window, and the bytes sent until then. */
  readonly windowStartMs: number;
  readonly windowStartBytes: number;
  /** Bytes that fit into the downtime limit at the window's bandwidth. */
  readonly thresholdBytes: number;
  /** When the chunk under way began, and the pages that had been sent by then. */
  readonly chunkStartMs: number;
  readonly chunkStartPages: number;
  /** Blocks of 64 pages of the chunk that have been looked at for the time. */
  readonly chunkBlocks: number;
  /** When post-copy has been asked for; Infinity: not yet. */
  readonly postcopyAtMs: number;
  readonly converge: AutoConvergeState;
  /** The sync under way was forced by the 5 s timer: it decides nothing. */
  readonly isForced: boolean;
  /** While the dirty limit is in service. */
  readonly dirtyLimit: DirtyLimitState | undefined;
  readonly manager: unknown;
  /** The manager wants the guest stopped, or the migration given up. */
  readonly wanted: 'switchover' | { readonly abort: string } | undefined;
  readonly lastTick: number;
  readonly syncsAtTick: number;
}

/** migration/migration.c, BUFFER_DELAY: the estimate is one window of at least this, never smoothed. */
const WINDOW_MS = 100;
/** migration/ram.c, MAX_WAIT: a chunk ends after this; the time is looked at every 64 pages. */
const CHUNK_MS = 50;
const CHUNK_BLOCK_BYTES = 64 * 4096;
/** 10.0, system/cpu-throttle.c: with auto-converge a sync is forced when there was none for so long. */
const SYNC_TIMER_MS = 5000;

/**
 * QEMU's decisions (migration/migration.c, migration_iteration_run and migration_update_counters;
 * migration/ram.c, ram_save_iterate). Pages are sent in chunks, which end when the window's budget
 * is spent, after 50 ms, or when none is left. Between chunks: once 100 ms have passed, the
 * bandwidth of that window × downtime limit is the threshold, and a new window begins; when less
 * than a threshold's worth is left, the bitmap is synchronised; if less is left even then, the guest
 * is stopped. All comparisons are strict; times are whole milliseconds.
 */
export function qemuPolicy(options: QemuOptions): Policy<QemuState> {
  return {
    name: 'qemu',
    skipsRedirtied: false,
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
      manager: options.manager?.initial,
      wanted: undefined,
      lastTick: 0,
      syncsAtTick: 1,
    },
    decide(before, statistics) {
      const exact = { ...statistics, nowMs: Math.floor(statistics.nowMs) };
      if (exact.event === 'stopped') return { state: before, actions: [] };
      const decision = obeyed(next(before, exact, options));
      return options.dirtyLimit ? limited(decision, exact, options.dirtyLimit) : decision;
    },
  };
}

function next(before: QemuState, now: PolicyStatistics, options: QemuOptions): Decision {
  if (now.event === 'synced') return afterSync(before, now, options);
  if (now.event === 'start') return iterate(before, now, []);
  if (now.event !== 'window') return afterBatch(before, now, options);
  const { state, actions } = updateCounters(before, now, options);
  const isOpen = actions.length > 0 || !now.isHeldBack;
  return isOpen ? iterate(state, now, actions) : { state, actions: [{ kind: 'continue' }] };
}

/** The dirty limit, once in service, has a look of its own every period. */
function limited(
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
  const looked = { ...before, chunkBlocks: blocks };
  if (!now.isHeldBack && !isLate && now.pendingPages > 0) {
    return isTimerDue(before, now, options)
      ? forceSync(looked, now)
      : { state: looked, actions: [{ kind: 'continue' }] };
  }
  const { state, actions } = updateCounters(looked, now, options);
  const ended: PolicyAction[] = [{ kind: 'chunk' }, ...actions];
  // The budget is spent: the next look comes when the window is over.
  if (now.isHeldBack && actions.length === 0) {
    return { state, actions: [...ended, { kind: 'continue' }] };
  }
  return iterate(state, now, ended);
}

/** migration_update_counters: threshold, and a new window. */
function updateCounters(state: QemuState, now: PolicyStatistics, options: QemuOptions): Decision {
  const passedMs = now.nowMs - state.windowStartMs;
  if (passedMs < WINDOW_MS) return { state, actions: [] };
  const measured = (now.accountedBytes - state.windowStartBytes) / passedMs;
  const assumed = options.availSwitchoverBytesPerSecond;
  const bytesPerMs = assumed === undefined || assumed === 0 ? measured : assumed / 1000;
  const managed = askManager(state, now, options, measured);
  return {
    state: {
      ...managed.state,
      windowStartMs: now.nowMs,
      windowStartBytes: now.accountedBytes,
      thresholdBytes: bytesPerMs * managed.limitMs,
    },
    actions: [{ kind: 'renew' }],
  };
}

/** What a manager, if there is one, makes of a window's end or of a pass's. */
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
    bytesPerMs,
    isPassEnd: now.event === 'synced',
  });
  const { limitMs, asks } = step;
  const told = { ...state, manager: step.state };
  if (asks?.kind === 'postcopy') return { state: { ...told, postcopyAtMs: now.nowMs }, limitMs };
  if (!asks || now.isPostcopy) return { state: told, limitMs };
  const wanted = asks.kind === 'suspend' ? 'switchover' : { abort: asks.reason };
  return { state: { ...told, wanted }, limitMs };
}

/** What a manager has asked for comes before what QEMU would do. */
function obeyed({ state, actions }: Decision): Decision {
  const { wanted } = state;
  if (wanted === undefined) return { state, actions };
  const action: PolicyAction =
    wanted === 'switchover' ? { kind: wanted } : { kind: 'abort', reason: wanted.abort };
  return { state: { ...state, wanted: undefined }, actions: [...actions, action] };
}

/** migration_iteration_run before its sync: is little enough left to look? */
function iterate(
  state: QemuState,
  now: PolicyStatistics,
  actions: readonly PolicyAction[],
): Decision {
  if (isLow(state, now)) return { state, actions: [...actions, { kind: 'sync' }] };
  // With threshold 0 nothing is low, but an empty set ends it without another look.
  if (now.pendingPages === 0) return { state, actions: [...actions, { kind: 'switchover' }] };
  return goOn(state, now, actions);
}

/** Enough is left: the next chunk, or post-copy if that has been asked for. */
function goOn(state: QemuState, now: PolicyStatistics, actions: readonly PolicyAction[]): Decision {
  const isAsked = !now.isPostcopy && now.nowMs >= state.postcopyAtMs;
  const kind = isAsked ? 'postcopy' : 'continue';
  return { state: newChunk(state, now), actions: [...actions, { kind }] };
}

function afterSync(before: QemuState, now: PolicyStatistics, options: QemuOptions): Decision {
  const asked = { ...before, isForced: false, postcopyAtMs: askedAt(before, now, options) };
  const known = options.manager?.watchesPasses ? askManager(asked, now, options, 0).state : asked;
  const { state, actions } = converge(known, now, options);
  if (before.isForced) return { state, actions: [...actions, { kind: 'continue' }] };
  if (isLow(state, now) || now.pendingPages === 0) {
    return { state, actions: [...actions, { kind: 'switchover' }] };
  }
  return goOn(state, now, actions);
}

/** Post-copy is asked for when the watcher's next look finds enough passes. */
function askedAt(state: QemuState, now: PolicyStatistics, { postcopyAfter }: QemuOptions): number {
  if (!postcopyAfter || now.syncs <= postcopyAfter.rounds) return state.postcopyAtMs;
  const { pollMs } = postcopyAfter;
  const nextMs = pollMs === 0 ? now.nowMs : (Math.floor(now.nowMs / pollMs) + 1) * pollMs;
  return Math.min(state.postcopyAtMs, nextMs);
}

function isLow(state: QemuState, { pendingPages, pageSize }: PolicyStatistics): boolean {
  return pendingPages * pageSize < state.thresholdBytes;
}

function newChunk(state: QemuState, now: PolicyStatistics): QemuState {
  return {
    ...state,
    chunkStartMs: now.nowMs,
    chunkStartPages: now.sentPages,
    chunkBlocks: 0,
  };
}

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

/** The timer ticks every 5 s; a tick that finds no sync since the last one, after the first pass. */
function isTimerDue(state: QemuState, now: PolicyStatistics, options: QemuOptions): boolean {
  if (!options.autoConverge || options.version === '7.2') return false;
  return Math.floor(now.nowMs / SYNC_TIMER_MS) > state.lastTick;
}

function forceSync(state: QemuState, now: PolicyStatistics): Decision {
  const ticked = {
    ...state,
    lastTick: Math.floor(now.nowMs / SYNC_TIMER_MS),
    syncsAtTick: now.syncs,
  };
  const isQuiet = now.syncs > 1 && now.syncs === state.syncsAtTick;
  if (!isQuiet) return { state: ticked, actions: [{ kind: 'continue' }] };
  return { state: { ...ticked, isForced: true }, actions: [{ kind: 'sync' }] };
}
