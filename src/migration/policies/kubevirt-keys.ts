import { parseDuration } from '../../units/duration.ts';
import {
  defaulted,
  flag,
  type Needs,
  number,
  positiveDuration,
  type Quantity,
  share,
  type ValuesOf,
} from '../../units/keys.ts';
import { KUBEVIRT_DEFAULTS, type KubevirtOptions } from './kubevirt.ts';

/** Makes the rule that a key has an effect with one ladder only. */
const needsLadder =
  (ladder: string): Needs =>
  (_, { downtimeLadder }) =>
    downtimeLadder === ladder
      ? undefined
      : `has an effect only with downtimeLadder ${ladder}, the migration has ${String(downtimeLadder)}: leave it out`;

const SOURCES = {
  config: "KubeVirt's MigrationConfiguration",
  stall: 'as enhancement 248 proposes it',
};
/** What the keys of the monitor without the stall detector have in common, and those of the one with it. */
const TIMEOUTS = { source: SOURCES.config, needs: needsLadder('kubevirt-timeouts') };
const STALL = { source: SOURCES.stall, needs: needsLadder('kubevirt-stall') };
const factor = number('a factor of 1 or more', { low: 1 });

/** The keys of `migration.kubevirt`. */
export const KUBEVIRT_KEYS = {
  completionTimeoutPerGiB: defaulted(positiveDuration, '150s', {
    about: "the time budget for each GB of the guest's memory, rounded up",
    source: SOURCES.config,
  }),
  progressTimeout: defaulted(positiveDuration, '150s', {
    about: 'how long the remaining bytes may reach no new low before the migration is given up',
    ...TIMEOUTS,
  }),
  allowWorkloadDisruption: defaulted(flag, KUBEVIRT_DEFAULTS.allowWorkloadDisruption, {
    about: 'whether the guest may be suspended, or switched to post-copy, to end the migration',
    source: SOURCES.config,
  }),
  maxDowntime: defaulted(positiveDuration, '900ms', {
    about: 'the downtime limit once the migration has stalled',
    ...STALL,
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
    about: 'by what factor sending the rest may exceed maxDowntime for pre-copy still to end',
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
    source: SOURCES.stall,
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
    maxDowntime,
    stallProgressTimeout,
    switchoverTimeout,
    ...rest
  } = written;
  return {
    ...rest,
    allowPostCopy,
    completionTimeoutPerGiBMs: ms(completionTimeoutPerGiB),
    progressTimeoutMs: ms(progressTimeout),
    maxDowntimeMs: ms(maxDowntime),
    stallProgressTimeoutMs: ms(stallProgressTimeout),
    switchoverTimeoutMs: ms(switchoverTimeout),
  };
}
