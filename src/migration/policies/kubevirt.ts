import type { Manager, ManagerFacts, ManagerRequest, ManagerStep } from './managers.ts';

/** Settings of KubeVirt's MigrationConfiguration and of its stall detector (enhancement 248). */
export interface KubevirtOptions {
  /** Budget for each started GB of guest (completionTimeoutPerGiB). */
  readonly completionTimeoutPerGiBMs: number;
  /** Given up after so long without a new low of what remains (progressTimeout). */
  readonly progressTimeoutMs: number;
  readonly allowPostCopy: boolean;
  /** The guest may be suspended, or run from post-copy, to get it over with. */
  readonly allowWorkloadDisruption: boolean;
  /** What follows is of the stall detector alone. */
  readonly maxDowntimeMs: number;
  readonly stallProgressTimeoutMs: number;
  /** Share of the best remaining bytes. */
  readonly stallMargin: number;
  /** Weight of a bandwidth sample against those before. */
  readonly ewmaAlpha: number;
  readonly precopyPossibleFactor: number;
  readonly patienceWindowDecayFactor: number;
  readonly switchoverTimeoutMs: number;
  readonly completionTimeoutFactor: number;
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

/** The monitor's period (virt-launcher, live-migration-source.go). */
const LOOK_MS = 400;
/** QEMU's downtime limit unless somebody sets it, and the largest it takes. */
const QEMU_LIMIT_MS = 300;
const QEMU_MOST_MS = 2_000_000;

/** What both monitors do about time. */
interface Budget {
  readonly lookedMs: number;
  /** The guest has been suspended, or post-copy asked for. */
  readonly isForced: boolean;
}

const START: Budget = { lookedMs: 0, isForced: false };

export function completionMs(options: KubevirtOptions, guestBytes: number): number {
  return options.completionTimeoutPerGiBMs * Math.ceil(guestBytes / 1e9);
}

/** Once the budget is used up: end it one way or the other; at a multiple of it, give up. */
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

export interface TimeoutsState extends Budget {
  readonly leastBytes: number;
  readonly progressMs: number;
}

/**
 * KubeVirt as it is without the stall detector: a budget per GiB of guest, at whose end post-copy or a
 * suspended guest ends it where that is allowed, and an abort where not; and an abort when what
 * remains has reached no new low for the progress timeout. Looks every 400 ms.
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
      const looked = {
        ...before,
        lookedMs: now.nowMs,
        leastBytes: Math.min(before.leastBytes, now.remainingBytes),
        progressMs: isBetter ? now.nowMs : before.progressMs,
      };
      if (now.nowMs - looked.progressMs > options.progressTimeoutMs) {
        const seconds = options.progressTimeoutMs / 1000;
        const reason = `no progress for KubeVirt's ${seconds} s`;
        return { state: looked, limitMs, asks: { kind: 'abort', reason } };
      }
      const asks = overBudget(before, now, options, budgetMs, true);
      if (!asks) return { state: looked, limitMs };
      return { state: { ...looked, isForced: true }, limitMs, asks };
    },
  };
}

interface PassRecord {
  readonly ms: number;
  readonly bytes: number;
}

export interface StallDetectorState extends Budget {
  readonly limitMs: number;
  /** Smoothed bandwidth; 0: no sample yet. */
  readonly bytesPerMs: number;
  /** Records that may yet become the least outside of the window, each less than the one before. */
  readonly candidates: readonly PassRecord[];
  readonly leastOutside: number;
  readonly isStalled: boolean;
  readonly bestBytes: number;
  /** Ascending: what remained after each pass since the stall. */
  readonly history: readonly number[];
  readonly patienceMs: number;
  readonly relaxAtMs: number;
  /** A switchover has been asked for, and must have come by then. */
  readonly switchByMs: number;
}

/**
 * KubeVirt's stall detector (enhancement 248; virt-launcher, stall_detector.go). A migration has
 * stalled when a pass ends with no less left, but for a margin, than the least of all passes that
 * ended `stallProgressTimeout` ago. From then on, at a pass that ends about as low as the best one
 * (which is raised step by step when that does not come again), it acts: post-copy or a hard stop
 * where the guest may be disrupted; else a downtime limit of `maxDowntime`, if what is left takes
 * little more than that at the smoothed bandwidth; else it gives up.
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

/** The monitor's look: a bandwidth sample, and the budgets. */
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
  const known = { ...before, ...candidatesOf(before, record, options) };
  const isStall = record.bytes >= known.leastOutside * (1 - options.stallMargin);
  if (!before.isStalled && !isStall) return idle(known);
  const state = before.isStalled
    ? relaxed(known, record, options)
    : stalled(known, record, options);
  return act(state, record, options, budgetMs);
}

function candidatesOf(
  { candidates, leastOutside }: StallDetectorState,
  record: PassRecord,
  { stallProgressTimeoutMs }: KubevirtOptions,
): Pick<StallDetectorState, 'candidates' | 'leastOutside'> {
  const inside = candidates.filter(({ ms }) => record.ms - ms < stallProgressTimeoutMs);
  const aged = candidates.slice(0, candidates.length - inside.length);
  const least = Math.min(leastOutside, ...aged.map(({ bytes }) => bytes));
  const last = inside.at(-1);
  const isUseless = record.bytes > least || (last !== undefined && record.bytes >= last.bytes);
  return { candidates: isUseless ? inside : [...inside, record], leastOutside: least };
}

function stalled(
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

/** The best is raised to the lowest level seen since, once it has not come again for long enough. */
function relaxed(
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

/** What is done once it has stalled, at a pass that ends low. */
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
