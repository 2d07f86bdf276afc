import { cursorOrder, lineCursorOrder, twiceOrder } from '../../migration/page-orders/cursor.ts';
import { bubblingOrder } from '../../migration/page-orders/bubbling.ts';
import { gfnLine, type PageLine, swapLine } from '../../migration/page-orders/line.ts';
import { withReadahead } from '../../migration/page-orders/readahead.ts';
import { queuedOrder } from '../../migration/page-orders/queued.ts';
import type { PageOrder } from '../../migration/page-orders/page-order.ts';
import { forceAfter } from '../../migration/policies/force-after.ts';
import { postcopyAfter } from '../../migration/policies/postcopy-after.ts';
import type { Policy } from '../../migration/policy.ts';
import type { Algorithm } from '../../migration/ports.ts';
import { hybridSource, postcopySource } from '../../migration/postcopy.ts';
import { precopySource } from '../../migration/precopy.ts';
import { plainAccounting, qemuAccounting } from '../../migration/accounting.ts';
import { clarkBursts, qemuWindow, type WindowLag } from '../../migration/limiters.ts';
import { type QemuOptions, qemuPolicy } from '../../migration/policies/qemu.ts';
import { CLARK_RATES, type ClarkOptions, clarkPolicy } from '../../migration/policies/clark2005.ts';
import {
  KUBEVIRT_DEFAULTS,
  kubevirtStall,
  kubevirtTimeouts,
} from '../../migration/policies/kubevirt.ts';
import { kubevirtLadder, novaLadder, proxmoxLadder } from '../../migration/policies/ladders.ts';
import type { Manager } from '../../migration/policies/managers.ts';
import { cloudHypervisorPolicy, sdpsPolicy } from '../../migration/policies/rounds-until.ts';
import { xenPolicy } from '../../migration/policies/xen.ts';
import { permutedWalk } from '../../migration/page-orders/permuted.ts';
import { roundsPolicy } from '../../migration/policies/rounds.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { SourceOptions } from '../../migration/source-options.ts';
import type { SourceSide } from '../../migration/source-session.ts';
import { stopAndCopySource } from '../../migration/stop-and-copy.ts';
import type { RunConfig } from '../config.ts';

type Migration = RunConfig['migration'];

/** The source's half that a scenario asks for. */
export function sourceAlgorithm(side: SourceSide, config: Migration): Algorithm<SourceReport> {
  const { pages, pageSize } = side.guest.memory;
  const simple = <State>(policy: Policy<State>): Algorithm<SourceReport> =>
    algorithmWith(side, config, policy, postcopyAfter(policy, config.postcopyAfter));
  switch (config.policy) {
    case 'rounds':
      return simple(roundsPolicy(config.rounds));
    case 'xen':
      return simple(xenPolicy);
    case 'clark2005':
      return simple(clarkPolicy(clarkOptions(config, pages)));
    case 'xen3':
      return simple(clarkPolicy({ ...clarkOptions(config, pages), isAdaptive: false }));
    case 'cloud-hypervisor':
      return simple(
        cloudHypervisorPolicy({
          downtimeMs: config.downtimeLimitNs / 1e6,
          timeoutMs: config.timeoutNs / 1e6,
          timeoutAction: config.timeoutAction ?? 'cancel',
        }),
      );
    case 'sdps':
      return simple(sdpsPolicy(config.downtimeLimitNs / 1e6));
    default:
      return qemuAlgorithm(side, config, pages * pageSize);
  }
}

function qemuAlgorithm(side: SourceSide, config: Migration, guestBytes: number) {
  const options = qemuOptions(config, guestBytes);
  const after = { rounds: config.postcopyAfter, pollMs: (config.postcopyPollNs ?? 0) / 1e6 };
  // KubeVirt's monitors decide on post-copy themselves.
  const isManaged = config.manager?.startsWith('kubevirt-') ?? false;
  const hybrid = qemuPolicy({
    ...options,
    ...(isManaged ? {} : { postcopyAfter: after }),
  });
  return algorithmWith(side, config, qemuPolicy(options), hybrid);
}

function clarkOptions(config: Migration, pages: number): ClarkOptions {
  const { startMbit, maxMbit, maxBytesPerSecond, stun } = config;
  return {
    pages,
    startMbit: startMbit ?? CLARK_RATES.startMbit,
    maxMbit: maxMbit ?? CLARK_RATES.maxMbit,
    maxBytesPerSecond,
    ...(stun ? { stun } : {}),
  };
}

function qemuOptions(config: Migration, guestBytes: number): QemuOptions {
  const { autoConverge, availSwitchoverBytesPerSecond } = config;
  const downtimeLimitMs = config.downtimeLimitNs / 1e6;
  return {
    version: config.qemuVersion ?? '10',
    downtimeLimitMs,
    ...(autoConverge ? { autoConverge } : {}),
    ...(config.dirtyLimit ? { dirtyLimit: config.dirtyLimit } : {}),
    ...(config.manager ? { manager: managerOf(config, downtimeLimitMs, guestBytes) } : {}),
    ...(availSwitchoverBytesPerSecond === undefined ? {} : { availSwitchoverBytesPerSecond }),
  };
}

function managerOf({ manager, kubevirt }: Migration, limitMs: number, guestBytes: number): Manager {
  const options = kubevirt ?? KUBEVIRT_DEFAULTS;
  switch (manager) {
    case 'nova':
      return novaLadder(limitMs, guestBytes);
    case 'kubevirt':
      return kubevirtLadder;
    case 'kubevirt-timeouts':
      return kubevirtTimeouts(options, limitMs, guestBytes);
    case 'kubevirt-stall':
      return kubevirtStall(options, guestBytes);
    default:
      return proxmoxLadder;
  }
}

function algorithmWith<State>(
  side: SourceSide,
  config: RunConfig['migration'],
  policy: Policy<State>,
  hybrid: Policy<State>,
): Algorithm<SourceReport> {
  const { force } = config;
  if (force && (config.algorithm === 'precopy' || config.algorithm === 'hybrid')) {
    const forced = forceAfter(config.algorithm === 'precopy' ? policy : hybrid, force);
    if (force.action === 'switchover' && config.algorithm === 'precopy') {
      return precopySource(side, forced);
    }
    return hybridSource(side, forced, orderOf(side, config));
  }
  switch (config.algorithm) {
    case 'stop-and-copy':
      return stopAndCopySource(side, policy);
    case 'precopy':
      return precopySource(side, policy);
    case 'postcopy':
      return postcopySource(side, orderOf(side, config));
    default:
      return hybridSource(side, hybrid, orderOf(side, config));
  }
}

function orderOf({ guest }: SourceSide, config: Migration): PageOrder {
  const { swapOrder = 'gfn', swapReadaheadPages = 1 } = config;
  let line: PageLine | undefined;
  // The guest's own order is known once it stands still.
  const lineOf = (): PageLine =>
    (line ??=
      swapOrder === 'gfn' ? gfnLine(guest.memory.pages) : swapLine(guest.swapOrder(swapOrder)));
  const order = pushOrderOf(config, lineOf);
  return swapReadaheadPages > 1 ? withReadahead(order, swapReadaheadPages, lineOf) : order;
}

function pushOrderOf(
  { pageOrder, bubbling, swapOrder = 'gfn' }: Migration,
  lineOf: () => PageLine,
): PageOrder {
  if (pageOrder === 'twice') return twiceOrder();
  if (pageOrder !== 'bubbling') {
    const follow = pageOrder === 'follow';
    return swapOrder === 'gfn' ? cursorOrder(follow) : lineCursorOrder(follow, lineOf);
  }
  const options = bubbling ?? { pivots: 1, direction: 'dual' };
  const { queuePages = 0, discardsQueue = false } = options;
  const order = bubblingOrder(options, lineOf);
  return queuePages > 0 ? queuedOrder(order, queuePages, discardsQueue) : order;
}

/** `lag`: how late a sender goes on that slept out a window, in a world that has to be told. */
export function sourceOptions(
  link: RunConfig['link'],
  migration: RunConfig['migration'],
  guest: { readonly pages: number; readonly pageSize: number },
  lag?: WindowLag,
): SourceOptions {
  return {
    integrity: link.integrity,
    encodings: migration.encodings,
    linkBytesPerSecond: link.bytesPerSecond,
    linkLatencyNs: link.latencyNs,
    postcopyBytesPerSecond: migration.postcopyBytesPerSecond,
    preempt: migration.preempt ?? false,
    pseudoPaging: migration.pseudoPaging ?? false,
    ...recoveryOf(migration),
    maxBytesPerSecond: migration.maxBytesPerSecond,
    strictRate: migration.strictRate,
    // A timeout that is to be ignored ends the rounds, which its policy does, not the migration.
    timeoutNs: isTimeoutIgnored(migration) ? Infinity : migration.timeoutNs,
    ...pacingOf(migration, guest, lag),
  };
}

/** What both halves know of the recovery of a post-copy. */
export function recoveryOf({ recoverWithinNs }: Migration): { recoverWithinNs?: number } {
  return recoverWithinNs === undefined ? {} : { recoverWithinNs };
}

function isTimeoutIgnored({ policy, timeoutAction }: Migration): boolean {
  return policy === 'cloud-hypervisor' && timeoutAction === 'ignore';
}

function pacingOf(
  migration: Migration,
  { pages, pageSize }: { readonly pages: number; readonly pageSize: number },
  lag?: WindowLag,
): Pick<SourceOptions, 'pacing' | 'walk'> {
  if (migration.policy === 'qemu') {
    const accounting = qemuAccounting(migration.qemuVersion ?? '10', pageSize);
    const limiter = qemuWindow(migration.maxBytesPerSecond, accounting, lag);
    return { pacing: { accounting, limiter } };
  }
  if (migration.policy !== 'clark2005') return {};
  const accounting = plainAccounting(pageSize);
  return { pacing: { accounting, limiter: clarkBursts(accounting) }, walk: permutedWalk(pages) };
}
