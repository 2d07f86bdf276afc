import { expect, it } from 'vitest';
import { AUTO_CONVERGE_DEFAULTS } from '../../src/migration/policies/auto-converge.ts';
import { CLARK_RATES, clarkPolicy } from '../../src/migration/policies/clark2005.ts';
import {
  KUBEVIRT_DEFAULTS,
  kubevirtRamp,
  kubevirtTimeouts,
} from '../../src/migration/policies/kubevirt.ts';
import { kubevirtStall } from '../../src/migration/policies/kubevirt-stall.ts';
import type { Manager } from '../../src/migration/policies/managers.ts';
import { NOVA_DEFAULTS, novaManager } from '../../src/migration/policies/nova.ts';
import { OVIRT_DEFAULTS, ovirtManager } from '../../src/migration/policies/ovirt.ts';
import { PROXMOX_DEFAULTS, proxmoxManager } from '../../src/migration/policies/proxmox.ts';
import { postcopyAfter } from '../../src/migration/policies/postcopy-after.ts';
import { type QemuOptions, qemuPolicy } from '../../src/migration/policies/qemu.ts';
import { cloudHypervisorPolicy } from '../../src/migration/policies/cloud-hypervisor.ts';
import { forceAfter } from '../../src/migration/policies/force-after.ts';
import { sdpsPolicy } from '../../src/migration/policies/sdps.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import { xenPolicy } from '../../src/migration/policies/xen.ts';
import type { Policy } from '../../src/migration/policy.ts';
import { type PolicyGuest, type PolicyKind, policyConformance } from '../conformance/policy.ts';

const ROUNDS = ['continue', 'sync', 'switchover'] as const;
const QEMU = [...ROUNDS, 'chunk', 'renew'] as const;
const DOWNTIME_LIMIT_MS = 300;
/** KubeVirt's monitors, with timeouts that a migration of this size can reach. */
const HASTY = {
  ...KUBEVIRT_DEFAULTS,
  completionTimeoutPerGiBMs: 20_000,
  stallProgressTimeoutMs: 2000,
};

/** A kind without a limiter of its own. */
const simple = <State>(
  create: (guest: PolicyGuest) => Policy<State>,
  gives: PolicyKind['gives'] = ROUNDS,
): PolicyKind => ({ create, gives, hasWindows: false });

const qemu = (options: Partial<QemuOptions>, gives: PolicyKind['gives'] = QEMU): PolicyKind => ({
  create: () => qemuPolicy({ version: '10', downtimeLimitMs: DOWNTIME_LIMIT_MS, ...options }),
  gives,
  hasWindows: true,
});

const managed = <State>(
  managerOf: (guestBytes: number) => Manager<State>,
  gives: PolicyKind['gives'] = QEMU,
): PolicyKind => ({
  create({ pages, pageSize }) {
    const manager = managerOf(pages * pageSize) as Manager;
    return qemuPolicy({ version: '10', downtimeLimitMs: DOWNTIME_LIMIT_MS, manager });
  },
  gives,
  hasWindows: true,
});

const KINDS: Record<string, PolicyKind> = {
  rounds: simple(() => roundsPolicy(5)),
  xen: simple(() => xenPolicy),
  clark2005: {
    ...simple(({ pages }) => clarkPolicy({ pages, ...CLARK_RATES }), [...ROUNDS, 'limit', 'renew']),
    hasWindows: true,
  },
  'clark2005 that stuns': {
    ...simple(
      ({ pages }) => clarkPolicy({ pages, ...CLARK_RATES, stun: { faults: 40, afterRound: 2 } }),
      [...ROUNDS, 'limit', 'renew', 'stun'],
    ),
    hasWindows: true,
  },
  xen3: simple(
    ({ pages }) => clarkPolicy({ pages, ...CLARK_RATES, isAdaptive: false }),
    [...ROUNDS, 'limit'],
  ),
  'cloud-hypervisor that gives up': simple(
    () => cloudHypervisorPolicy({ downtimeMs: 50, timeoutMs: 10e3, timeoutAction: 'cancel' }),
    [...ROUNDS, 'abort'],
  ),
  'cloud-hypervisor that ends it': simple(() =>
    cloudHypervisorPolicy({ downtimeMs: 50, timeoutMs: 10e3, timeoutAction: 'ignore' }),
  ),
  sdps: simple(() => sdpsPolicy(50), [...ROUNDS, 'throttle']),
  'rounds, then post-copy': simple(
    () => postcopyAfter(roundsPolicy(5), 2),
    [...ROUNDS, 'postcopy'],
  ),
  'xen, then post-copy': simple(() => postcopyAfter(xenPolicy, 3), [...ROUNDS, 'postcopy']),
  'rounds, forced to stop': simple(() =>
    forceAfter(roundsPolicy(10_000), { afterMs: 2000, action: 'switchover' }),
  ),
  'rounds, forced to post-copy': simple(
    () => forceAfter(roundsPolicy(10_000), { afterMs: 2000, action: 'postcopy' }),
    [...ROUNDS, 'postcopy'],
  ),
  'post-copy at once': simple(() => postcopyAfter(roundsPolicy(5), 0), ['postcopy']),
  'qemu 7.2': qemu({ version: '7.2' }),
  'qemu 10': qemu({}),
  'qemu with a bandwidth to assume': qemu({ availSwitchoverBytesPerSecond: 50e6 }),
  'qemu, then post-copy': qemu({ postcopyAfter: { rounds: 2, pollMs: 100 } }, [
    ...QEMU,
    'postcopy',
  ]),
  'qemu with auto-converge': qemu({ autoConverge: AUTO_CONVERGE_DEFAULTS }, [...QEMU, 'throttle']),
  'qemu 7.2 with slow auto-converge': qemu(
    { version: '7.2', autoConverge: { ...AUTO_CONVERGE_DEFAULTS, tailSlow: true } },
    [...QEMU, 'throttle'],
  ),
  'qemu with a dirty limit': qemu(
    { dirtyLimit: { quotaMiB: 1, periodMs: 1000, ringEntries: 4096 } },
    [...QEMU, 'throttle'],
  ),
  'qemu under nova': managed((bytes) => novaManager(NOVA_DEFAULTS, DOWNTIME_LIMIT_MS, bytes)),
  'qemu under KubeVirt': managed(
    (bytes) => kubevirtRamp(HASTY, DOWNTIME_LIMIT_MS, bytes),
    [...QEMU, 'abort'],
  ),
  'qemu under Proxmox': managed(() => proxmoxManager(PROXMOX_DEFAULTS, DOWNTIME_LIMIT_MS)),
  'qemu under oVirt': managed(
    () => ovirtManager({ ...OVIRT_DEFAULTS, lookMs: 300 }, DOWNTIME_LIMIT_MS),
    [...QEMU, 'abort'],
  ),
  "qemu under KubeVirt's timeouts": managed(
    (bytes) => kubevirtTimeouts(HASTY, DOWNTIME_LIMIT_MS, bytes),
    [...QEMU, 'abort'],
  ),
  "qemu under KubeVirt's stall detector": managed(
    (bytes) => kubevirtStall(HASTY, DOWNTIME_LIMIT_MS, bytes),
    [...QEMU, 'abort'],
  ),
};

for (const [name, kind] of Object.entries(KINDS)) policyConformance(name, kind);

/** A policy that is an instance of a class, whose properties are getters of the class. */
class Skipping implements Policy<number> {
  readonly #name = 'skipping';
  get name() {
    return this.#name;
  }
  get skipsRedirtied() {
    return true;
  }
  get keepsLimit() {
    return true;
  }
  get initial() {
    return 7;
  }
  decide(state: number) {
    return { state: state + 1, actions: [] };
  }
}

it.each([
  ['forced', forceAfter(new Skipping(), { afterMs: 10, action: 'switchover' }), 'skipping'],
  ['that ends in post-copy', postcopyAfter(new Skipping(), 2), 'skipping, post-copy after 2'],
])('a policy of a class, %s, keeps all that it has', (_, policy, name) => {
  const { skipsRedirtied, keepsLimit, initial } = policy;
  expect({ name: policy.name, skipsRedirtied, keepsLimit, initial }).toEqual({
    name,
    skipsRedirtied: true,
    keepsLimit: true,
    initial: 7,
  });
});
