import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { parseSize } from '../../units/size.ts';
import { PAGE_ORDERS } from '../page-orders/registry.ts';
import { policyNamed, POLICIES } from '../policies/registry.ts';
import type { RoundsSpec } from '../policies/rounds.ts';
import type { AroundSpec } from './common-spec.ts';
import type { KeyProblem, PageOrderKind, PolicyKind, Surroundings } from './kinds.ts';
import type { WrittenMigration } from './migration-keys.ts';
import type { MigrationSpec } from './migration-spec.ts';

/** The parts that all policies and page orders make of their keys; those not chosen use their defaults. */
type KindParts = RoundsSpec & Partial<MigrationSpec>;

function partsOf(written: WrittenMigration, around: Surroundings): KindParts {
  // `written` has the keys of all kinds, of which each takes its own.
  const policies = POLICIES as readonly PolicyKind[];
  const orders = PAGE_ORDERS as readonly PageOrderKind[];
  return Object.assign(
    {},
    ...policies.map((kind) => kind.resolve(written, around)),
    ...orders.map((kind) => kind.resolve(written)),
  ) as KindParts;
}

/** What lies around a migration in its scenario. */
type Outside = Pick<Surroundings, 'dirtyLog' | 'dirtyRingSize'>;

/** Turns a checked migration into numbers. The paths of the user's own modules stay as they are. */
export function resolveMigration(written: WrittenMigration, around: Outside): MigrationSpec {
  return {
    algorithm: written.algorithm,
    policy: written.policy,
    ...partsOf(written, surroundingsOf(written, around)),
    ...(written.switchoverAck === true ? { switchoverAck: true } : {}),
    ...(written.freePageHints === true ? { freePageHints: true } : {}),
    ...(written.around ? { around: aroundOf(written.around) } : {}),
    preempt: written.postcopyPreempt,
    ...(written.postcopyPreempt ? { breakHuge: written.postcopyBreakHuge } : {}),
    ...(parseDuration(written.postcopyPoll) === 0
      ? {}
      : { postcopyPollNs: parseDuration(written.postcopyPoll) }),
    pseudoPaging: written.pseudoPaging,
    postcopyAfter: written.postcopyAfter,
    postcopyBytesPerSecond: parseRate(written.postcopyBandwidth),
    ...(written.postcopyRecovery
      ? { recoverWithinNs: parseDuration(written.postcopyRecoveryTimeout) }
      : {}),
    pageOrder: written.pageOrder,
    swapOrder: written.swapOrder,
    swapReadaheadPages: written.swapReadaheadPages,
    maxBytesPerSecond:
      written.maxBandwidth === undefined ? Infinity : parseRate(written.maxBandwidth),
    strictRate: written.strictRate,
    downtimeLimitNs: parseDuration(written.downtimeLimit),
    startAfterNs: parseDuration(written.startAfter),
    runAfterNs: parseDuration(written.runAfter),
    timeoutNs: parseDuration(written.timeout),
    encodings: written.encodings,
    ...(written.xbzrleCacheSize === undefined
      ? {}
      : { xbzrleCacheBytes: parseSize(written.xbzrleCacheSize) }),
    ...(written.compressionLevel === undefined
      ? {}
      : { compressionLevel: written.compressionLevel }),
    ...(written.compressionBlock === undefined
      ? {}
      : { compressionBlockBytes: parseSize(written.compressionBlock) }),
    ...channelsOf(written),
    ...(written.recordPages === true ? { recordPages: true } : {}),
  };
}

/** One channel is the connection itself, which has no others beside it. */
function channelsOf({
  channels = 1,
  zeroPageDetection,
}: WrittenMigration): Pick<MigrationSpec, 'channels' | 'zeroPageDetection'> {
  if (channels === 1) return {};
  return { channels, ...(zeroPageDetection === undefined ? {} : { zeroPageDetection }) };
}

/** Returns what the chosen policy finds wrong about its own keys. */
export function kindProblems(written: WrittenMigration, around: Outside): readonly KeyProblem[] {
  if (typeof written.policy !== 'string') return [];
  const { problems } = policyNamed(written.policy);
  return problems?.(written, surroundingsOf(written, around)) ?? [];
}

const surroundingsOf = (
  { algorithm, downtimeLimit }: WrittenMigration,
  around: Outside,
): Surroundings => ({ ...around, algorithm, downtimeLimit });

function aroundOf(written: NonNullable<WrittenMigration['around']>): AroundSpec {
  return {
    startTargetNs: parseDuration(written.startTarget),
    tunnelNs: parseDuration(written.tunnel),
    setupNs: parseDuration(written.setup),
    cleanupNs: parseDuration(written.cleanup),
  };
}
