import { parseDuration } from '../../units/duration.ts';
import {
  choice,
  defaulted,
  defaultsOf,
  flag,
  map,
  type Needs,
  optional,
  positiveDuration,
  rate,
  type ValuesOf,
} from '../../units/keys.ts';
import { parseRate } from '../../units/rate.ts';
import { qemuAccounting, type QemuVersion } from '../accounting.ts';
import { qemuWindow } from '../limiters.ts';
import { type KeyProblem, type PolicyFacts, policyKind, type Surroundings } from '../spec/kinds.ts';
import type { CommonSpec } from '../spec/common-spec.ts';
import { needsDecisions, needsRounds } from '../spec/needs.ts';
import { type AutoConvergeOptions, THROTTLE_KEYS } from './auto-converge.ts';
import type { DirtyLimitOptions } from './dirty-limit.ts';
import { KUBEVIRT_DEFAULTS, type KubevirtOptions } from './kubevirt.ts';
import { KUBEVIRT_KEYS, resolveKubevirt } from './kubevirt-keys.ts';
import { managerNamed, MANAGERS, type ManagerName } from './manager-registry.ts';
import type { Manager } from './managers.ts';
import { nova, NOVA_DEFAULTS, type NovaOptions } from './nova.ts';
import { ovirt, OVIRT_DEFAULTS, type OvirtOptions } from './ovirt.ts';
import { proxmox, PROXMOX_DEFAULTS, type ProxmoxOptions } from './proxmox.ts';
import { type QemuOptions, qemuPolicy } from './qemu.ts';

/** The part of a migration's spec that belongs to this policy. */
export interface QemuSpec {
  /** The version whose rules the policy follows; by default 10. */
  readonly qemuVersion?: QemuVersion;
  /** The settings of auto-converge, if it is on. */
  readonly autoConverge?: AutoConvergeOptions;
  /** The manager that watches the migration and sets its downtime limit, if there is one. */
  readonly manager?: ManagerName;
  /** The settings of the manager, under its name; by default its defaults. */
  readonly nova?: NovaOptions;
  readonly proxmox?: ProxmoxOptions;
  readonly ovirt?: OvirtOptions;
  readonly kubevirt?: KubevirtOptions;
  /** The dirty limit, if it is on; it needs version 10 and the dirty log `ring`. */
  readonly dirtyLimit?: DirtyLimitOptions;
  /** The bandwidth to assume for the switchover; by default the measured one. */
  readonly availSwitchoverBytesPerSecond?: number;
}

/** Combines rules; the first one that is not met gives the message. */
const both =
  (...needs: readonly Needs[]): Needs =>
  (siblings, part) =>
    needs.map((need) => need(siblings, part)).find((sentence) => sentence !== undefined);

const needsAutoConverge: Needs = ({ autoConverge }) =>
  autoConverge === true
    ? undefined
    : 'has an effect only with autoConverge, which is off: leave it out, or set autoConverge: true';

const needsDirtyLimit: Needs = ({ dirtyLimit }) =>
  dirtyLimit === undefined
    ? 'has an effect only with dirtyLimit, which is not set: leave it out, or set dirtyLimit'
    : undefined;

/** Makes the rule that settings have an effect with the managers only whose settings they are. */
const needsManager =
  (settings: string): Needs =>
  (_, { downtimeLadder }) => {
    if (managerNamed(downtimeLadder)?.settings === settings) return undefined;
    const names = MANAGERS.filter((kind) => kind.settings === settings).map(({ name }) => name);
    const all = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`.replace(/^ or /, '');
    return `has an effect only with downtimeLadder ${all}, the migration has ${String(downtimeLadder)}: leave it out`;
  };

const QEMU_KEYS = {
  qemuVersion: defaulted(choice(['7.2', '10'], { takesNumbers: true }), '10', {
    about: 'the version whose rules hold; they differ in what the limiter and the counters count',
    source: 'the newer of the two versions that have been measured',
  }),
  autoConverge: defaulted(flag, false, {
    about: 'whether the vCPUs are throttled when the guest dirties pages too fast',
    source: 'QEMU, capability auto-converge',
    needs: needsRounds,
  }),
  throttle: defaulted(map(THROTTLE_KEYS), defaultsOf(THROTTLE_KEYS), {
    about: 'the settings of autoConverge',
    needs: both(needsRounds, needsAutoConverge),
  }),
  dirtyLimit: optional(rate, {
    about: 'how fast each vCPU may dirty memory, with dirtyLog: ring; absent: as fast as it can',
    needs: needsRounds,
  }),
  dirtyLimitPeriod: optional(positiveDuration, {
    about: 'how long a dirty rate is measured for dirtyLimit; absent: 1s',
    needs: both(needsRounds, needsDirtyLimit),
  }),
  downtimeLadder: defaulted(
    choice(['none', 'nova', 'kubevirt', 'proxmox', 'ovirt', 'kubevirt-timeouts', 'kubevirt-stall']),
    'none',
    {
      about: 'the manager that watches the migration and sets its downtime limit',
      source: 'QEMU by itself has no manager',
      needs: needsDecisions,
    },
  ),
  nova: optional(map(nova.keys), {
    about: 'the settings of downtimeLadder nova',
    needs: both(needsDecisions, needsManager('nova')),
  }),
  proxmox: optional(map(proxmox.keys), {
    about: 'the settings of downtimeLadder proxmox',
    needs: both(needsDecisions, needsManager('proxmox')),
  }),
  ovirt: optional(map(ovirt.keys), {
    about: 'the settings of downtimeLadder ovirt',
    needs: both(needsDecisions, needsManager('ovirt')),
  }),
  kubevirt: optional(map(KUBEVIRT_KEYS), {
    about: "the settings of KubeVirt's ladders",
    needs: both(needsDecisions, needsManager('kubevirt')),
  }),
  availSwitchoverBandwidth: optional(rate, {
    about: 'the bandwidth to assume for the switchover; absent: as measured',
    needs: needsDecisions,
  }),
};

export const qemu = policyKind({
  name: 'qemu',
  about:
    'The rules of QEMU 10 or 7.2: rounds go on until less than bandwidth × downtime limit is left.',
  keys: QEMU_KEYS,
  resolve(written, { algorithm, dirtyRingSize }): QemuSpec {
    const { downtimeLadder, availSwitchoverBandwidth: assumed } = written;
    return {
      qemuVersion: written.qemuVersion,
      ...(written.autoConverge ? { autoConverge: written.throttle } : {}),
      ...(downtimeLadder === 'none' ? {} : { manager: downtimeLadder }),
      ...settingsOf(written, algorithm === 'hybrid'),
      ...(written.dirtyLimit === undefined
        ? {}
        : { dirtyLimit: limitOf(written.dirtyLimit, written.dirtyLimitPeriod, dirtyRingSize) }),
      ...(assumed === undefined ? {} : { availSwitchoverBytesPerSecond: parseRate(assumed) }),
    };
  },
  problems(written, around) {
    const { throttle } = written;
    const isBackwards = throttle.max < throttle.initial;
    const sentence = dirtyLimitProblem(written, around);
    return [
      ...maxDowntimeProblems(written, around),
      ...(sentence === undefined ? [] : [{ path: ['dirtyLimit'], sentence }]),
      ...(isBackwards
        ? [
            {
              path: ['throttle', 'max'],
              sentence: `must not be less than initial (${throttle.initial})`,
            },
          ]
        : []),
    ];
  },
  policy: (spec, facts) => qemuPolicy(optionsOf(spec, facts)),
  hybrid(spec, facts) {
    const options = optionsOf(spec, facts);
    const settings: Readonly<Record<string, unknown>> = { ...spec.nova };
    if (managerNamed(spec.manager)?.decidesOnPostcopy(settings)) return qemuPolicy(options);
    const pollMs = (spec.postcopyPollNs ?? 0) / 1e6;
    return qemuPolicy({ ...options, postcopyAfter: { rounds: spec.postcopyAfter, pollMs } });
  },
  remedies({ autoConverge, dirtyLimit, manager }) {
    const isThrottled = autoConverge !== undefined || dirtyLimit !== undefined;
    const patienceKey = managerNamed(manager)?.patienceKey;
    return {
      // A manager sets the limit itself, step by step, whatever its key says in the end.
      ...(manager === undefined ? { limitKey: 'migration.downtimeLimit' } : {}),
      ...(patienceKey === undefined ? {} : { patienceKey }),
      timeHelps: autoConverge !== undefined || manager !== undefined,
      others: isThrottled ? [] : ['migration.autoConverge: true'],
    };
  },
  pacing({ qemuVersion = '10', maxBytesPerSecond, channels }, { pageSize }, lag) {
    const accounting = qemuAccounting(qemuVersion, pageSize, channels !== undefined);
    return { pacing: { accounting, limiter: qemuWindow(maxBytesPerSecond, accounting, lag) } };
  },
});

/** Returns the numbers of the chosen manager's settings, under its name; without a manager, none. */
function settingsOf(
  written: ValuesOf<typeof QEMU_KEYS>,
  allowsPostcopy: boolean,
): Pick<QemuSpec, 'nova' | 'proxmox' | 'ovirt' | 'kubevirt'> {
  switch (managerNamed(written.downtimeLadder)?.settings) {
    case 'nova':
      return { nova: nova.resolve(written.nova ?? defaultsOf(nova.keys), allowsPostcopy) };
    case 'proxmox':
      return {
        proxmox: proxmox.resolve(written.proxmox ?? defaultsOf(proxmox.keys), allowsPostcopy),
      };
    case 'ovirt':
      return { ovirt: ovirt.resolve(written.ovirt ?? defaultsOf(ovirt.keys), allowsPostcopy) };
    case 'kubevirt':
      return {
        kubevirt: resolveKubevirt(written.kubevirt ?? defaultsOf(KUBEVIRT_KEYS), allowsPostcopy),
      };
    default:
      return {};
  }
}

/** KubeVirt's name of the downtime limit may stand in its place, but not beside it with another value. */
function maxDowntimeProblems(
  { kubevirt }: ValuesOf<typeof QEMU_KEYS>,
  { downtimeLimit }: Surroundings,
): KeyProblem[] {
  const most = kubevirt?.maxDowntime;
  if (most === undefined || parseDuration(most) === parseDuration(downtimeLimit)) return [];
  const sentence = `says the same as migration.downtimeLimit, which is ${downtimeLimit}: leave one of them out`;
  return [{ path: ['kubevirt', 'maxDowntime'], sentence }];
}

function limitOf(
  limit: string | number,
  period: string | number | undefined,
  ringEntries: number,
): DirtyLimitOptions {
  return {
    quotaMiB: Math.max(1, Math.round(parseRate(limit) / 2 ** 20)),
    // This is QEMU's x-vcpu-dirty-limit-period and its default.
    periodMs: parseDuration(period ?? '1s') / 1e6,
    ringEntries,
  };
}

/** Says why a dirty limit is not possible: as in QEMU, it needs a dirty ring and excludes auto-converge. */
function dirtyLimitProblem(
  written: ValuesOf<typeof QEMU_KEYS>,
  { dirtyLog }: Surroundings,
): string | undefined {
  if (written.dirtyLimit === undefined) return undefined;
  if (dirtyLog !== 'ring') {
    return `needs guest.dirtyLog: ring, which counts by vCPU, got ${dirtyLog}`;
  }
  if (written.autoConverge) return 'excludes autoConverge: choose one';
  if (written.qemuVersion === '10') return undefined;
  return 'is not there before QEMU 8.1: leave out qemuVersion';
}

function optionsOf(spec: CommonSpec & QemuSpec, { downtimeLimitMs, pages, pageSize }: PolicyFacts) {
  const { autoConverge, dirtyLimit, availSwitchoverBytesPerSecond: assumed } = spec;
  const manager = managerOf(spec, downtimeLimitMs, pages * pageSize);
  const options: QemuOptions = {
    version: spec.qemuVersion ?? '10',
    downtimeLimitMs,
    ...(autoConverge ? { autoConverge } : {}),
    ...(dirtyLimit ? { dirtyLimit } : {}),
    ...(manager ? { manager } : {}),
    ...(assumed === undefined ? {} : { availSwitchoverBytesPerSecond: assumed }),
  };
  return options;
}

function managerOf(spec: QemuSpec, limitMs: number, guestBytes: number): Manager | undefined {
  const kind = managerNamed(spec.manager);
  if (!kind) return undefined;
  const options = {
    nova: spec.nova ?? NOVA_DEFAULTS,
    proxmox: spec.proxmox ?? PROXMOX_DEFAULTS,
    ovirt: spec.ovirt ?? OVIRT_DEFAULTS,
    kubevirt: spec.kubevirt ?? KUBEVIRT_DEFAULTS,
  };
  return kind.manager(options[kind.settings as keyof typeof options], { limitMs, guestBytes });
}
