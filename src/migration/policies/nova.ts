import { parseDuration } from '../../units/duration.ts';
import { choice, defaulted, positiveDuration, whole } from '../../units/keys.ts';
import { type Manager, managerKind, type ManagerRequest } from './managers.ts';

/** The settings of nova's driver for libvirt (nova.conf, group libvirt). */
export interface NovaOptions {
  /** In how many equal steps the downtime limit grows (live_migration_downtime_steps). */
  readonly steps: number;
  /** How long a step lasts for each GiB of the guest (live_migration_downtime_delay). */
  readonly delayPerGiBMs: number;
  /** How long the migration may take for each GiB of the guest (live_migration_completion_timeout). */
  readonly completionTimeoutPerGiBMs: number;
  /** What happens then: nova gives up, begins post-copy, or suspends the guest (live_migration_timeout_action). */
  readonly timeoutAction: 'abort' | 'postcopy' | 'suspend';
}

/** The values of nova.conf when it does not say otherwise (nova/conf/libvirt.py). */
export const NOVA_DEFAULTS: NovaOptions = {
  steps: 10,
  delayPerGiBMs: 75_000,
  completionTimeoutPerGiBMs: 800_000,
  timeoutAction: 'abort',
};

/** The least that a setting counts as, whatever nova.conf says (LIVE_MIGRATION_DOWNTIME_MIN). */
const LEAST_LIMIT_MS = 100;
/** The least number of GiB that a guest counts as (_live_migration_data_gb). */
const LEAST_GIB = 2;

const SOURCE = 'OpenStack nova, nova/conf/libvirt.py';

const KEYS = {
  steps: defaulted(whole(3, 1000), NOVA_DEFAULTS.steps, {
    about:
      'the number of equal steps in which the downtime limit grows (live_migration_downtime_steps)',
    source: SOURCE,
  }),
  delayPerGiB: defaulted(positiveDuration, '75s', {
    about:
      'how long a step lasts for each GiB of the guest, of which 2 are counted at least (live_migration_downtime_delay)',
    source: SOURCE,
  }),
  completionTimeoutPerGiB: defaulted(positiveDuration, '800s', {
    about:
      'how long the migration may take for each GiB of the guest, of which 2 are counted at least (live_migration_completion_timeout)',
    source: SOURCE,
  }),
  timeoutAction: defaulted(choice(['abort', 'force_complete']), 'abort', {
    about:
      'what happens then: the migration is given up, or post-copy begins with hybrid and the guest is suspended without (live_migration_timeout_action)',
    source: SOURCE,
  }),
};

interface NovaState {
  /** Whether the migration has been forced to its end. */
  readonly isForced: boolean;
}

/**
 * OpenStack nova (nova/virt/libvirt/migration.py, downtime_steps, update_downtime and
 * should_trigger_timeout_action) raises the downtime limit from its first step to the whole in equal steps,
 * whatever is left. Steps and timeout last in proportion to the guest's GiB.
 */
export function novaManager(
  options: NovaOptions,
  limitMs: number,
  guestBytes: number,
): Manager<NovaState> {
  const { steps, timeoutAction } = options;
  const gib = Math.max(LEAST_GIB, guestBytes / 2 ** 30);
  const wholeSecondsMs = (perGiBMs: number): number => Math.floor((perGiBMs * gib) / 1000) * 1000;
  const delayMs = Math.max(1000, wholeSecondsMs(options.delayPerGiBMs));
  const timeoutMs = wholeSecondsMs(options.completionTimeoutPerGiBMs);
  const mostMs = Math.max(LEAST_LIMIT_MS, limitMs);
  const base = mostMs / steps;
  const offset = (mostMs - base) / steps;
  const request: ManagerRequest =
    timeoutAction === 'abort'
      ? { kind: 'abort', reason: `not completed within nova's ${timeoutMs / 1000} s` }
      : { kind: timeoutAction };
  return {
    name: 'nova',
    initial: { isForced: false },
    step: (state, { nowMs }) => {
      const step = Math.min(steps, Math.floor(nowMs / delayMs));
      const answer = { state, limitMs: Math.floor(base + offset * step) };
      if (state.isForced || nowMs <= timeoutMs) return answer;
      return { ...answer, state: { isForced: true }, asks: request };
    },
  };
}

const ms = (duration: string | number): number => parseDuration(duration) / 1e6;

export const nova = managerKind({
  name: 'nova',
  about:
    'OpenStack nova raises the downtime limit in equal steps up to downtimeLimit, and gives up after a time for each GiB.',
  settings: 'nova',
  keys: KEYS,
  // live_migration_downtime
  defaults: { downtimeLimit: '500ms' },
  // nova begins post-copy at the timeout; without that, somebody else does.
  decidesOnPostcopy: (settings) => {
    const action = settings?.['timeoutAction'];
    return action === 'force_complete' || action === 'postcopy';
  },
  patienceKey: 'migration.nova.completionTimeoutPerGiB',
  resolve(
    { steps, delayPerGiB, completionTimeoutPerGiB, timeoutAction },
    allowsPostcopy,
  ): NovaOptions {
    const forced = allowsPostcopy ? 'postcopy' : 'suspend';
    return {
      steps,
      delayPerGiBMs: ms(delayPerGiB),
      completionTimeoutPerGiBMs: ms(completionTimeoutPerGiB),
      timeoutAction: timeoutAction === 'abort' ? 'abort' : forced,
    };
  },
  manager: (options, { limitMs, guestBytes }) => novaManager(options, limitMs, guestBytes),
});
