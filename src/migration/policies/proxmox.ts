import { parseDuration } from '../../units/duration.ts';
import { defaulted, number, positiveDuration, whole } from '../../units/keys.ts';
import { type Manager, managerKind, QEMU_MOST_MS } from './managers.ts';

/** The settings of Proxmox VE's migration, which are constants of its program. */
export interface ProxmoxOptions {
  /** How often it looks at the migration, at first and once little is left. */
  readonly pollMs: number;
  readonly fastPollMs: number;
  /** How many looks may see more left than the look before, until the next one raises the limit. */
  readonly mostRises: number;
  /** By what the downtime limit is multiplied then. */
  readonly factor: number;
}

/** The values in Proxmox VE's program. */
export const PROXMOX_DEFAULTS: ProxmoxOptions = {
  pollMs: 1000,
  fastPollMs: 100,
  mostRises: 5,
  factor: 2,
};

const SOURCE = 'Proxmox VE, qemu-server, src/PVE/QemuMigrate.pm, phase2';

const KEYS = {
  pollInterval: defaulted(positiveDuration, '1s', {
    about: 'how often Proxmox looks at the migration',
    source: SOURCE,
  }),
  fastPollInterval: defaulted(positiveDuration, '100ms', {
    about: 'how often it looks once less is left than an average look saw sent',
    source: SOURCE,
  }),
  mostRises: defaulted(whole(0, 1000), PROXMOX_DEFAULTS.mostRises, {
    about:
      'how many looks may see more left than the look before, until the next one raises the limit',
    source: SOURCE,
  }),
  factor: defaulted(number('a factor of 1 or more', { low: 1 }), PROXMOX_DEFAULTS.factor, {
    about: 'by what the downtime limit is multiplied then',
    source: SOURCE,
  }),
};

/** The state between two looks. */
export interface ProxmoxState {
  /** When it looks next, and how long it waits after that. */
  readonly dueMs: number;
  readonly periodMs: number;
  /** The number of looks. */
  readonly looks: number;
  /** What had been sent and what was left at the last look; what was left is 0 before the first one. */
  readonly sentBytes: number;
  readonly leftBytes: number;
  /** The number of looks that saw more left than the look before, since the limit was raised last. */
  readonly rises: number;
  readonly limitMs: number;
}

/**
 * Proxmox VE looks at a migration each second. Once less is left than an average look saw sent, it looks ten times a
 * second for the rest of the migration. A look that sees more left than the one before, or nothing left, counts; the
 * sixth such look doubles the downtime limit. Looks at which nothing has been sent since the last are not evaluated.
 */
export function proxmoxManager(options: ProxmoxOptions, limitMs: number): Manager<ProxmoxState> {
  return {
    name: 'proxmox',
    initial: {
      dueMs: options.pollMs,
      periodMs: options.pollMs,
      looks: 0,
      sentBytes: 0,
      leftBytes: 0,
      rises: 0,
      limitMs: Math.floor(limitMs),
    },
    step(before, { nowMs, remainingBytes: left, transferredBytes: sent }) {
      if (nowMs < before.dueMs) return { state: before, limitMs: before.limitMs };
      const looks = before.looks + 1;
      const evaluated =
        sent === before.sentBytes ? before : evaluate({ ...before, looks }, left, options);
      const state = {
        ...evaluated,
        looks,
        sentBytes: sent,
        // A look that comes late, since QEMU answers between chunks only, does not delay the ones after it.
        dueMs: Math.max(nowMs, before.dueMs + evaluated.periodMs),
      };
      return { state, limitMs: state.limitMs };
    },
  };
}

/** Evaluates a look at which `left` bytes remain; `before` counts it in `looks`. */
function evaluate(before: ProxmoxState, left: number, options: ProxmoxOptions): ProxmoxState {
  const averageBytes = before.sentBytes / before.looks;
  const periodMs = left < averageBytes ? options.fastPollMs : before.periodMs;
  const isRise = (before.leftBytes > 0 && left > before.leftBytes) || left === 0;
  const rises = before.rises + (isRise ? 1 : 0);
  const isOver = rises > options.mostRises;
  const limitMs = isOver
    ? Math.min(QEMU_MOST_MS, Math.floor(before.limitMs * options.factor))
    : before.limitMs;
  return { ...before, periodMs, leftBytes: left, rises: isOver ? 0 : rises, limitMs };
}

const ms = (duration: string | number): number => parseDuration(duration) / 1e6;

export const proxmox = managerKind({
  name: 'proxmox',
  about:
    'Proxmox VE begins at downtimeLimit, has auto-converge on, and doubles the limit when more is left again and again.',
  settings: 'proxmox',
  keys: KEYS,
  // migrate_downtime (src/PVE/QemuServer.pm) and the capabilities of src/PVE/QemuMigrate/Helpers.pm
  defaults: { downtimeLimit: '100ms', autoConverge: true },
  decidesOnPostcopy: () => false,
  resolve: ({ pollInterval, fastPollInterval, mostRises, factor }): ProxmoxOptions => ({
    pollMs: ms(pollInterval),
    fastPollMs: ms(fastPollInterval),
    mostRises,
    factor,
  }),
  manager: (options, { limitMs }) => proxmoxManager(options, limitMs),
});
