import { type Manager, type ManagerFacts, type ManagerRequest, QEMU_LIMIT_MS } from './managers.ts';

/**
 * The settings of KubeVirt's MigrationConfiguration, of its ramp of the downtime limit (DowntimeTuningOptions,
 * enhancement 291) and, from `stallProgressTimeoutMs` on, of its stall detector (enhancement 248).
 */
export interface KubevirtOptions {
  /** The time budget for each GB of the guest, rounded up (completionTimeoutPerGiB). */
  readonly completionTimeoutPerGiBMs: number;
  /** How long no look may see fewer bytes left than the look before, until the migration is given up. */
  readonly progressTimeoutMs: number;
  readonly allowPostCopy: boolean;
  /** Whether the guest may be suspended, or switched to post-copy, to end the migration. */
  readonly allowWorkloadDisruption: boolean;
  /** The downtime limit at first, and in how many steps it rises to the highest. */
  readonly initialDowntimeMs: number;
  readonly steps: number;
  /** The pass from which on the limit rises, and the least time between two steps. */
  readonly startAfterIteration: number;
  readonly cooldownMs: number;
  /** How long ago the passes ended with which a pass is compared. */
  readonly stallProgressTimeoutMs: number;
  /** The share of the fewest remaining bytes within which a pass counts as no better. */
  readonly stallMargin: number;
  /** The weight of a bandwidth sample against the earlier ones. */
  readonly ewmaAlpha: number;
  /** By what factor sending the rest may exceed the downtime limit for pre-copy still to end. */
  readonly precopyPossibleFactor: number;
  /** The factor by which its patience shrinks whenever the best pass has not recurred. */
  readonly patienceWindowDecayFactor: number;
  /** How long a switchover may take to begin before the migration is given up. */
  readonly switchoverTimeoutMs: number;
  /** The number of budgets after which a migration is given up though it has been forced to its end. */
  readonly completionTimeoutFactor: number;
  /** Whether it acts only at a pass that ends about as low as the best one. */
  readonly searchLocalMinima: boolean;
}

/** KubeVirt's defaults (pkg/virt-launcher/virtwrap/live-migration-monitor.go and enhancement 248). */
export const KUBEVIRT_DEFAULTS: KubevirtOptions = {
  completionTimeoutPerGiBMs: 150_000,
  progressTimeoutMs: 150_000,
  allowPostCopy: false,
  allowWorkloadDisruption: false,
  initialDowntimeMs: 150,
  steps: 7,
  startAfterIteration: 3,
  cooldownMs: 10_000,
  stallProgressTimeoutMs: 40_000,
  stallMargin: 0.04,
  ewmaAlpha: 0.4,
  precopyPossibleFactor: 1.5,
  patienceWindowDecayFactor: 0.5,
  switchoverTimeoutMs: 60_000,
  completionTimeoutFactor: 2,
  searchLocalMinima: true,
};

/** How often the monitor looks at the migration (monitorSleepPeriodMS). */
export const LOOK_MS = 400;

/** The part of the state that both monitors have. */
export interface Budget {
  /** When the monitor looked at the migration last. */
  readonly lookedMs: number;
  /** Whether the guest has been suspended or switched to post-copy. */
  readonly isForced: boolean;
}

export const START: Budget = { lookedMs: 0, isForced: false };

/** Returns the time budget of a guest of this size. */
export function completionMs(options: KubevirtOptions, guestBytes: number): number {
  return options.completionTimeoutPerGiBMs * Math.ceil(guestBytes / 1e9);
}

/** KubeVirt compares times in whole seconds. */
export const wholeSeconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);

/**
 * Returns what the monitor asks for once the budget is used up: post-copy if `mayPostcopy`, or a suspended guest where
 * it may be disrupted, otherwise to give the migration up. A migration that has been forced to its end is given up
 * after a multiple of the budget.
 */
export function overBudget(
  { isForced }: Budget,
  { nowMs }: ManagerFacts,
  options: KubevirtOptions,
  budgetMs: number,
  mayPostcopy: boolean,
): ManagerRequest | undefined {
  const isOver = (timeMs: number): boolean => wholeSeconds(nowMs) > wholeSeconds(timeMs);
  if (!isOver(budgetMs)) return undefined;
  const isForcible = mayPostcopy || options.allowWorkloadDisruption;
  if (isForced || !isForcible) {
    if (isForced && !isOver(budgetMs * options.completionTimeoutFactor)) return undefined;
    return { kind: 'abort', reason: `not completed within KubeVirt's ${budgetMs / 1000} s` };
  }
  return { kind: mayPostcopy ? 'postcopy' : 'suspend' };
}

/** The state of the monitor without the stall detector. */
export interface MonitorState extends Budget {
  /** The bytes that remained at the last look. */
  readonly leftBytes: number;
  /** When a look saw fewer bytes left than the look before. */
  readonly progressMs: number;
  /** The downtime limit, and when it was set; the limit is QEMU's until the first look. */
  readonly limitMs: number;
  readonly tunedMs: number;
}

/** How a monitor sets the downtime limit: it returns the state with the limit of this look. */
type Tuning = (state: MonitorState, now: ManagerFacts) => MonitorState;

/**
 * KubeVirt's monitor without the stall detector (handleLegacyConvergence), which looks every 400 ms. At the end of
 * the time budget a guest that may be disrupted is switched to post-copy or suspended; otherwise the migration is
 * given up. It is also given up when no look has seen fewer bytes left than the look before for the progress timeout,
 * which happens to a migration that stands still rather than to one that does not converge.
 */
function monitor(
  name: string,
  options: KubevirtOptions,
  guestBytes: number,
  limitMs: number,
  tune: Tuning,
): Manager<MonitorState> {
  const budgetMs = completionMs(options, guestBytes);
  const mayPostcopy = options.allowPostCopy && options.allowWorkloadDisruption;
  return {
    name,
    initial: { ...START, leftBytes: 0, progressMs: 0, limitMs, tunedMs: -Infinity },
    step(before, now) {
      if (now.nowMs - before.lookedMs < LOOK_MS) return { state: before, limitMs: before.limitMs };
      const isProgress = before.leftBytes === 0 || now.remainingBytes < before.leftBytes;
      const seen = {
        ...before,
        lookedMs: now.nowMs,
        leftBytes: now.remainingBytes,
        progressMs: isProgress ? now.nowMs : before.progressMs,
      };
      const state = tune(seen, now);
      const asks = overBudget(before, now, options, budgetMs, mayPostcopy);
      if (asks && asks.kind !== 'abort') {
        return { state: { ...state, isForced: true }, limitMs: state.limitMs, asks };
      }
      const stuckSeconds = wholeSeconds(now.nowMs - state.progressMs);
      if (stuckSeconds > wholeSeconds(options.progressTimeoutMs)) {
        const seconds = options.progressTimeoutMs / 1000;
        const reason = `no progress for KubeVirt's ${seconds} s`;
        return { state, limitMs: state.limitMs, asks: { kind: 'abort', reason } };
      }
      return asks ? { state, limitMs: state.limitMs, asks } : { state, limitMs: state.limitMs };
    },
  };
}

/** KubeVirt's monitor with its timeouts alone; the downtime limit stays as it is. */
export function kubevirtTimeouts(
  options: KubevirtOptions,
  limitMs: number,
  guestBytes: number,
): Manager<MonitorState> {
  return monitor('kubevirt-timeouts', options, guestBytes, limitMs, (state) => state);
}

/**
 * KubeVirt's monitor with the ramp of enhancement 291 (tuneDowntime). The first look sets the initial limit. From pass
 * `startAfterIteration` on, the limit rises by an equal part of the way to `mostMs` whenever the cool-down since it was
 * set last is over, whatever is left.
 */
export function kubevirtRamp(
  options: KubevirtOptions,
  mostMs: number,
  guestBytes: number,
): Manager<MonitorState> {
  const initialMs = Math.min(options.initialDowntimeMs, mostMs);
  const stepMs = Math.max(1, Math.floor((mostMs - initialMs) / options.steps));
  const tune: Tuning = (state, { nowMs, syncs }) => {
    if (state.tunedMs === -Infinity) return { ...state, limitMs: initialMs, tunedMs: nowMs };
    if (syncs < options.startAfterIteration) return state;
    if (nowMs - state.tunedMs < options.cooldownMs) return state;
    const limitMs = Math.min(state.limitMs + stepMs, mostMs);
    return limitMs > state.limitMs ? { ...state, limitMs, tunedMs: nowMs } : state;
  };
  return monitor('kubevirt', options, guestBytes, QEMU_LIMIT_MS, tune);
}
