import type { Manager, ManagerFacts, ManagerRequest, ManagerStep } from './managers.ts';

/**
 * The settings of KubeVirt's MigrationConfiguration and, from `maxDowntimeMs` on, of its stall detector
 * (enhancement 248).
 */
export interface KubevirtOptions {
  /** The time budget for each GB of the guest, rounded up (completionTimeoutPerGiB). */
  readonly completionTimeoutPerGiBMs: number;
  /** How long the remaining bytes may reach no new low before the migration is given up. */
  readonly progressTimeoutMs: number;
  readonly allowPostCopy: boolean;
  /** Whether the guest may be suspended, or switched to post-copy, to end the migration. */
  readonly allowWorkloadDisruption: boolean;
  /** The downtime limit once the migration has stalled. */
  readonly maxDowntimeMs: number;
  /** How long ago the passes ended with which a pass is compared. */
  readonly stallProgressTimeoutMs: number;
  /** The share of the fewest remaining bytes within which a pass counts as no better. */
  readonly stallMargin: number;
  /** The weight of a bandwidth sample against the earlier ones. */
  readonly ewmaAlpha: number;
  /** By what factor sending the rest may exceed `maxDowntimeMs` for pre-copy still to end. */
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

/** KubeVirt's defaults; those of the stall detector as enhancement 248 proposes them. */
export const KUBEVIRT_DEFAULTS: KubevirtOptions = {
  completionTimeoutPerGiBMs: 150_000,
  progressTimeoutMs: 150_000,
  allowPostCopy: false,
  allowWorkloadDisruption: false,
  maxDowntimeMs: 900,
  stallProgressTimeoutMs: 40_000,
  stallMargin: 0.04,
  ewmaAlpha: 0.4,
  precopyPossibleFactor: 1.5,
  patienceWindowDecayFactor: 0.5,
  switchoverTimeoutMs: 60_000,
  completionTimeoutFactor: 2,
  searchLocalMinima: true,
};

/** How often the monitor looks at the migration (virt-launcher, live-migration-source.go). */
const LOOK_MS = 400;
/** QEMU's default downtime limit, and the largest that it accepts. */
const QEMU_LIMIT_MS = 300;
const QEMU_MOST_MS = 2_000_000;

/** The part of the state that both monitors have. */
interface Budget {
  /** When the monitor looked at the migration last. */
  readonly lookedMs: number;
  /** Whether the guest has been suspended or switched to post-copy. */
  readonly isForced: boolean;
}

const START: Budget = { lookedMs: 0, isForced: false };

/** Returns the time budget of a guest of this size. */
export function completionMs(options: KubevirtOptions, guestBytes: number): number {
  return options.completionTimeoutPerGiBMs * Math.ceil(guestBytes / 1e9);
}

/**
 * Returns what the monitor asks for once the budget is used up: post-copy or a suspended guest, where
 * that is allowed, otherwise to give the migration up. A migration that has been forced to its end is
 * given up after a multiple of the budget.
 */
function overBudget(
  { isForced }: Budget,
  { nowMs }: ManagerFacts,
  options: KubevirtOptions,
  budgetMs: number,
  isPostCopyEnough: boolean,
): ManagerRequest | undefined {
  if (nowMs <= budgetMs) return undefined;
  const mayPostCopy =
    options.allowPostCopy && (isPostCopyEnough || options.allowWorkloadDisruption);
  const isForcible = mayPostCopy || options.allowWorkloadDisruption;
  if (isForced || !isForcible) {
    if (isForced && nowMs <= budgetMs * options.completionTimeoutFactor) return undefined;
    return { kind: 'abort', reason: `not completed within KubeVirt's ${budgetMs / 1000} s` };
  }
  return { kind: mayPostCopy ? 'postcopy' : 'suspend' };
}

/** The state of the monitor without the stall detector. */
export interface TimeoutsState extends Budget {
  /** The fewest bytes that remained at any look. */
  readonly leastBytes: number;
  /** When that was. */
  readonly progressMs: number;
}

/**
 * KubeVirt's monitor without the stall detector, which looks every 400 ms. At the end of the time budget,
 * post-copy or a suspended guest ends the migration where that is allowed; otherwise it is given up. It
 * is also given up when the remaining bytes have reached no new low for the progress timeout.
 */
export function kubevirtTimeouts(
  options: KubevirtOptions,
  limitMs: number,
  guestBytes: number,
): Manager<TimeoutsState> {
  const budgetMs = completionMs(options, guestBytes);
  return {
    name: 'kubevirt-timeouts',
    initial: { ...START, leastBytes: Infinity, progressMs: 0 },
    step(before, now) {
      if (now.nowMs - before.lookedMs < LOOK_MS) return { state: before, limitMs };
      const isBetter = now.remainingBytes < before.leastBytes;
      const state = {
        ...before,
        lookedMs: now.nowMs,
        leastBytes: Math.min(before.leastBytes, now.remainingBytes),
        progressMs: isBetter ? now.nowMs : before.progressMs,
      };
      if (now.nowMs - state.progressMs > options.progressTimeoutMs) {
        const seconds = options.progressTimeoutMs / 1000;
        const reason = `no progress for KubeVirt's ${seconds} s`;
        return { state, limitMs, asks: { kind: 'abort', reason } };
      }
      const asks = overBudget(before, now, options, budgetMs, true);
      if (!asks) return { state, limitMs };
      return { state: { ...state, isForced: true }, limitMs, asks };
    },
  };
}

/** When a pass ended, and the bytes that remained then. */
interface PassRecord {
  readonly ms: number;
  readonly bytes: number;
}

/** The state of the monitor with the stall detector. */
export interface StallDetectorState extends Budget {
  /** The downtime limit that it sets. */
  readonly limitMs: number;
  /** The smoothed bandwidth; 0 means that there is no sample yet. */
  readonly bytesPerMs: number;
  /** Passes within the last `stallProgressTimeout`, each with fewer remaining bytes than the one before. */
  readonly candidates: readonly PassRecord[];
  /** The fewest remaining bytes of all passes that ended earlier than that. */
  readonly leastOutside: number;
  readonly isStalled: boolean;
  /** The remaining bytes near which a pass has to end for the detector to act. */
  readonly bestBytes: number;
  /** The bytes that remained after each pass since the stall, in ascending order. */
  readonly history: readonly number[];
  /** How long a pass may fail to end near `bestBytes` before that is raised. */
  readonly patienceMs: number;
  /** When `bestBytes` is raised next. */
  readonly relaxAtMs: number;
  /** When a switchover that has been asked for must have begun; Infinity if none has been. */
  readonly switchByMs: number;
}

/**
 * KubeVirt's stall detector (enhancement 248; virt-launcher, stall_detector.go). A migration has stalled
 * when a pass ends with no fewer bytes left, but for a margin, than the best of all passes that ended at
 * least `stallProgressTimeout` ago. From then on the detector acts at a pass that ends about as low as the
 * best one; the level that counts as best is raised step by step while no pass reaches it. If the guest
 * may be disrupted, it switches to post-copy or stops the guest. Otherwise it sets the downtime limit
 * to `maxDowntime`, if the rest takes little more than that at the smoothed bandwidth, or gives the
 * migration up.
 */
export function kubevirtStall(
  options: KubevirtOptions,
  guestBytes: number,
): Manager<StallDetectorState> {
  const budgetMs = completionMs(options, guestBytes);
  return {
    name: 'kubevirt-stall',
    watchesPasses: true,
    initial: {
      ...START,
      limitMs: Math.min(options.maxDowntimeMs, QEMU_LIMIT_MS),
      bytesPerMs: 0,
      candidates: [],
      leastOutside: Infinity,
      isStalled: false,
      bestBytes: 0,
      history: [],
      patienceMs: 0,
      relaxAtMs: 0,
      switchByMs: Infinity,
    },
    step: (before, now) =>
      now.isPassEnd
        ? afterPass(before, now, options, budgetMs)
        : look(before, now, options, budgetMs),
  };
}

type StallStep = ManagerStep<StallDetectorState>;

/** Looks at the migration between passes: takes a bandwidth sample and checks the timeouts. */
function look(
  before: StallDetectorState,
  now: ManagerFacts,
  options: KubevirtOptions,
  budgetMs: number,
): StallStep {
  if (now.nowMs - before.lookedMs < LOOK_MS) return { state: before, limitMs: before.limitMs };
  const { ewmaAlpha } = options;
  const sample = now.bytesPerMs;
  const bytesPerMs =
    before.bytesPerMs === 0 ? sample : ewmaAlpha * sample + (1 - ewmaAlpha) * before.bytesPerMs;
  const state = { ...before, lookedMs: now.nowMs, bytesPerMs };
  if (now.nowMs > before.switchByMs) {
    const seconds = options.switchoverTimeoutMs / 1000;
    const reason = `no switchover within KubeVirt's ${seconds} s`;
    return { state, limitMs: state.limitMs, asks: { kind: 'abort', reason } };
  }
  const asks = overBudget(before, now, options, budgetMs, false);
  if (!asks) return { state, limitMs: state.limitMs };
  return { state: { ...state, isForced: true }, limitMs: state.limitMs, asks };
}

/** Decides at the end of a pass whether the migration has stalled, and what to do then. */
function afterPass(
  before: StallDetectorState,
  now: ManagerFacts,
  options: KubevirtOptions,
  budgetMs: number,
): StallStep {
  const idle = (state: StallDetectorState): StallStep => ({ state, limitMs: state.limitMs });
  if (before.bytesPerMs === 0 || before.isForced || before.switchByMs < Infinity)
    return idle(before);
  const record = { ms: now.nowMs, bytes: now.remainingBytes };
  const next = { ...before, ...candidatesOf(before, record, options) };
  const isStall = record.bytes >= next.leastOutside * (1 - options.stallMargin);
  if (!before.isStalled && !isStall) return idle(next);
  const state = before.isStalled
    ? relaxBest(next, record, options)
    : beginStall(next, record, options);
  return act(state, record, options, budgetMs);
}

/** Adds a pass to the candidates, and moves those that are old enough into `leastOutside`. */
function candidatesOf(
  { candidates, leastOutside }: StallDetectorState,
  record: PassRecord,
  { stallProgressTimeoutMs }: KubevirtOptions,
): Pick<StallDetectorState, 'candidates' | 'leastOutside'> {
  const inside = candidates.filter(({ ms }) => record.ms - ms < stallProgressTimeoutMs);
  const outside = candidates.slice(0, candidates.length - inside.length);
  const least = Math.min(leastOutside, ...outside.map(({ bytes }) => bytes));
  const last = inside.at(-1);
  const isUseless = record.bytes > least || (last !== undefined && record.bytes >= last.bytes);
  return { candidates: isUseless ? inside : [...inside, record], leastOutside: least };
}

/** Returns the state at the pass at which the migration stalls. */
function beginStall(
  state: StallDetectorState,
  { ms }: PassRecord,
  { stallProgressTimeoutMs }: KubevirtOptions,
): StallDetectorState {
  const bestBytes = Math.min(state.leastOutside, ...state.candidates.map(({ bytes }) => bytes));
  const patienceMs = stallProgressTimeoutMs;
  return {
    ...state,
    isStalled: true,
    bestBytes,
    history: [],
    patienceMs,
    relaxAtMs: ms + patienceMs,
  };
}

/** Raises the best level to the lowest one since, if no pass has reached it for long enough. */
function relaxBest(
  state: StallDetectorState,
  { ms, bytes }: PassRecord,
  { patienceWindowDecayFactor }: KubevirtOptions,
): StallDetectorState {
  const at = state.history.findIndex((value) => value > bytes);
  const history = at < 0 ? [...state.history, bytes] : state.history.toSpliced(at, 0, bytes);
  if (ms < state.relaxAtMs) return { ...state, history };
  const [bestBytes = bytes, ...rest] = history;
  const patienceMs = state.patienceMs * patienceWindowDecayFactor;
  return { ...state, bestBytes, history: rest, patienceMs, relaxAtMs: ms + patienceMs };
}

/** Acts on a migration that has stalled, if this pass ends low enough. */
function act(
  state: StallDetectorState,
  { ms, bytes }: PassRecord,
  options: KubevirtOptions,
  budgetMs: number,
): StallStep {
  const { limitMs } = state;
  const isLow = bytes <= state.bestBytes * (1 + options.stallMargin);
  if (!isLow && options.searchLocalMinima) return { state, limitMs };
  const downtimeMs = Math.floor(bytes / state.bytesPerMs);
  if (downtimeMs > budgetMs * options.completionTimeoutFactor - ms) return { state, limitMs };
  if (options.allowWorkloadDisruption && options.allowPostCopy) {
    return { state: { ...state, isForced: true }, limitMs, asks: { kind: 'postcopy' } };
  }
  const switchTo = (mostMs: number): StallStep => ({
    state: { ...state, limitMs: mostMs, switchByMs: ms + options.switchoverTimeoutMs },
    limitMs: mostMs,
  });
  if (options.allowWorkloadDisruption) return switchTo(QEMU_MOST_MS);
  const { maxDowntimeMs, precopyPossibleFactor } = options;
  if (downtimeMs <= maxDowntimeMs * precopyPossibleFactor) return switchTo(maxDowntimeMs);
  const reason = `stalled: KubeVirt allows a downtime of ${maxDowntimeMs} ms, ${downtimeMs} ms would be needed`;
  return { state, limitMs, asks: { kind: 'abort', reason } };
}
