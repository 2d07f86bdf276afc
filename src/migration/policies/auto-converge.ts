import { defaulted, flag, share } from '../../units/keys.ts';

/** Settings of QEMU's auto-converge, each a share of 1 (qapi/migration.json has percents). */
export interface AutoConvergeOptions {
  /** Share of the transferred bytes that the dirtied ones may be (throttle-trigger-threshold). */
  readonly trigger: number;
  readonly initial: number;
  readonly increment: number;
  readonly max: number;
  /** Smaller steps near the end (cpu-throttle-tailslow). */
  readonly tailSlow: boolean;
}

/** migration/options.c, DEFAULT_MIGRATE_*. */
export const AUTO_CONVERGE_DEFAULTS: AutoConvergeOptions = {
  trigger: 0.5,
  initial: 0.2,
  increment: 0.1,
  max: 0.99,
  tailSlow: false,
};

/** They are written as QEMU has them, by shorter names. */
const SOURCE = 'QEMU, migration/options.c, DEFAULT_MIGRATE_*';

export const THROTTLE_KEYS = {
  trigger: defaulted(share(), AUTO_CONVERGE_DEFAULTS.trigger, {
    about: 'share of the bytes sent that the dirtied ones may be (throttle-trigger-threshold)',
    source: SOURCE,
  }),
  initial: defaulted(share(0.01, 0.99), AUTO_CONVERGE_DEFAULTS.initial, {
    about: 'share of their time that the first step takes from the vCPUs (cpu-throttle-initial)',
    source: SOURCE,
  }),
  increment: defaulted(share(0.01, 0.99), AUTO_CONVERGE_DEFAULTS.increment, {
    about: 'what each further step takes (cpu-throttle-increment)',
    source: SOURCE,
  }),
  max: defaulted(share(0.01, 0.99), AUTO_CONVERGE_DEFAULTS.max, {
    about: 'the most that is taken (max-cpu-throttle)',
    source: SOURCE,
  }),
  tailSlow: defaulted(flag, AUTO_CONVERGE_DEFAULTS.tailSlow, {
    about: 'smaller steps near the end (cpu-throttle-tailslow)',
    source: SOURCE,
  }),
};

export interface AutoConvergeState {
  /** Begin of the period, and the bytes sent until then. */
  readonly sinceMs: number;
  readonly sinceBytes: number;
  /** Pages found dirty since then. */
  readonly dirtiedPages: number;
  /** How often dirtying was high; not cleared by a good period. */
  readonly high: number;
  readonly throttle: number;
}

export const AUTO_CONVERGE_START: AutoConvergeState = {
  sinceMs: 0,
  sinceBytes: 0,
  dirtiedPages: 0,
  high: 0,
  throttle: 0,
};

/** A period is evaluated at the first sync later than this. */
const PERIOD_MS = 1000;

/**
 * What a dirty sync makes of auto-converge (migration/ram.c, migration_trigger_throttle and
 * mig_throttle_guest_down): a period counts as high when more than the trigger's share of what was
 * sent has been dirtied; the second high one takes a step.
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

/** The period that a sync may end: whether it is the second high one, and by how much. */
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
  // Percents are whole numbers there; this also keeps 0.2 + 0.1 from being 0.30000000000000004.
  return Math.min(Math.round((throttle + increment) * 100) / 100, options.max);
}
