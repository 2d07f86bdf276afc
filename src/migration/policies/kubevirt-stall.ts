import {
  type Budget,
  completionMs,
  type KubevirtOptions,
  LOOK_MS,
  overBudget,
  START,
} from './kubevirt.ts';
import {
  type Manager,
  type ManagerFacts,
  type ManagerStep,
  QEMU_LIMIT_MS,
  QEMU_MOST_MS,
} from './managers.ts';

/** The settings with the downtime limit once a migration has stalled. */
type StallOptions = KubevirtOptions & { readonly maxDowntimeMs: number };

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
 * to `maxDowntimeMs`, if the rest takes little more than that at the smoothed bandwidth, or gives the
 * migration up.
 */
export function kubevirtStall(
  settings: KubevirtOptions,
  maxDowntimeMs: number,
  guestBytes: number,
): Manager<StallDetectorState> {
  const options = { ...settings, maxDowntimeMs };
  const budgetMs = completionMs(options, guestBytes);
  return {
    name: 'kubevirt-stall',
    watchesPasses: true,
    initial: {
      ...START,
      limitMs: Math.min(maxDowntimeMs, QEMU_LIMIT_MS),
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
  options: StallOptions,
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
  const asks = overBudget(before, now, options, budgetMs, options.allowPostCopy);
  if (!asks) return { state, limitMs: state.limitMs };
  return { state: { ...state, isForced: true }, limitMs: state.limitMs, asks };
}

/** Decides at the end of a pass whether the migration has stalled, and what to do then. */
function afterPass(
  before: StallDetectorState,
  now: ManagerFacts,
  options: StallOptions,
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
  { stallProgressTimeoutMs }: StallOptions,
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
  { stallProgressTimeoutMs }: StallOptions,
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
  { patienceWindowDecayFactor }: StallOptions,
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
  options: StallOptions,
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
