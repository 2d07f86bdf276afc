/** How a migration slows its guest down or interrupts it, from the gentlest on. */
export const FAMILIES = [
  'pre-copy',
  'auto-converge',
  'dirty-limit',
  'hybrid',
  'post-copy',
  'stop-and-copy',
  'manager',
] as const;
export type Family = (typeof FAMILIES)[number];

/** An algorithm with its settings, whose outcome is asked for. */
export interface Setting {
  readonly id: string;
  readonly title: string;
  readonly family: Family;
  /** The keys of a scenario's `migration`, without the time at which it is given up. */
  readonly migration: Readonly<Record<string, unknown>>;
  /** The downtime limit that QEMU is told; managers set it themselves. */
  readonly downtimeLimitMs?: number;
  /** Whether it needs the dirty ring. */
  readonly needsRing?: boolean;
}

/** QEMU's default of `vcpu-dirty-limit` (migration/options.c). */
export const DIRTY_LIMIT = '1MB/s';

const limited = (downtimeLimitMs: number) => ({ downtimeLimit: `${downtimeLimitMs}ms` });

/** Returns pre-copy with a downtime limit. */
const precopy = (id: string, downtimeLimitMs: number): Setting => ({
  id,
  title: `pre-copy, ${downtimeLimitMs} ms`,
  family: 'pre-copy',
  downtimeLimitMs,
  migration: { algorithm: 'precopy', policy: 'qemu', ...limited(downtimeLimitMs) },
});

/**
 * Returns the settings that are compared, in the order of how much they intrude on the guest: QEMU's own, then those of
 * managers with their defaults. `limitMs` is the downtime limit that is known or QEMU's default, `goalMs` the longest
 * downtime that is asked for.
 */
export function settingsFor(limitMs: number, goalMs?: number): Setting[] {
  // What the guest's pages may take, when handing over takes a part of the downtime as well.
  const shorter = goalMs === undefined ? [] : [goalMs, Math.round(0.8 * goalMs)];
  const limits = [...new Set([limitMs, ...shorter.filter((ms) => ms >= 1)])];
  const first = goalMs === undefined ? limitMs : Math.min(limitMs, limits.at(-1)!);
  const base = { policy: 'qemu', ...limited(first) };
  return [
    ...limits.map((ms, i) => precopy(i === 0 ? 'precopy' : `precopy-${ms}ms`, ms)),
    {
      id: 'auto-converge',
      title: `auto-converge, ${first} ms`,
      family: 'auto-converge',
      downtimeLimitMs: first,
      migration: { algorithm: 'precopy', ...base, autoConverge: true },
    },
    {
      id: 'dirty-limit',
      title: `dirty limit, ${DIRTY_LIMIT.replace('MB', ' MB')}`,
      family: 'dirty-limit',
      downtimeLimitMs: first,
      needsRing: true,
      migration: { algorithm: 'precopy', ...base, dirtyLimit: DIRTY_LIMIT },
    },
    {
      id: 'hybrid',
      title: 'post-copy after one pass',
      family: 'hybrid',
      downtimeLimitMs: first,
      migration: { algorithm: 'hybrid', ...base, postcopyAfter: 1 },
    },
    {
      id: 'postcopy',
      title: 'post-copy at once',
      family: 'post-copy',
      migration: { algorithm: 'postcopy' },
    },
    {
      id: 'stop-and-copy',
      title: 'stop and copy',
      family: 'stop-and-copy',
      migration: { algorithm: 'stop-and-copy' },
    },
    ...MANAGED,
  ];
}

const managed = (
  id: string,
  title: string,
  ladder: string,
  more: Readonly<Record<string, unknown>> = {},
): Setting => ({
  id,
  title,
  family: 'manager',
  migration: { algorithm: 'precopy', policy: 'qemu', downtimeLadder: ladder, ...more },
});

/** The managers of src/migration/policies/manager-registry.ts with their defaults, and with what operators switch on. */
const MANAGED: readonly Setting[] = [
  managed('kubevirt', 'KubeVirt', 'kubevirt-timeouts'),
  managed('kubevirt-auto-converge', 'KubeVirt, auto-converge', 'kubevirt-timeouts', {
    autoConverge: true,
  }),
  managed('kubevirt-postcopy', 'KubeVirt, post-copy', 'kubevirt-timeouts', {
    algorithm: 'hybrid',
  }),
  managed('kubevirt-ladder', 'KubeVirt 1.9 ladder', 'kubevirt'),
  managed('kubevirt-stall', 'KubeVirt, stall rule', 'kubevirt-stall'),
  managed('nova', 'nova', 'nova'),
  managed('nova-auto-converge', 'nova, auto-converge', 'nova', { autoConverge: true }),
  managed('proxmox', 'Proxmox', 'proxmox'),
  managed('ovirt', 'oVirt', 'ovirt'),
];
