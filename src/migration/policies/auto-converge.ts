import { defaulted, flag, share } from '../../units/keys.ts';

/** The settings of QEMU's auto-converge; its numbers are shares of 1 (qapi/migration.json has percents). */
export interface AutoConvergeOptions {
  /** How large a share of the bytes sent the bytes dirtied may be (throttle-trigger-threshold). */
  readonly trigger: number;
  /** The share of their time that the first step takes from the vCPUs (cpu-throttle-initial). */
  readonly initial: number;
  /** The share that each further step adds (cpu-throttle-increment). */
  readonly increment: number;
  /** The largest share that is taken (max-cpu-throttle). */
  readonly max: number;
  /** Whether steps are smaller when less is missing (cpu-throttle-tailslow). */
  readonly tailSlow: boolean;
}

/** QEMU's defaults (migration/options.c, DEFAULT_MIGRATE_*). */
export const AUTO_CONVERGE_DEFAULTS: AutoConvergeOptions = {
  trigger: 0.5,
  initial: 0.2,
  increment: 0.1,
  max: 0.99,
  tailSlow: false,
};

/** The source of the defaults. */
const SOURCE = 'QEMU, migration/options.c, DEFAULT_MIGRATE_*';

/** The keys of `migration.throttle`, which are QEMU's settings under shorter names. */
export const THROTTLE_KEYS = {
  trigger: defaulted(share(), AUTO_CONVERGE_DEFAULTS.trigger, {
    about: 'the share of the bytes sent that may be dirtied meanwhile (throttle-trigger-threshold)',
    source: SOURCE,
  }),
  initial: defaulted(share(0.01, 0.99), AUTO_CONVERGE_DEFAULTS.initial, {
    about: "the share of the vCPUs' time that the first step takes (cpu-throttle-initial)",
    source: SOURCE,
  }),
  increment: defaulted(share(0.01, 0.99), AUTO_CONVERGE_DEFAULTS.increment, {
    about: 'the share that each further step adds (cpu-throttle-increment)',
    source: SOURCE,
  }),
  max: defaulted(share(0.01, 0.99), AUTO_CONVERGE_DEFAULTS.max, {
    about: 'the largest share that is taken (max-cpu-throttle)',
    source: SOURCE,
  }),
  tailSlow: defaulted(flag, AUTO_CONVERGE_DEFAULTS.tailSlow, {
    about: 'whether steps are smaller when less is missing (cpu-throttle-tailslow)',
    source: SOURCE,
  }),
};

/** The state of auto-converge between two syncs. */
export interface AutoConvergeState {
  /** When the present period began. */
  readonly sinceMs: number;
  /** The bytes that had been sent by then. */
  readonly sinceBytes: number;
  /** The number of pages found dirty since then. */
  readonly dirtiedPages: number;
  /** The number of periods with much dirtying since the last step; a good period does not reset it. */
  readonly high: number;
  /** The share of their time that is taken from the vCPUs. */
  readonly throttle: number;
}

/** The state at the migration's start. */
export const AUTO_CONVERGE_START: AutoConvergeState = {
  sinceMs: 0,
  sinceBytes: 0,
  dirtiedPages: 0,
  high: 0,
  throttle: 0,
};

/** A period is evaluated at the first sync after it has lasted longer than this. */
const PERIOD_MS = 1000;

/**
 * Returns the state of auto-converge after a dirty sync (migration/ram.c, migration_trigger_throttle and
 * mig_throttle_guest_down). A period counts as high if the bytes dirtied in it are more than the trigger's
 * share of the bytes sent; every second high period takes a step.
 */
export function autoConverge(
  before: AutoConvergeState,
  sync: { nowMs: number; bytes: number; dirtiedPages: number; pageSize: number },
  options: AutoConvergeOptions,
): AutoConvergeState {
  const { state, takesStep, idealShare } = dirtyPeriod(before, sync, options.trigger);
  if (!takesStep) return state;
  return { ...state, throttle: step(before.throttle, idealShare, options) };
}

/**
 * Evaluates the period that a sync may end. `takesStep` says whether it is the second high one;
 * `idealShare` is the bytes that may be dirtied divided by those that were.
 */
export function dirtyPeriod(
  before: AutoConvergeState,
  sync: { nowMs: number; bytes: number; dirtiedPages: number; pageSize: number },
  trigger: number,
): { readonly state: AutoConvergeState; readonly takesStep: boolean; readonly idealShare: number } {
  const dirtiedPages = before.dirtiedPages + sync.dirtiedPages;
  if (sync.nowMs <= before.sinceMs + PERIOD_MS) {
    return { state: { ...before, dirtiedPages }, takesStep: false, idealShare: 1 };
  }
  const dirtied = dirtiedPages * sync.pageSize;
  const allowed = (sync.bytes - before.sinceBytes) * trigger;
  const isHigh = dirtied > allowed;
  const takesStep = isHigh && before.high + 1 >= 2;
  return {
    state: {
      sinceMs: sync.nowMs,
      sinceBytes: sync.bytes,
      dirtiedPages: 0,
      high: takesStep ? 0 : before.high + (isHigh ? 1 : 0),
      throttle: before.throttle,
    },
    takesStep,
    idealShare: allowed / dirtied,
  };
}

function step(throttle: number, idealShare: number, options: AutoConvergeOptions): number {
  if (throttle === 0) return options.initial;
  const left = 1 - throttle;
  const increment = options.tailSlow
    ? Math.min(left - left * idealShare, options.increment)
    : options.increment;
  // QEMU has whole percents; rounding also keeps 0.2 + 0.1 from being 0.30000000000000004.
  return Math.min(Math.round((throttle + increment) * 100) / 100, options.max);
}
