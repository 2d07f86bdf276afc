import type { DeviceSpec } from '../../guest/devices/device.ts';
import type { Remedies } from '../divergence.ts';
import type { WindowLag } from '../limiters.ts';
import { gfnLine, type PageLine, swapLine } from '../page-orders/line.ts';
import type { PageOrder } from '../page-orders/page-order.ts';
import { withReadahead } from '../page-orders/readahead.ts';
import { pageOrderNamed } from '../page-orders/registry.ts';
import { forceAfter } from '../policies/force-after.ts';
import { postcopyAfter } from '../policies/postcopy-after.ts';
import { policyNamed } from '../policies/registry.ts';
import type { Policy } from '../policy.ts';
import type { Algorithm } from '../ports.ts';
import { hybridSource, postcopySource } from '../postcopy.ts';
import { precopySource } from '../precopy.ts';
import type { SourceReport } from '../source.ts';
import type { SourceOptions } from '../source-options.ts';
import type { SourceSide } from '../source-session.ts';
import { stopAndCopySource } from '../stop-and-copy.ts';
import type { PolicyFacts, PolicyKind } from './kinds.ts';
import type { LinkSpec, MigrationSpec } from './migration-spec.ts';
import { NO_OWN_KINDS, type OwnKinds } from './own-kinds.ts';

/**
 * Returns the source's half of the algorithm that a migration asks for. `own` makes policies and page
 * orders of the user's own; a runtime has loaded their modules before.
 */
export function sourceAlgorithm(
  side: SourceSide,
  spec: MigrationSpec,
  own: OwnKinds = NO_OWN_KINDS,
): Algorithm<SourceReport> {
  switch (spec.algorithm) {
    case 'stop-and-copy':
      return stopAndCopySource(side, policyOf(side, spec, own));
    case 'postcopy':
      return postcopySource(side, orderOf(side, spec, own));
    case 'precopy':
      return roundsSource(side, spec, own, policyOf(side, spec, own));
    default:
      return roundsSource(side, spec, own, hybridOf(side, spec, own));
  }
}

/** Returns pre-copy or hybrid, which may be forced to its end when it takes too long. */
function roundsSource(
  side: SourceSide,
  spec: MigrationSpec,
  own: OwnKinds,
  policy: Policy,
): Algorithm<SourceReport> {
  const { force } = spec;
  const forced = force ? forceAfter(policy, force) : policy;
  if (!mayPostcopy(spec)) return precopySource(side, forced);
  return hybridSource(side, forced, orderOf(side, spec, own));
}

/** Whether a migration may turn into post-copy. */
function mayPostcopy({ algorithm, force }: MigrationSpec): boolean {
  return algorithm === 'hybrid' || algorithm === 'postcopy' || force?.action === 'postcopy';
}

function policyOf(side: SourceSide, spec: MigrationSpec, own: OwnKinds): Policy {
  const facts = factsOf(side, spec);
  if (typeof spec.policy !== 'string') return own.policyOf(spec.policy, facts);
  return policyNamed(spec.policy).policy(spec, facts);
}

function hybridOf(side: SourceSide, spec: MigrationSpec, own: OwnKinds): Policy {
  const facts = factsOf(side, spec);
  const hybrid = kindOf(spec)?.hybrid?.(spec, facts);
  return hybrid ?? postcopyAfter(policyOf(side, spec, own), spec.postcopyAfter);
}

/** Returns the kind of a policy that is known by name, or undefined for one of the user's own. */
function kindOf({ policy }: MigrationSpec): PolicyKind | undefined {
  return typeof policy === 'string' ? policyNamed(policy) : undefined;
}

function factsOf({ guest, options }: SourceSide, spec: MigrationSpec): PolicyFacts {
  const { pages, pageSize } = guest.memory;
  return {
    pages,
    pageSize,
    linkBytesPerSecond: options.linkBytesPerSecond,
    maxBytesPerSecond: spec.maxBytesPerSecond,
    downtimeLimitMs: spec.downtimeLimitNs / 1e6,
    timeoutMs: spec.timeoutNs / 1e6,
  };
}

function orderOf({ guest }: SourceSide, spec: MigrationSpec, own: OwnKinds): PageOrder {
  const { pageOrder, swapOrder = 'gfn', swapReadaheadPages = 1 } = spec;
  const { pages, pageSize } = guest.memory;
  let cache: PageLine | undefined;
  // The order in the guest's swap device can be read only once the guest is paused.
  const line = (): PageLine =>
    (cache ??= swapOrder === 'gfn' ? gfnLine(pages) : swapLine(guest.swapOrder(swapOrder)));
  const facts = { pages, pageSize, line };
  const order =
    typeof pageOrder === 'string'
      ? pageOrderNamed(pageOrder).order(spec, facts)
      : own.pageOrderOf(pageOrder, facts);
  return swapReadaheadPages > 1 ? withReadahead(order, swapReadaheadPages, line) : order;
}

/**
 * Returns the options of the source's half. `lag` says how late a sender wakes that has slept until its
 * limiter's window ends; the virtual runtime models that, in real time it happens by itself. `devices` are those
 * of the guest, if it has any.
 */
export function sourceOptions(
  link: LinkSpec,
  spec: MigrationSpec,
  guest: { readonly pages: number; readonly pageSize: number },
  lag?: WindowLag,
  devices?: readonly DeviceSpec[],
): SourceOptions {
  const kind = kindOf(spec);
  return {
    integrity: link.integrity,
    encodings: spec.encodings,
    ...(spec.xbzrleCacheBytes === undefined ? {} : { xbzrleCacheBytes: spec.xbzrleCacheBytes }),
    ...(spec.compressionLevel === undefined ? {} : { compressionLevel: spec.compressionLevel }),
    ...(spec.compressionBlockBytes === undefined
      ? {}
      : { compressionBlockBytes: spec.compressionBlockBytes }),
    linkBytesPerSecond: link.bytesPerSecond,
    linkLatencyNs: link.latencyNs,
    postcopyBytesPerSecond: spec.postcopyBytesPerSecond,
    preempt: spec.preempt ?? false,
    ...(spec.breakHuge === undefined ? {} : { breakHuge: spec.breakHuge }),
    ...(link.sendBufferBytes === undefined ? {} : { sendBufferBytes: link.sendBufferBytes }),
    ...(link.mostWholePageBytes === undefined
      ? {}
      : { mostWholePageBytes: link.mostWholePageBytes }),
    pseudoPaging: spec.pseudoPaging ?? false,
    ...recoveryOf(spec),
    maxBytesPerSecond: spec.maxBytesPerSecond,
    strictRate: spec.strictRate,
    timeoutNs: kind?.takesTimeout?.(spec) ? Infinity : spec.timeoutNs,
    remedies: remediesOf(spec, devices),
    ...(spec.zeroPageDetection === undefined ? {} : { zeroPageDetection: spec.zeroPageDetection }),
    ...(spec.packetPages === undefined ? {} : { packetPages: spec.packetPages }),
    ...(spec.recordPages === true ? { recordPages: true } : {}),
    ...(spec.freePageHints === true && !mayPostcopy(spec) ? { freePageHints: true } : {}),
    ...(devices ? { devices, switchoverAck: spec.switchoverAck ?? false } : {}),
    ...kind?.pacing?.(spec, guest, lag),
  };
}

/** Returns what would let a migration complete that has diverged. */
function remediesOf(spec: MigrationSpec, devices: readonly DeviceSpec[] = []): Remedies {
  const own = withBandwidth(spec, kindOf(spec)?.remedies?.(spec) ?? { others: [] }, devices);
  const { algorithm } = spec;
  // VFIO devices can't be migrated by post-copy.
  if (algorithm === 'precopy' && !devices.some(({ isPending }) => isPending)) {
    return { ...own, others: [...own.others, 'migration.algorithm: hybrid'] };
  }
  if (algorithm !== 'hybrid') return own;
  return { ...own, others: [...own.others, 'a lower migration.postcopyAfter'] };
}

/**
 * QEMU weighs the devices' state with the bandwidth that it measures, which is low while a guest has little to
 * send; it can be told the bandwidth instead.
 */
function withBandwidth(
  spec: MigrationSpec,
  own: Remedies,
  devices: readonly DeviceSpec[],
): Remedies {
  const isWeighed = spec.policy === 'qemu' && devices.some(({ isPending }) => isPending);
  if (!isWeighed || spec.availSwitchoverBytesPerSecond !== undefined) return own;
  return { ...own, others: ['migration.availSwitchoverBandwidth', ...own.others] };
}

/** Returns the option for recovery of a post-copy, which both halves take. */
export function recoveryOf({ recoverWithinNs }: MigrationSpec): { recoverWithinNs?: number } {
  return recoverWithinNs === undefined ? {} : { recoverWithinNs };
}
