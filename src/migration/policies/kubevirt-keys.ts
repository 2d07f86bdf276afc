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

const ofLadder =
  (ladder: string): Needs =>
  (_, { downtimeLadder }) =>
    downtimeLadder === ladder
      ? undefined
      : `is of downtimeLadder ${ladder}, the migration has ${String(downtimeLadder)}: leave it out`;

const SOURCES = {
  config: "KubeVirt's MigrationConfiguration",
  stall: 'as enhancement 248 proposes it',
};
/** Of the one detector or the other. */
const TIMEOUTS = { source: SOURCES.config, needs: ofLadder('kubevirt-timeouts') };
const STALL = { source: SOURCES.stall, needs: ofLadder('kubevirt-stall') };
const factor = number('a factor of 1 or more', { low: 1 });

export const KUBEVIRT_KEYS = {
  completionTimeoutPerGiB: defaulted(positiveDuration, '150s', {
    about: 'budget for each started GB of guest',
    source: SOURCES.config,
  }),
  progressTimeout: defaulted(positiveDuration, '150s', {
    about: 'given up after so long without a new low of what remains',
    ...TIMEOUTS,
  }),
  allowWorkloadDisruption: defaulted(flag, KUBEVIRT_DEFAULTS.allowWorkloadDisruption, {
    about: 'the guest may be suspended, or run from post-copy, to get it over with',
    source: SOURCES.config,
  }),
  maxDowntime: defaulted(positiveDuration, '900ms', {
    about: 'the downtime limit once the migration has stalled',
    ...STALL,
  }),
  stallProgressTimeout: defaulted(positiveDuration, '40s', {
    about: 'a pass is compared with those that are so long ago',
    ...STALL,
  }),
  stallMargin: defaulted(share(), KUBEVIRT_DEFAULTS.stallMargin, {
    about: 'share of the best remaining bytes that counts as no less',
    ...STALL,
  }),
  ewmaAlpha: defaulted(share(0.01), KUBEVIRT_DEFAULTS.ewmaAlpha, {
    about: 'weight of a bandwidth sample against those before',
    ...STALL,
  }),
  precopyPossibleFactor: defaulted(factor, KUBEVIRT_DEFAULTS.precopyPossibleFactor, {
    about: 'how much longer than the limit the rest may take for pre-copy to end it',
    ...STALL,
  }),
  patienceWindowDecayFactor: defaulted(share(), KUBEVIRT_DEFAULTS.patienceWindowDecayFactor, {
    about: 'by how much its patience shrinks each time the best pass does not come again',
    ...STALL,
  }),
  switchoverTimeout: defaulted(positiveDuration, '60s', {
    about: 'given up when a switchover does not follow within it',
    ...STALL,
  }),
  completionTimeoutFactor: defaulted(factor, KUBEVIRT_DEFAULTS.completionTimeoutFactor, {
    about: 'given up in any case after so many budgets',
    source: SOURCES.stall,
  }),
  searchLocalMinima: defaulted(flag, KUBEVIRT_DEFAULTS.searchLocalMinima, {
    about: 'it acts only at a pass that ends about as low as the best',
    ...STALL,
  }),
};

const ms = (duration: Quantity): number => parseDuration(duration) / 1e6;

/** Its numbers, from what is written. */
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
