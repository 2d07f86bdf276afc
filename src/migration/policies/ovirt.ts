import { parseDuration } from '../../units/duration.ts';
import { choice, defaulted, positiveDuration } from '../../units/keys.ts';
import { type Manager, managerKind, type ManagerRequest } from './managers.ts';

/** A step of a schedule: a new downtime limit, or something that oVirt asks for. */
interface Step {
  /** More passes than this have to have begun since the first look. */
  readonly afterPasses: number;
  readonly limitMs?: number;
  readonly asks?: 'postcopy' | 'abort';
}

/** The last steps of a schedule come one look at a new pass after the other. */
const AT_ONCE = -1;
const ABORT: Step = { afterPasses: AT_ONCE, asks: 'abort' };

const steps = (...limits: readonly (readonly [afterPasses: number, limitMs: number])[]): Step[] =>
  limits.map(([afterPasses, limitMs]) => ({ afterPasses, limitMs }));

const RISING = steps([1, 150], [2, 200], [3, 300], [4, 400], [6, 500]);

/** The schedules of oVirt's policies (ovirt-engine, dbscripts, config value MigrationPolicies). */
const SCHEDULES = {
  'minimal-downtime': [...RISING, ABORT],
  'suspend-workload': [...RISING, { afterPasses: AT_ONCE, limitMs: 5000 }, ABORT],
  'post-copy': [...steps([1, 150], [2, 200]), { afterPasses: AT_ONCE, asks: 'postcopy' }, ABORT],
} as const satisfies Record<string, readonly Step[]>;

export type OvirtPolicy = keyof typeof SCHEDULES;

/** The settings of oVirt's migration policies. */
export interface OvirtOptions {
  readonly policy: OvirtPolicy;
  /** How often the monitor looks at the migration. */
  readonly lookMs: number;
  /** Whether post-copy is possible; otherwise its step has no effect. */
  readonly allowsPostcopy: boolean;
}

export const OVIRT_DEFAULTS: OvirtOptions = {
  policy: 'minimal-downtime',
  lookMs: 10_000,
  allowsPostcopy: false,
};

const KEYS = {
  policy: defaulted(
    choice(['minimal-downtime', 'suspend-workload', 'post-copy']),
    OVIRT_DEFAULTS.policy,
    {
      about:
        "oVirt's migration policy; the last steps of suspend-workload allow 5 s of downtime, those of post-copy begin post-copy with hybrid",
      source: "ovirt-engine's default policy",
    },
  ),
  monitorInterval: defaulted(positiveDuration, '10s', {
    about: 'how often VDSM looks at the migration',
    source: 'VDSM, migration_monitor_interval',
  }),
};

export interface OvirtState {
  /** When it looks next. */
  readonly dueMs: number;
  /** The number of harvests at its first look and at its last; 0 before the first one. */
  readonly firstSyncs: number;
  readonly lastSyncs: number;
  /** The step of the schedule that comes next. */
  readonly next: number;
  readonly limitMs: number;
}

/**
 * oVirt's host agent (VDSM, lib/vdsm/virt/migration.py, monitor_migration and _next_action) begins at its first limit and
 * looks every 10 s. A look at which a new pass has begun since the look before takes the next step of the schedule, if
 * enough passes have begun since the first look. So however fast passes follow one another, a step lasts 10 s at least.
 */
export function ovirtManager(options: OvirtOptions, limitMs: number): Manager<OvirtState> {
  const { lookMs } = options;
  const schedule: readonly Step[] = SCHEDULES[options.policy];
  return {
    name: 'ovirt',
    initial: { dueMs: lookMs, firstSyncs: 0, lastSyncs: 0, next: 0, limitMs },
    step(before, { nowMs, syncs }) {
      if (nowMs < before.dueMs) return { state: before, limitMs: before.limitMs };
      const isFirst = before.firstSyncs === 0;
      const seen = {
        ...before,
        // A look that comes late, since QEMU answers between chunks only, does not delay the ones after it.
        dueMs: Math.max(nowMs, before.dueMs + lookMs),
        firstSyncs: isFirst ? syncs : before.firstSyncs,
        lastSyncs: syncs,
      };
      const step = schedule[before.next];
      const isNew = !isFirst && syncs > before.lastSyncs;
      if (!isNew || !step || syncs - seen.firstSyncs <= step.afterPasses) {
        return { state: seen, limitMs: before.limitMs };
      }
      const state = { ...seen, next: before.next + 1, limitMs: step.limitMs ?? before.limitMs };
      const asks = requestOf(step, options);
      return { state, limitMs: state.limitMs, ...(asks ? { asks } : {}) };
    },
  };
}

function requestOf({ asks }: Step, options: OvirtOptions): ManagerRequest | undefined {
  if (asks === 'abort') {
    return { kind: 'abort', reason: `oVirt's policy ${options.policy} has no further step` };
  }
  return asks === 'postcopy' && options.allowsPostcopy ? { kind: 'postcopy' } : undefined;
}

export const ovirt = managerKind({
  name: 'ovirt',
  about:
    'oVirt begins at downtimeLimit, has auto-converge on, and takes the steps of a migration policy as passes begin.',
  settings: 'ovirt',
  keys: KEYS,
  // The initial item and autoConvergence of all its policies.
  defaults: { downtimeLimit: '100ms', autoConverge: true },
  decidesOnPostcopy: () => true,
  resolve: ({ policy, monitorInterval }, allowsPostcopy): OvirtOptions => ({
    policy,
    lookMs: parseDuration(monitorInterval) / 1e6,
    allowsPostcopy,
  }),
  manager: (options, { limitMs }) => ovirtManager(options, limitMs),
});
