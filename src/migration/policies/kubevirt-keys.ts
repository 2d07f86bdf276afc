import { parseDuration } from '../../units/duration.ts';
import {
  defaulted,
  flag,
  type Needs,
  number,
  optional,
  positiveDuration,
  type Quantity,
  share,
  type ValuesOf,
  whole,
} from '../../units/keys.ts';
import {
  KUBEVIRT_DEFAULTS,
  type KubevirtOptions,
  kubevirtRamp,
  kubevirtTimeouts,
} from './kubevirt.ts';
import { kubevirtStall } from './kubevirt-stall.ts';
import { type ManagerKind, managerKind } from './managers.ts';

/** Makes the rule that a key has an effect with some of KubeVirt's ladders only. */
const needsLadder =
  (...ladders: readonly string[]): Needs =>
  (_, { downtimeLadder }) =>
    ladders.includes(String(downtimeLadder))
      ? undefined
      : `has an effect only with downtimeLadder ${ladders.join(' or ')}, the migration has ${String(downtimeLadder)}: leave it out`;

const CONFIG = "KubeVirt's MigrationConfiguration";
const STALL_SOURCE = 'as enhancement 248 proposes it';
/** What the keys of the monitor without the stall detector have in common, and those of the other two. */
const TIMEOUTS = { source: CONFIG, needs: needsLadder('kubevirt', 'kubevirt-timeouts') };
const RAMP = {
  source: "KubeVirt's DowntimeTuningOptions (enhancement 291)",
  needs: needsLadder('kubevirt'),
};
const STALL = { source: STALL_SOURCE, needs: needsLadder('kubevirt-stall') };
const factor = number('a factor of 1 or more', { low: 1 });

/** The keys of `migration.kubevirt`. */
export const KUBEVIRT_KEYS = {
  completionTimeoutPerGiB: defaulted(positiveDuration, '150s', {
    about: "the time budget for each GB of the guest's memory, rounded up",
    source: `${CONFIG}; older releases had 800 s`,
  }),
  progressTimeout: defaulted(positiveDuration, '150s', {
    about:
      'how long no look may see fewer bytes left than the look before, until the migration is given up',
    ...TIMEOUTS,
  }),
  allowWorkloadDisruption: optional(flag, {
    about:
      'whether the guest may be suspended, or switched to post-copy, to end the migration; absent: with hybrid only',
  }),
  maxDowntime: optional(positiveDuration, {
    about: "KubeVirt's name of migration.downtimeLimit, which may stand there instead",
    needs: needsLadder('kubevirt', 'kubevirt-stall'),
  }),
  initialDowntime: defaulted(positiveDuration, '150ms', {
    about: 'the downtime limit from the first look on',
    ...RAMP,
  }),
  steps: defaulted(whole(1, 1000), KUBEVIRT_DEFAULTS.steps, {
    about: 'the number of equal steps from there to migration.downtimeLimit',
    ...RAMP,
  }),
  startAfterIteration: defaulted(whole(0, 10_000), KUBEVIRT_DEFAULTS.startAfterIteration, {
    about: 'the pass over the memory from which on the limit rises; the first pass is 1',
    ...RAMP,
  }),
  cooldown: defaulted(positiveDuration, '10s', {
    about: 'the least time between two changes of the limit',
    ...RAMP,
  }),
  stallProgressTimeout: defaulted(positiveDuration, '40s', {
    about: 'how long ago the passes ended with which a pass is compared',
    ...STALL,
  }),
  stallMargin: defaulted(share(), KUBEVIRT_DEFAULTS.stallMargin, {
    about: 'the share of the fewest remaining bytes within which a pass counts as no better',
    ...STALL,
  }),
  ewmaAlpha: defaulted(share(0.01), KUBEVIRT_DEFAULTS.ewmaAlpha, {
    about: 'the weight of a bandwidth sample against the earlier ones',
    ...STALL,
  }),
  precopyPossibleFactor: defaulted(factor, KUBEVIRT_DEFAULTS.precopyPossibleFactor, {
    about:
      'by what factor sending the rest may exceed the downtime limit for pre-copy still to end',
    ...STALL,
  }),
  patienceWindowDecayFactor: defaulted(share(), KUBEVIRT_DEFAULTS.patienceWindowDecayFactor, {
    about: 'the factor by which its patience shrinks whenever the best pass has not recurred',
    ...STALL,
  }),
  switchoverTimeout: defaulted(positiveDuration, '60s', {
    about: 'how long a switchover may take to begin before the migration is given up',
    ...STALL,
  }),
  completionTimeoutFactor: defaulted(factor, KUBEVIRT_DEFAULTS.completionTimeoutFactor, {
    about: 'the number of budgets after which the migration is given up in any case',
    source: STALL_SOURCE,
  }),
  searchLocalMinima: defaulted(flag, KUBEVIRT_DEFAULTS.searchLocalMinima, {
    about: 'whether it acts only at a pass that ends about as low as the best one',
    ...STALL,
  }),
};

const ms = (duration: Quantity): number => parseDuration(duration) / 1e6;

/** Turns the values as written into numbers. */
export function resolveKubevirt(
  written: ValuesOf<typeof KUBEVIRT_KEYS>,
  allowPostCopy: boolean,
): KubevirtOptions {
  const {
    completionTimeoutPerGiB,
    progressTimeout,
    allowWorkloadDisruption = allowPostCopy,
    maxDowntime: _,
    initialDowntime,
    cooldown,
    stallProgressTimeout,
    switchoverTimeout,
    ...rest
  } = written;
  return {
    ...rest,
    allowPostCopy,
    allowWorkloadDisruption,
    completionTimeoutPerGiBMs: ms(completionTimeoutPerGiB),
    progressTimeoutMs: ms(progressTimeout),
    initialDowntimeMs: ms(initialDowntime),
    cooldownMs: ms(cooldown),
    stallProgressTimeoutMs: ms(stallProgressTimeout),
    switchoverTimeoutMs: ms(switchoverTimeout),
  };
}

/** What KubeVirt's ladders have in common. */
const COMMON = {
  settings: 'kubevirt',
  keys: KUBEVIRT_KEYS,
  decidesOnPostcopy: () => true,
  patienceKey: 'migration.kubevirt.completionTimeoutPerGiB',
  resolve: resolveKubevirt,
} satisfies Partial<ManagerKind<string, typeof KUBEVIRT_KEYS, KubevirtOptions>>;

export const kubevirt = managerKind({
  ...COMMON,
  name: 'kubevirt',
  about:
    'KubeVirt 1.9 with downtimeTuning raises the downtime limit every 10 s from the third pass on, up to downtimeLimit.',
  // The ceiling that enhancement 291 and the notes of the release name.
  defaults: { downtimeLimit: '1050ms' },
  manager: (options, { limitMs, guestBytes }) => kubevirtRamp(options, limitMs, guestBytes),
});

export const kubevirtByTimeouts = managerKind({
  ...COMMON,
  name: 'kubevirt-timeouts',
  about: 'KubeVirt by its timeouts alone leaves the downtime limit as it is.',
  // KubeVirt leaves the limit to QEMU.
  defaults: { downtimeLimit: '300ms' },
  manager: (options, { limitMs, guestBytes }) => kubevirtTimeouts(options, limitMs, guestBytes),
});

export const kubevirtByStall = managerKind({
  ...COMMON,
  name: 'kubevirt-stall',
  about: 'KubeVirt 1.9 with its stall detector takes the downtime limit once passes get no better.',
  // The default of MigrationConfiguration's maxDowntimeMs.
  defaults: { downtimeLimit: '900ms' },
  manager: (options, { limitMs, guestBytes }) => kubevirtStall(options, limitMs, guestBytes),
});
